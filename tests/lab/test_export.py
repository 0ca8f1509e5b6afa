"""Exported files: they tell the same story as the venue, and another program reads them."""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest
from cli_kit import call
from click.testing import CliRunner

from perplab.exchange import Exchange, Journal, load_venue
from perplab.exchange.codes import AccountKind
from perplab.exchange.journal import MAGIC, JournalError, record
from perplab.exchange.messages import Amend, Cancel, Deposit, OpenAccount, Place, UpdateOracle
from perplab.lab.cli import main
from perplab.lab.export import HEADS, export

START = 1_700_000_000_000_000_000
Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def lived() -> tuple[Exchange, bytes]:
    """A venue of three markets with some hundred random orders in two, a crash and its liquidations."""
    draw = random.Random(3)
    journal = Journal()
    venue = Exchange(load_venue("sandbox"), journal)
    accounts = range(8, 14)
    for account in accounts:
        venue.apply(OpenAccount(START, AccountKind.TRADER, account))
        venue.apply(Deposit(START, account, 0, 3_000 * 10**6))
    venue.apply(UpdateOracle(START, 0, 60_000))
    venue.apply(UpdateOracle(START, 1, 30_000))
    for second in range(1, 400):
        ts = START + second * 10**9
        market, price = (0, 60_000) if draw.random() < 0.6 else (1, 30_000)
        price += draw.randrange(-30, 31)
        account = draw.choice(accounts)
        orders = venue.open_orders(account)
        if orders and draw.random() < 0.3:
            order = draw.choice(orders)
            venue.apply(Cancel(ts, account, order.order_id))
        elif orders and draw.random() < 0.3:
            order = draw.choice(orders)
            venue.apply(Amend(ts, account, order.order_id, order.price + draw.randrange(-9, 10), order.size + draw.randrange(0, 3)))
        else:
            venue.apply(Place(ts, account, market, draw.randrange(2), price, draw.randrange(5_000, 50_000)))
    venue.apply(UpdateOracle(START + 500 * 10**9, 0, 55_000))
    venue.apply(UpdateOracle(START + 510 * 10**9, 0, 65_000))
    return venue, journal.bytes()


@pytest.fixture(scope="module")
def files(lived: tuple[Exchange, bytes], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rows]:
    folder = tmp_path_factory.mktemp("export")
    (folder / "x.journal").write_bytes(lived[1])
    lines = export(folder / "x.journal", folder / "out")
    found = {path.stem: list(csv.DictReader(path.open(encoding="utf-8"))) for path in (folder / "out").glob("*.csv")}
    assert {f"{name}.csv": len(rows) for name, rows in found.items()} == lines
    return found


def test_every_market_has_every_kind_of_file(files: dict[str, Rows]) -> None:
    assert set(files) == {f"{kind}_{market}" for kind in HEADS for market in ("BTC", "ETH", "SOL")}
    assert files["trades_SOL"] == [] and len(files["trades_BTC"]) > 20 and files["liquidations_BTC"]


@pytest.mark.parametrize("number", [0, 1])
def test_the_changes_add_up_to_the_book(lived: tuple[Exchange, bytes], files: dict[str, Rows], number: int) -> None:
    venue = lived[0]
    design = venue.design.markets[number]
    book: dict[str, dict[Decimal, Decimal]] = defaultdict(dict)
    for row in files[f"incremental_book_L2_{design.name}"]:
        book[row["side"]].pop(Decimal(row["price"]), None)
        if Decimal(row["amount"]):
            book[row["side"]][Decimal(row["price"])] = Decimal(row["amount"])
    for side, name in enumerate(("bid", "ask")):
        expected = {price * design.tick: lots * design.lot for price, lots in venue.depth(number, side, 10_000)}
        assert book[name] == expected


def test_trades_and_ticker_are_the_venue_s(lived: tuple[Exchange, bytes], files: dict[str, Rows]) -> None:
    venue = lived[0]
    last = files["derivative_ticker_BTC"][-1]
    assert Decimal(last["mark_price"]) == venue.mark_price(0) and Decimal(last["index_price"]) == 65_000
    assert Decimal(last["open_interest"]) == venue.open_interest(0) * venue.design.markets[0].lot
    times = [int(row["timestamp"]) for row in files["trades_BTC"]]
    assert times == sorted(times) and times[0] > START // 1_000 and {row["side"] for row in files["trades_BTC"]} == {"buy", "sell"}


def test_the_command_line_says_what_it_wrote(lived: tuple[Exchange, bytes], tmp_path: Path) -> None:
    (tmp_path / "run.journal").write_bytes(lived[1])
    told = CliRunner().invoke(main, ["export", str(tmp_path / "run.journal")], standalone_mode=False)
    assert "run-tardis/trades_BTC.csv" in told.output and (tmp_path / "run-tardis" / "liquidations_ETH.csv").exists()


def test_a_journal_that_was_cut_off_says_so(lived: tuple[Exchange, bytes], tmp_path: Path) -> None:
    file = tmp_path / "run.journal"
    file.write_bytes(lived[1] + bytes(3))
    told = call("export", file)
    cut = f"error: {file}: cut off: its last 3 bytes are no whole record and were dropped; the files hold what came before\n"
    assert (told.exit_code, told.stderr) == (3, cut) and "run-tardis/trades_BTC.csv" in told.stdout


def test_hftbacktest_reads_them(lived: tuple[Exchange, bytes], tmp_path: Path) -> None:
    tardis = pytest.importorskip("hftbacktest.data.utils.tardis", reason="hftbacktest is not installed")
    (tmp_path / "run.journal").write_bytes(lived[1])
    lines = export(tmp_path / "run.journal", tmp_path)
    names = ["trades_BTC.csv", "incremental_book_L2_BTC.csv"]
    read = tardis.convert([str(tmp_path / name) for name in names], buffer_size=100_000, ss_buffer_size=1_000)
    assert len(read) >= sum(lines[name] for name in names)


@pytest.mark.parametrize(("data", "told"), [(MAGIC, "holds no design"), (MAGIC + record(b"{}", 0), "its design cannot be used")])
def test_a_journal_without_a_design_is_one_line(tmp_path: Path, data: bytes, told: str) -> None:
    (source := tmp_path / "bad.journal").write_bytes(data)
    with pytest.raises(JournalError, match=f"bad.journal: {told}"):
        export(source, tmp_path / "out")
