"""`perplab adl`: snapshots out of journals and files, and policies on them against what the venue itself did."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from adl_kit import Crowd, crashed, crashed_in_three, design
from cli_kit import call
from test_controls import made

from perplab.exchange import restore
from perplab.exchange.events import Deleveraged
from perplab.exchange.journal import Mark
from perplab.exchange.messages import KIND_COLUMN, AccountKind, OpenAccount, column_of
from perplab.lab.adl.catalogue import BY_NAME, POLICIES, Policy
from perplab.lab.adl.files import NEEDED, OPTIONAL, PositionsError, read
from perplab.lab.adl.measures import Measures
from perplab.lab.adl.passes import passes
from perplab.lab.adl.policies import Losers, Part, close_in_turn, greedy, pro_rata, whole
from perplab.lab.adl.snapshot import RANKS, Snapshot, Winners, order_by
from perplab.lab.adl.study import findings, study
from perplab.lab.amounts import dollars
from perplab.lab.runs import Run
from perplab.oracle.keyed import generator

JUMPS = (-90_000, 600_000)  # [ppm]


def snapshots(crowd: Crowd, folder: Path) -> list[Snapshot]:
    return passes(crowd.written(folder))


@cache
def flash() -> Run:
    """The worst five minutes of a crash with few accounts and no fund."""
    return made("book_fund_adl", {"backstop_usd": 0.0})


def journal_of(run: Run, folder: Path) -> Path:
    file = folder / "run.journal"
    file.write_bytes(run.journal)
    return file


# -- the venue's own rules --


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("ppm", JUMPS)
@pytest.mark.parametrize("rank", ["profit_leverage", "hyperliquid"])
def test_ranks_order_winners_as_the_venue_does(rank: str, ppm: int, seed: int, tmp_path: Path) -> None:
    found = snapshots(crashed(rank, "greedy", seed, ppm=ppm), tmp_path)
    assert any(len(one.winners) > 5 for one in found)
    for one in found:
        assert one.actual is not None
        assert order_by(RANKS[rank](one.winners), one.winners).tolist() == one.actual.order.tolist()


@pytest.mark.parametrize("price", ["bankruptcy", "mark"])
@pytest.mark.parametrize("ppm", JUMPS)
@pytest.mark.parametrize(("selection", "part"), [("greedy", greedy), ("pro_rata", pro_rata)])
def test_selections_close_what_the_venue_closes(selection: str, part: Part, ppm: int, price: str, tmp_path: Path) -> None:
    """The same lots of the same winners, and the same money to the micro-unit, whatever the rank: here by age."""
    for seed in (1, 2, 3):
        for one in snapshots(crashed("fifo", selection, seed, ppm=ppm, price=price), tmp_path):
            assert one.actual is not None
            losers = one.losers if price == "bankruptcy" else one.losers._replace(gap=0 * one.losers.gap)
            closed = close_in_turn(losers, one.actual.order, one.winners.lots, one.winners.equity, part)
            assert closed.lots.tolist() == one.actual.closed.lots.tolist()
            assert closed.taken.tolist() == one.actual.closed.taken.tolist()


@pytest.mark.parametrize(("selection", "part"), [("greedy", greedy), ("pro_rata", pro_rata)])
def test_a_winner_who_has_too_little_is_passed_over_as_by_the_venue(selection: str, part: Part, tmp_path: Path) -> None:
    """A loser waits for the book; then somebody goes short with little money, ranks first, and could not pay. He is asked last, for all."""
    crowd = Crowd(design("hyperliquid", selection, patience_ms=10_000), 0, 1)
    for number, usd in enumerate((8_000, 1_000_000, 4_000)):
        crowd.send(OpenAccount(0, AccountKind.TRADER, number))
        crowd.deposit(8 + number, usd)
    loser, rich, poor = 8, 9, 10
    crowd.price(100_000)
    crowd.trade(loser, rich, 2_000, 100_000)
    crowd.price(90_000)  # 12,000 USD short, 6,000 a coin
    crowd.trade(rich, poor, 1_000, 90_000)
    for _ in range(4):
        crowd.price(90_000)
    (one,) = snapshots(crowd, tmp_path)
    assert one.actual is not None
    assert (one.actual.order.tolist(), one.deficit) == ([1, 0], 12_000 * 10**6)
    assert one.actual.closed.taken.tolist() == [6_000 * 10**6, 4_000 * 10**6]
    closed = close_in_turn(one.losers, one.actual.order, one.winners.lots, one.winners.equity, part)
    assert (closed.lots.tolist(), closed.taken.tolist()) == (one.actual.closed.lots.tolist(), one.actual.closed.taken.tolist())


@pytest.mark.parametrize(("selection", "part"), [("greedy", greedy), ("pro_rata", pro_rata)])
def test_what_an_account_lacks_is_split_over_its_markets_as_by_the_venue(selection: str, part: Part, tmp_path: Path) -> None:
    """A loser's positions in three markets share its deficit; each market of the pass is a snapshot."""
    found = snapshots(crashed_in_three(selection, 1), tmp_path)
    assert {one.market for one in found} == {"BTC", "ETH", "SOL"}
    for one in found:
        assert one.actual is not None
        closed = close_in_turn(one.losers, one.actual.order, one.winners.lots, one.winners.equity, part)
        assert closed.lots.tolist() == one.actual.closed.lots.tolist()
        assert closed.taken.tolist() == one.actual.closed.taken.tolist()


