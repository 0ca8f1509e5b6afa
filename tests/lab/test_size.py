"""`perplab size`: what it prints is what the functions say, and what is wrong is one line and exit code 2."""

from __future__ import annotations

import json
import re
import sys
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import pytest
from cli_kit import call, klines
from updates import Updates

from perplab.clients import SyncClient

sys.path.append(str(Path(__file__).resolve().parent.parent / "server"))
from test_sockets import Server

SEED = ("size", "--equity", "1000000", "--risk", "1%", "--entry", "60000", "--stop", "58200", "--leverage", "10", "--slippage", "3%")
SMALL = ("size", "--equity", "1000", "--entry", "60000")
PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "clients.md"
BEGIN, END = "<!-- perplab size -->\n", "<!-- end of perplab size -->\n"


def rows(*more: str) -> list[str]:
    done = call(*SEED, *more)
    assert done.exit_code == 0, done.output
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


def test_a_million_at_one_per_cent_shows_every_step() -> None:
    told = rows()
    for line in (
        "may be lost 1 % of 1,000,000 10,000.00 USD",
        "distance 60,000 - 58,200 1,800.00 USD",
        "slippage in 3 % of 60,000 1,800.00 USD",
        "slippage out 3 % of 58,200 1,746.00 USD",
        "fee in 0.045 % of 61,800, the fill 27.81 USD",
        "fee out 0.045 % of 56,454 = 58,200 - slippage 25.40 USD",
        "together 5,399.21 USD",
        "size by risk 10,000 / 5,399.21, in whole lots 1.85212 BTC",
        "size by leverage at 10x or its tier's, entry paid 127.74965 BTC",
        "SIZE the smallest: what the risk allows 1.85212 BTC",
        "liquidated at below maintenance; behind the stop 54,683.00 USD",
    ):
        assert line in told, told


def test_the_page_shows_what_it_prints(updates: Updates) -> None:
    before = PAGE.read_text(encoding="utf-8")
    head, rest = before.split(BEGIN)
    lines = "\n".join(line.rstrip() for line in call(*SEED).stdout.splitlines())
    after = f"{head}{BEGIN}\n```console\n$ perplab {' '.join(SEED)}\n{lines}\n```\n\n{END}{rest.split(END)[1]}"
    if updates.on:
        updates.put(PAGE, before, after)
    assert updates.on or after == before, "docs/clients.md is behind: pytest tests/lab/test_size.py --update"


@pytest.mark.parametrize("columns", [80, 160])
def test_it_fits_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    done = call(*SEED, "--volatility", "80%", "--hold", "24h", "--funding", "0.01%/8h", "--distance", "20%", "--beta", "1.3")
    lines = done.stdout.splitlines()
    assert done.exit_code == 0 and max(map(len, lines)) <= min(columns, 110)
    assert len(lines) == 30, "no row is broken in two"


def test_odds_distance_funding_and_hedge() -> None:
    more = ("--volatility", "80%", "--hold", "24h", "--funding", "0.01%/8h", "--distance", "20%", "--hedge-market", "ETH")
    told = rows(*more, "--hedge-price", "3000", "--beta", "1.3", "--correlation", "0.8")
    for line in (
        "funding 3 x 0.01 % of 60,000 18.00 USD",
        "before the stop at 10x 0.00 %",
        "if the stop fails at 10x 2.80 %",
        "1 % is kept up to 0.00 %, liquidated at 58,117; 24x: 48.09 % 23x",
        "1 % is kept up to 0.41 %, liquidated at 53,164; 9x: 1.26 % 8x",
        "sell 110,757.60 x 1.3 / 3,000, in whole lots 47.9949 ETH",
        "variance left 60.0 % of the volatility 36.00 %",
        "to be 20 % away margin to be added 12,183.34 USD",
    ):
        assert line in told, told


def test_what_the_leverage_requires_is_not_to_be_taken_out() -> None:
    """A position with its initial margin alone has nothing to spare, however far its liquidation is."""
    assert "to be 2 % away it is; margin that may be taken out at 10x 0.00 USD" in rows("--distance", "2%")
    told = json.loads(call(*SEED, "--distance", "2%", "--json").stdout)
    assert Decimal(told["added"]) < 0 == Decimal(told["removable"])


def test_funding_that_is_received_is_said_and_not_counted() -> None:
    assert "funding 3 x -0.01 % is received, and not counted 0.00 USD" in rows("--hold", "24h", "--funding", "-0.01%/8h")