@pytest.mark.parametrize("name", ["queue_profit_leverage", "contract_pro_rata"])
def test_a_policy_is_the_venues_rule(name: str, tmp_path: Path) -> None:
    selection = "greedy" if name.startswith("queue") else "pro_rata"
    for one in snapshots(crashed("profit_leverage", selection, 4), tmp_path):
        assert one.actual is not None
        assert BY_NAME[name].rule(one, one.deficit).taken.tolist() == one.actual.closed.taken.tolist()


# -- snapshots --


def test_all_transfers_of_a_run_are_in_its_snapshots(tmp_path: Path) -> None:
    run = flash()
    rows = run.events[run.events[:, KIND_COLUMN] == Deleveraged.KIND]
    found = passes(journal_of(run, tmp_path))
    assert len(found) > 2
    for name, sums in (
        ("size", [one.actual.closed.lots.sum() for one in found if one.actual]),
        ("conceded", [one.actual.closed.taken.sum() for one in found if one.actual]),
    ):
        assert sum(map(int, sums)) == int(rows[:, column_of(Deleveraged, name)].sum()) > 0


def test_a_loser_is_told_with_what_it_lacks(tmp_path: Path) -> None:
    """One long of 30 USD equity that has lost 130: 100 short, and the winner on the other side with what he has."""
    crowd = Crowd(design("profit_leverage", "greedy"), 2, 1)
    crowd.price(100_000)
    loser, winner = crowd.people
    crowd.trade(loser, winner, 1_000, 100_000)
    before = [crowd.exchange.equity(account) for account in (loser, winner)]
    fall = before[0] // 10**6 + 100
    crowd.price(100_000 - fall)
    (one,) = snapshots(crowd, tmp_path)
    assert (one.losers.lots.tolist(), one.losing_side, one.market) == ([1_000], "long", "BTC-PERP")
    assert one.mark_usd == 100_000 - fall
    assert one.deficit == 100 * 10**6 - before[0] % 10**6
    assert (one.winners.lots.tolist(), one.winners.equity.tolist()) == ([1_000], [before[1] + fall * 10**6])
    assert one.winners.profit.tolist() == one.winners.endowment.tolist() == [fall * 10**6]
    assert one.winners.maintenance.tolist() == [(100_000 - fall) * 12_500]  # 1.25 % of one BTC [micro]