def test_a_short_whose_liquidation_comes_first() -> None:
    done = call("size", "--equity", "1000000", "--entry", "60000", "--stop", "61800", "--slippage", "0.1%", "--rests")
    assert done.stdout.startswith("Short BTC at 60,000 USD, stop at 61,800 USD")
    assert "BEFORE THE STOP" in done.stdout and re.search(r"fee in +0\.015 % of 60,000, the fill", done.stdout)


def test_a_size_beyond_what_a_venue_holds() -> None:
    told = call("size", "--equity", "1e15", "--entry", "60000", "--stop", "58200", "--slippage", "1%").stdout
    assert re.search(r"size by risk .* >= 166,666\.66666 BTC", told) and "the most that a venue holds" in told


def test_fees_of_a_coin_are_not_those_of_a_lot() -> None:
    """Of a lot a fee is rounded up to a micro-unit, which is a tenth of a USD for a coin."""
    done = call("size", "--equity", "10", "--entry", "60030", "--stop", "58200", "--slippage", "0%")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "fee in 0.045 % of 60,030, the fill 27.01 USD" in lines and "fee out 0.045 % of 58,200 = 58,200 - slippage 26.19 USD" in lines


def test_a_size_of_none() -> None:
    done = call(*SMALL, "--stop", "58200", "--slippage", "1%", "--risk", "1bp", "--volatility", "80%", "--beta", "1")
    assert re.search(r"SIZE +none: less than the smallest order +0 BTC", done.stdout)
    assert "Odds" not in done.stdout and "Hedge" not in done.stdout


def test_jumps_and_a_replayed_path_have_a_seed_and_an_error(tmp_path: Path) -> None:
    for more in (("--model", "jumps", "--jumps", "50,-3%,4%", "--volatility", "60%"), ("--model", "replay", "--path", klines(tmp_path))):
        first, again, other = (call(*SEED, *more, "--horizon", "1h", "--seed", seed).stdout for seed in ("1", "1", "2"))
        assert first == again != other
        assert re.search(r"if the stop fails +at 10x +\d+\.\d\d \+- \d+\.\d\d %", first)
    assert "price by 120 bars of BTCUSDT-1m.csv" in first


def test_fees_follow_what_was_traded() -> None:
    told = rows("--venue", "hyperliquid", "--volume", "30000000")
    assert "volume traded fees of 0.035 % in, 0.035 % out 30,000,000.00 USD" in told
    assert "fee in 0.035 % of 61,800, the fill 21.63 USD" in told
    assert "SIZE the smallest: what the risk allows 1.856 BTC-PERP" in told
    assert "fee in 0.045 % of 61,800, the fill 27.81 USD" in rows("--venue", "hyperliquid", "--volume", "4999999")
    assert json.loads(call(*SEED, "--volume", "7", "--json").stdout)["volume"] == "7"
    assert "volume traded no tiers here: 0.045 % in, 0.045 % out 7.00 USD" in rows("--volume", "7")


def test_spot_markets_hold_no_positions() -> None:
    done = call(*SEED, "--venue", "portfolio", "--market", "BTC-SPOT")
    assert (done.exit_code, done.stderr) == (
        2, "error: --market: 'BTC-SPOT' given, a spot market, where nobody holds a position, expected one of BTC-PERP\n",
    )  # fmt: skip


def test_json_has_all_digits() -> None:
    told = json.loads(call(*SEED, "--volatility", "80%", "--beta", "1", "--json").stdout)
    assert told["sized"]["size"] == "1.85212" and told["coin"]["stop_fee"].startswith("25.404")
    assert all(len(one) <= 30 for one in told["coin"].values()), "28 digits, as of all quotients"
    assert told["odds"]["failed"]["probability"] == pytest.approx(0.02796, abs=1e-5) and told["hedged"]["size"] == "-1.85212"


def test_another_venue_and_market() -> None:
    told = call("size", "--equity", "1000", "--entry", "150", "--stop", "140", "--slippage", "0.5%", "--market", "SOL").stdout
    assert "Long SOL at 150 USD" in told and "20x" in told
    assert "hyperliquid" in call(*SMALL, "--stop", "58200", "--slippage", "1%", "--venue", "hyperliquid").stdout


def test_a_live_sandbox_gives_price_book_fees_tiers_and_funding() -> None:
    server = Server("--clock", "step", "--seed", "1")
    try:
        port = server.port
        live = ("size", "--equity", "50000", "--stop", "58200", "--connect", f"127.0.0.1:{port}", "--hold", "24h")
        told = json.loads(call(*live, "--hedge-market", "ETH", "--beta", "1", "--json").stdout)
        thin = json.loads(call(*live, "--stop-depth", "5%", "--json").stdout)
        text, whole = call(*live).stdout, call(*live, "--equity", "5000000", "--risk", "100%").stdout
        missing = call(*live, "--market", "XRP")
    finally:
        server.stop()
    assert told["where"] == f"sandbox at 127.0.0.1:{port}" and told["entry_in_book"] and told["stop_in_book"] and told["entry"] == "60000.5"
    assert told["intervals"] == 24 and told["funding_rate"] == "0.000012500000" and told["hedge_price"] == "3000.0"
    assert float(thin["sized"]["size"]) < float(told["sized"]["size"]), "a thinner book at the stop"
    assert float(thin["coin"]["stop_slippage"]) > float(told["coin"]["stop_slippage"])
    assert ", by the book" in text and "24 x 0.00125 % of 60,000.5" in text and "all that the book has" in whole and ">= " in whole
    assert missing.exit_code == 2 and "expected one of BTC, ETH, SOL" in missing.stderr