def test_what_a_journal_went_back_before_is_left_out(tmp_path: Path) -> None:
    crowd = Crowd(design("profit_leverage", "greedy"), 24, 2)
    crowd.live()
    whole = len(snapshots(crowd, tmp_path))
    crowd.journal.mark(Mark(kept=1, name="before"))
    kept = crowd.exchange.snapshot()
    crowd.jump(-90_000)
    assert len(snapshots(crowd, tmp_path)) == whole + 1
    crowd.journal.mark(Mark(back_to=1))
    crowd.exchange = restore(kept)
    crowd.exchange.journal = crowd.journal
    assert len(snapshots(crowd, tmp_path)) == whole
    crowd.jump(120_000)
    found = snapshots(crowd, tmp_path)
    assert (len(found), found[-1].losing_side) == (whole + 1, "short")


# -- policies on a snapshot --


@pytest.mark.parametrize("policy", POLICIES, ids=[one.name for one in POLICIES])
def test_a_policy_raises_what_is_needed_where_there_is_enough(policy: Policy, tmp_path: Path) -> None:
    """Exactly, but for whole contracts, which end less than the loss of a lot above; and nobody is left below zero."""
    for one in passes(journal_of(flash(), tmp_path)):
        for budget in (one.deficit, one.deficit // 3, 1):
            closed = policy.rule(one, budget)
            excess = int(closed.taken.sum()) - budget
            lot = -(-budget // one.lots) if policy.name == "whole_contracts" else 1  # [micro]
            assert 0 <= excess < lot
            assert (closed.taken >= 0).all() and (closed.taken <= one.winners.equity).all()
            assert (closed.lots >= 0).all() and (closed.lots <= one.winners.lots).all()


def test_capped_rules_leave_everybody_above_maintenance(tmp_path: Path) -> None:
    for one in snapshots(crashed("profit_leverage", "greedy", 5, ppm=600_000), tmp_path):
        for name in ("capped_pro_rata", "rap_linear", "rap_square", "rap_cvar"):
            taken = BY_NAME[name].rule(one, one.deficit).taken
            touched = taken > 0
            assert (one.winners.equity - taken >= one.winners.maintenance)[touched].all()


# -- the command --


def test_tables_fit_and_name_every_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = journal_of(flash(), tmp_path)
    for width in (40, 80, 120, 160):
        monkeypatch.setenv("COLUMNS", str(width))
        told = call("adl", file, "--largest")
        assert told.exit_code == 0, told.output
        assert max(len(line.rstrip()) for line in told.output.splitlines()) <= max(width, 80)
        assert all(told.output.count(f"{policy.name} ") >= 2 for policy in POLICIES)
        assert "…" not in told.output
        assert "to the micro-dollar what queue_profit_leverage does" in " ".join(told.output.split())


def test_json_has_the_same_with_all_digits(tmp_path: Path) -> None:
    file = journal_of(flash(), tmp_path)
    told = call("adl", file, "--pass", "2", "--policies", "wealth_pro_rata,queue_size", "--json")
    data = json.loads(told.output)
    one = passes(file)[1]
    assert list(data["policies"]) == ["as it ran", "queue_size", "wealth_pro_rata"]
    assert data["needed_usd"] == data["snapshot"]["deficit_usd"] == one.deficit / 10**6
    assert data["snapshot"]["title"].startswith("pass 2 of ")
    even = data["policies"]["wealth_pro_rata"]
    assert even["raised_usd"] == data["needed_usd"] and even["excess_usd"] == even["closed_usd"] == 0
    common = one.deficit / one.winners.endowment.sum()
    assert even["max_haircut"] == pytest.approx(common * (one.winners.endowment / one.winners.equity).max(), rel=1e-6)


def test_a_queue_takes_most_from_somebody(tmp_path: Path) -> None:
    """Half of target A6, on a run: its winners all entered at about the same price, so the two kinds of pro-rata are alike."""
    of = json.loads(call("adl", journal_of(flash(), tmp_path), "--largest", "--json").output)["policies"]
    queued, contracts, wealth = (of[name]["max_haircut"] for name in ("queue_profit_leverage", "contract_pro_rata", "wealth_pro_rata"))
    assert queued > 5 * max(contracts, wealth)
    assert contracts == pytest.approx(wealth, rel=0.25)


def like_that_day(seed: int, people: int = 400) -> Snapshot:
    """Shorts with sizes, leverages and profits distributed as those of who was deleveraged on 10 October 2025 (users, in
    ConejoCapital/HyperMultiAssetedADL): notional about Pareto with alpha 0.8, leverage median 0.43 and 90th percentile 3.2, profit median
    47 % and 90th percentile 168 % of the position's value; one loser of a tenth of their lots who lacks 1 % of what they are worth."""
    dice = generator(seed, "that day")
    lots = (20 * (1 + dice.pareto(0.8, people))).astype(np.int64)
    gain = 0.47 * np.exp(0.99 * dice.standard_normal(people))
    leverage = 0.43 * np.exp(1.58 * dice.standard_normal(people))
    notional = lots * 10**8
    entry, equity = (notional * (1 + gain)).astype(np.int64), (notional / leverage).astype(np.int64)
    winners = Winners(np.arange(8, 8 + people), lots, notional, entry, equity, 0 * lots, False)
    closed = int(lots.sum()) // 10
    return Snapshot("drawn", "M", 100.0, Losers(whole([closed]), whole([closed * 10**6])), winners)


@pytest.mark.parametrize("seed", range(1, 6))
def test_the_order_of_largest_haircuts_is_that_of_real_data(seed: int) -> None:
    """Target A6, for winners like those of that day."""
    one = like_that_day(seed)
    done = study(one, list(BY_NAME), one.deficit, [], 0.1)
    largest = {of.name: of.measures.max_haircut for of in done.outcomes}
    assert largest["queue_profit_leverage"] > largest["contract_pro_rata"] > largest["wealth_pro_rata"] >= largest["equity_pro_rata"]
    assert largest["contract_pro_rata"] > largest["whole_contracts"]
    assert "That is the order found" in findings(done)[0]


def test_findings_say_what_follows_and_no_more(tmp_path: Path) -> None:
    data = json.loads(call("adl", positions(tmp_path, *ROWS), "--budget", "70", "--json").output)
    assert data["findings"] == [
        "Largest haircut: queue_profit_leverage 7,000 bp, contract_pro_rata 7,000 bp, wealth_pro_rata 3,500 bp. "
        "That is not the order found on 10 October 2025 at Hyperliquid (arXiv 2512.01112, means over 16 waves): queue, "
        "contract pro-rata, wealth pro-rata.",
        "Nobody loses more than 2,800 bp of his equity by equity_pro_rata; somebody loses 8,000 bp by rap_linear.",
        "The winner with the most profit, 120 USD, keeps 17.5 USD more by wealth_pro_rata than by endowment_queue, as proven: "
        "H (1 - w1/U) = 17.5 USD.",
        "Winners here have profits of 13.3 to 31.1 % of their positions' value (10th to 90th percentile), and in equity 1.46 times "
        "their profit (median); those deleveraged on 10 October 2025 had 13 to 168 % (ConejoCapital/HyperMultiAssetedADL) and 4.4 times "
        "(the paper). "
        "Where all entered at one price, pro-rata by contracts and by wealth come to the same.",
        "Not all that is needed is raised by rap_cvar (57.1 %): the winners have no more that may be taken so.",
        "Three amounts that must not be mixed, queue_profit_leverage: 900 USD of positions closed, "
        "140 USD of profit turned into cash by it, 70 USD taken. Only the last is a loss.",
    ]
    two = ("--policies", "endowment_queue,wealth_pro_rata")
    data = json.loads(call("adl", positions(tmp_path, *ROWS), "--budget", "150", *two, "--json").output)
    assert data["findings"][1].endswith(". H (1 - w1/U) is for H up to w1 only: more is to be raised here than he has.")


def test_the_fund_is_a_quantile_of_the_deficits_of_all_passes(tmp_path: Path) -> None:
    file = journal_of(flash(), tmp_path)
    deficits = sorted(one.deficit / 10**6 for one in passes(file))
    assert len(deficits) > 2
    told = json.loads(call("adl", file, "--json", "--capital-cost", "0.5").output)["findings"][-1]
    half = deficits[-(-len(deficits) // 2) - 1]
    assert told.startswith(f"An insurance fund of {dollars(half)} would be the cheapest") and "their 50 % quantile" in told


def test_the_page_defines_every_policy_and_number() -> None:
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    names = [*BY_NAME, *Measures.__struct_fields__, "haircut_by_leverage", "haircut_by_size", *NEEDED, *OPTIONAL]
    assert [name for name in names if f"`{name}`" not in page] == []


def test_a_journal_without_deleveraging_is_one_line(tmp_path: Path) -> None:
    crowd = Crowd(design("profit_leverage", "greedy"), 2, 1)
    file = crowd.written(tmp_path)
    told = call("adl", file)
    assert (told.exit_code, told.output) == (1, f"error: {file}: nobody was deleveraged in it\n")


def test_a_journal_that_was_cut_off_says_so(tmp_path: Path) -> None:
    """With what came before, as a replay does: at the end, and before anybody was deleveraged."""
    file = crashed("profit_leverage", "greedy", 1).written(tmp_path)
    data, whole = file.read_bytes(), call("adl", file)
    file.write_bytes(data + bytes(3))
    told = call("adl", file)
    assert (told.exit_code, told.stdout) == (3, whole.stdout)
    cut = f"error: {file}: cut off: its last 3 bytes are no whole record and were dropped"
    assert told.stderr == f"{cut}; passes behind that are not known\n"
    file.write_bytes(data[: len(data) // 4])
    told = call("adl", file)
    assert told.exit_code == 3 and not told.stdout and len(told.stderr.splitlines()) == 1
    assert told.stderr.startswith(f"error: {file}: cut off: ") and told.stderr.endswith("; up to there nobody was deleveraged in it\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--policies", "queue_profits"], "--policies: no policy 'queue_profits'; did you mean 'queue_profit'?"),
        (["--pass", "3", "--largest"], "--largest: given with --pass, expected one of them"),
        (["--pass", "99"], "--pass: 99 given, expected at most"),
        (["--budget", "0"], "Invalid value for '--budget'"),
        (["--budget", "1e13"], "Invalid value for '--budget'"),
        (["--budget", "nan"], "Invalid value for '--budget': 'nan' is not in the range 0<x<=1000000000000.0"),
        (["--budget", "inf"], "Invalid value for '--budget'"),
        (["--capital-cost", "nan"], "Invalid value for '--capital-cost': 'nan' is not in the range 0<=x<=1"),
    ],
)
def test_wrong_input_is_one_line(arguments: list[str], told: str, tmp_path: Path) -> None:
    found = call("adl", crashed("profit_leverage", "greedy", 1).written(tmp_path), *arguments)
    assert (found.exit_code, found.output.count("\n")) == (2, 1)
    assert told in found.output


def test_a_file_that_is_no_journal_is_told(tmp_path: Path) -> None:
    file = tmp_path / "x.journal"
    file.write_text("nonsense", encoding="utf-8")
    found = call("adl", file)
    assert (found.exit_code, found.output) == (2, f"error: {file}: not a perplab journal\n")


# -- a file of positions --

HEAD = "account,contracts,entry_usd,mark_usd,equity_usd,maintenance_usd"
ROWS = ("1,10,100,90,-40,9", "2,-4,120,90,200,5", "3,-4,100,90,50,5", "4,-2,80,90,20,3", "5,-1,95,90,-3,1")


def positions(folder: Path, *rows: str, head: str = HEAD) -> Path:
    file = folder / "positions.csv"
    file.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return file


def test_positions_are_read_from_csv_and_json(tmp_path: Path) -> None:
    """The side that lacks more loses; account 5 is on the other one, below zero, and no winner. 4 has lost: no endowment."""
    one = read(positions(tmp_path, *ROWS))
    assert (one.losing_side, one.deficit, one.losers.lots.tolist()) == ("long", 40 * 10**6, [10])
    assert one.winners.account.tolist() == [2, 3, 4]
    assert one.winners.endowment.tolist() == [120 * 10**6, 40 * 10**6, 0]
    assert one.winners.spare.tolist() == [120 * 10**6, 40 * 10**6, 0]
    assert one.winners.leverage.tolist() == [1_800_000, 7_200_000, 9_000_000]
    names = HEAD.split(",")
    other = tmp_path / "positions.json"
    other.write_text(json.dumps([dict(zip(names, map(float, row.split(",")), strict=True)) for row in ROWS]), encoding="utf-8")
    same = read(other)
    assert same.losers.gap.tolist() == one.losers.gap.tolist()
    assert same.winners.entry.tolist() == one.winners.entry.tolist()


def test_a_file_of_positions_is_compared_too(tmp_path: Path) -> None:
    data = json.loads(call("adl", positions(tmp_path, *ROWS), "--json").output)
    taken = {name: of["raised_usd"] for name, of in data["policies"].items()}
    assert set(taken.values()) == {40.0} and "as it ran" not in taken
    assert data["policies"]["wealth_pro_rata"]["max_haircut"] == 10 / 50  # a quarter of 40, of 50
    assert data["policies"]["endowment_queue"]["top_left"] == 80 / 120


@pytest.mark.parametrize(
    ("rows", "head", "told"),
    [
        (["1,10,100,90,-40"], "account,contracts,entry_usd,mark_usd,equity", "row 1: unknown column 'equity'; did you mean 'equity_usd'?"),
        (["1,10,100,90,"], "account,contracts,entry_usd,mark_usd,equity_usd", "row 1: equity_usd is missing"),
        (["1,1.5,100,90,-40,9"], HEAD, "row 1: contracts is '1.5': expected a whole number of up to 1e+12"),
        (["1,10,100,ninety,-40,9"], HEAD, "row 1: mark_usd is 'ninety': expected a number of up to 1e+12"),
        (["1,10,100,90,nan,9"], HEAD, "row 1: equity_usd is 'nan': expected a number"),
        (["1,0,100,90,-40,9"], HEAD, "row 1: contracts is 0: expected an open position"),
        (["1,10,-1,90,-40,9"], HEAD, "row 1: entry_usd is -1: expected a price above 0"),
        (["1,10,100,90,-40,9", "2,-1,100,91,3,9"], HEAD, "mark_usd has 2 values: expected one market at one mark"),
        (["1,10,100,90,-40,9", "1,-1,100,90,3,9"], HEAD, "account 1 has several rows: expected one position of each"),
        (["1,10,100,90,40,9"], HEAD, "no equity_usd is below 0: expected at least one loser"),
        (["1,10,100,90,-40,9"], HEAD, "nobody with equity_usd above 0 is on the other side: expected at least one winner"),
        (["1,100000000000,100,90,-40,9"], HEAD, "row 1: contracts is 100000000000 at 90 USD: expected a value of up to 1e+12 USD"),
        (["1,9,1,1,-9e11,9", "2,-9,1,1,9e11,9"], HEAD, "the rows come to 1.8e+12 USD together: expected up to 1e+12"),
        ([], HEAD, "holds no positions"),
    ],
)
def test_a_wrong_file_is_told_with_row_and_column(rows: list[str], head: str, told: str, tmp_path: Path) -> None:
    file = positions(tmp_path, *rows, head=head)
    with pytest.raises(PositionsError) as raised:
        read(file)
    assert str(raised.value).startswith(f"{file}: {told}")
    found = call("adl", file)
    assert (found.exit_code, found.output) == (2, f"error: {raised.value}\n")


def test_a_pass_of_a_file_is_refused(tmp_path: Path) -> None:
    found = call("adl", positions(tmp_path, *ROWS), "--largest")
    assert (found.exit_code, found.output) == (2, "error: --largest: given with a file of positions, expected a journal\n")