def test_a_key_asks_the_venue_for_the_fees_of_its_account(tmp_path: Path) -> None:
    """Of a server that trusts nobody: alice has traded 7,200 USD and is in the second of three tiers, carol has traded nothing."""
    design = tmp_path / "tiered.toml"
    tiers = ((1_000, 400_000), (5_000, 300_000), (25_000, 200_000))  # from so many USD on; the taker's fee [ppb]
    rows = [f"[[fee_tiers]]\nvolume = {volume}\nmaker_fee_ppb = 0\ntaker_fee_ppb = {fee}\n" for volume, fee in tiers]
    design.write_text('extends = "sandbox"\ntitle = "Three tiers"\n' + "\n".join(rows), encoding="utf-8")
    server = Server("--venue", str(design), "--world", "none", "--clock", "step")
    try:
        assert server.process.stdout is not None
        lines = iter(server.process.stdout.readline, "")
        found = next(one for line in lines if (one := re.search(r"the operator's key is (\w+), its secret (\w+)", line)))
        with ExitStack() as stack:
            operator = stack.enter_context(SyncClient(port=server.port, key=found[1], secret=found[2]))
            operator.ask("update_oracle", market="BTC", price=60_000)
            alice, bob, carol = (stack.enter_context(SyncClient(port=server.port, name=name)) for name in ("alice", "bob", "carol"))
            bob.sell("BTC", "0.12", "60000")
            assert alice.market_buy("BTC", "0.12").filled == Decimal("0.12")
            operator.ask("step", ms=86_400_000)  # fees go by whole days
            operator.ask("update_oracle", market="BTC", price=60_000)
            keys = {name: client.credentials for name, client in (("alice", alice), ("carol", carol))}
        asked = (*SMALL, "--stop", "58200", "--slippage", "1%", "--connect", f"127.0.0.1:{server.port}")
        told = {name: call(*asked, "--key", str(one.key), "--secret", str(one.secret), "--json") for name, one in keys.items()}
        text = call(*asked, "--key", str(keys["alice"].key), "--secret", str(keys["alice"].secret)).stdout
        same = call(*asked[:-2], "--port", str(server.port), "--json")
        nobody, wrong = call(*asked, "--json"), call(*asked, "--key", str(keys["alice"].key), "--secret", "nonsense")
    finally:
        server.stop()
    fees = {name: (json.loads(one.stdout)["entry_fee"], json.loads(one.stdout)["volume"]) for name, one in told.items()}
    assert {name: tuple(map(Decimal, pair)) for name, pair in fees.items()} == {
        "alice": (Decimal("0.0003"), Decimal(7_200)), "carol": (Decimal("0.00045"), Decimal(0)),
    }  # fmt: skip
    assert "volume traded fees of 0.03 % in, 0.03 % out 7,200.00 USD" in " ".join(text.split())
    assert Decimal(json.loads(nobody.stdout)["entry_fee"]) == Decimal("0.00045") and json.loads(nobody.stdout)["volume"] is None
    assert same.stdout == nobody.stdout, "a port alone is of this machine, as with perplab ctl"
    assert wrong.exit_code == 2 and not wrong.stdout and re.search(r"^error: --connect: .*WRONG_SIGNATURE", wrong.stderr), wrong.stderr


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--stop", "60000", "--slippage", "1%"], r"--stop: 60000 given, expected another price than the entry's"),
        (["--stop", "58200"], r"--slippage is missing: .* as 0\.1%"),
        (["--stop", "58200", "--slippage", "3"], r"'--slippage': '3' given, expected a number with its unit, as 1%"),
        (["--stop", "58200", "--slippage", "100%"], r"'--slippage': '100%' given, .* from 0 % to 99 %"),
        (["--stop", "58200", "--slippage", "1%", "--risk", "101%"], r"'--risk': '101%' given"),
        (["--stop", "nan", "--slippage", "1%"], r"'--stop': 'nan' given, expected a number above 0"),
        (["--stop", "58200", "--slippage", "1%", "--leverage", "50"], r"--leverage: 50 given, expected at most 40, as BTC allows"),
        (["--stop", "58200", "--slippage", "1%", "--venue", "nosuch"], r"nosuch.*sandbox|nosuch.*known"),
        (["--stop", "58200", "--slippage", "1%", "--market", "XRP"], r"--market: 'XRP' given, expected one of BTC, ETH, SOL"),
        (["--stop", "58200", "--slippage", "1%", "--hedge-market", "XRP"], r"--hedge-market: 'XRP' given"),
        (["--stop", "58200", "--slippage", "1%", "--hedge-market", "ETH", "--beta", "1"], r"--hedge-price is missing: that of ETH"),
        (["--stop", "58200", "--slippage", "1%", "--correlation", "0.5"], r"--correlation: given without --beta or --hedge-ratio"),
        (["--stop", "58200", "--slippage", "1%", "--hedge-market", "ETH"], r"--hedge-market: given without --beta or --hedge-ratio"),
        (["--stop", "58200", "--slippage", "1%", "--hedge-price", "9"], r"--hedge-price: given without --beta or --hedge-ratio"),
        (["--stop", "58200", "--slippage", "1%", "--funding", "1%"], r"'--funding': '1%' given, expected a share per time"),
        (["--stop", "58200", "--slippage", "1%", "--hold", "24"], r"'--hold': '24' given, expected a time with its unit"),
        (["--stop", "58200", "--slippage", "1%", "--model", "jumps"], r"--volatility is missing"),
        (["--stop", "58200", "--slippage", "1%", "--model", "jumps", "--volatility", "80%"], r"--jumps is missing: .* as 50,-3%,4%"),
        (["--stop", "58200", "--slippage", "1%", "--volatility", "80%", "--jumps", "1,1%,1%"], r"--jumps: given with --model gbm"),
        (["--stop", "58200", "--slippage", "1%", "--jumps", "1,1%"], r"'--jumps': '1,1%' given, expected how many a year"),
        (["--stop", "58200", "--slippage", "1%", "--model", "replay"], r"--path is missing"),
        (["--stop", "58200", "--slippage", "1%", "--model", "replay", "--path", "none.csv"], r"'--path'.*none\.csv"),
        (["--stop", "58200", "--slippage", "1%", "--model", "jumps", "--volatility", "80%", "--jumps", "1e9,1%,1%"], r"jumps in the ho"),
        (["--stop", "58200", "--slippage", "1%", "--connect", "x:y"], r"--connect/--port: 'x:y' given, expected HOST:PORT"),
        (["--stop", "58200", "--slippage", "1%", "--port", "0"], r"--connect/--port: '0' given, expected HOST:PORT"),
        (["--stop", "58200", "--slippage", "1%", "--connect", "127.0.0.1:1"], r"--connect: nobody answers at 127\.0\.0\.1:1"),
        (["--stop", "58200", "--slippage", "1%", "--connect", "1", "--venue", "sandbox"], r"--venue: given with --connect"),
        (["--stop", "58200", "--slippage", "1%", "--key", "a"], r"--secret is missing"),
        (["--stop", "58200", "--slippage", "1%", "--secret", "a"], r"--key is missing"),
        (["--stop", "58200", "--slippage", "1%", "--key", "a", "--secret", "b"], r"--key: given without --connect"),
        (["--stop", "58200", "--connect", "1", "--key", "a", "--secret", "b", "--volume", "5"], r"--volume: given with --key"),
        (["--stop", "58200", "--slippage", "1%", "--volume", "-1"], r"'--volume': '-1' given, expected a number from 0"),
        (["--slippage", "1%"], r"--stop"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(more: list[str], told: str) -> None:
    done = call(*SMALL, *more)
    assert done.exit_code == 2 and not done.stdout, done.output
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("error: ")
    assert re.search(told, done.stderr), done.stderr


def test_an_entry_is_needed_where_no_book_has_one() -> None:
    done = call("size", "--equity", "1000", "--stop", "58200", "--slippage", "1%")
    assert done.exit_code == 2 and "--entry is missing" in done.stderr
