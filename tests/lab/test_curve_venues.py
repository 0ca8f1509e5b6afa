"""The lab at venues with a curve, or where commands wait: one small run for each kind of design, and the results of pools by hand."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from io import StringIO

import msgspec
import numpy as np
import pytest
from handmade import ACCOUNTS, LONG, OTHER, SHORT, USD, event, run_of
from rich.console import Console

from perplab.clients.bots.base import Seat, View
from perplab.clients.bots.liquidity import LiquidityProvider, ProviderTerms
from perplab.clients.bots.market_maker import Withdrawal
from perplab.exchange import Exchange, load_venue
from perplab.exchange.codes import FIRST_USER, Payer, Reason, SystemAccount
from perplab.exchange.events import (
    CommandQueued,
    CurveTraded,
    DeficitPaid,
    Deleveraged,
    Event,
    Liquidated,
    LiquidationStarted,
    LiquidityAdded,
    LiquidityRemoved,
    OracleUpdated,
    Rejected,
    Traded,
)
from perplab.exchange.journal import replay
from perplab.exchange.messages import (
    KIND_COLUMN,
    TS_COLUMN,
    AddLiquidity,
    CancelAll,
    CancelClient,
    Place,
    RemoveLiquidity,
    column_of,
    columns_of,
)
from perplab.lab.agents import LEAST_LEVELS, ladder_levels
from perplab.lab.comparison.choices import CAPITAL_KEYS, stated_in
from perplab.lab.comparison.report import About, Capital, Inputs, Report, Result
from perplab.lab.comparison.table import print_overview
from perplab.lab.comparison.who_paid import stories
from perplab.lab.metrics import Metrics, MetricsError, measure
from perplab.lab.professionals import Watch, beyond_population, groups_of
from perplab.lab.runs import Cohort, Ints, Run
from perplab.lab.scenario import Scenario, load_scenario
from perplab.lab.simulation import run
from perplab.lab.stage import access_of, capital_of, has_book, takes_liquidity, with_capital

VIRTUAL, POOL, SKEW, RANGES, HYBRID, VAMM = "perp_v1", "gmx_v2", "synthetix_v3", "perp_v2_curie", "book_amm_hybrid", "drift_v2"
BATCH, BLOCKS = "injective_fba", "hyperliquid"
CURVE_ONLY, MIXED, WAITING = (VIRTUAL, POOL, SKEW, RANGES), (HYBRID, VAMM), (BATCH, BLOCKS)
ALL = CURVE_ONLY + MIXED + WAITING
CURVE = SystemAccount.CURVE


def crash(minutes: int = 2) -> Scenario:
    """The first minutes of `flash`, with a fall of 3 %."""
    path = msgspec.to_builtins(load_scenario("flash").path)
    return load_scenario("flash").override({"path": {**path, "watch_from": None, "bars": path["bars"][:minutes]}})


@cache
def made(name: str, lock_ms: int | None = None) -> Run:
    other = {} if lock_ms is None else {"markets": {"curve": {"lock_ms": lock_ms}}}
    return run(load_venue(name, other), crash(), 1, accounts=24)


@cache
def measured(name: str) -> Metrics:
    return measure(made(name))


def rows(of: Run, kind: type[Event]) -> dict[str, Ints]:
    packed = of.events[of.events[:, KIND_COLUMN] == kind.KIND]
    return {name: packed[:, column] for name, column in columns_of(kind).items()}


def cohort(of: Run, name: str) -> Ints:
    return next(one.accounts for one in of.cohorts if one.name == name)


# -- runs --


@pytest.mark.parametrize("name", ALL)
def test_a_run_adds_up_and_replays(name: str) -> None:
    found = measured(name)
    assert sum(found.accounting.profit_and_loss.values()) == 0
    assert sum(found.accounting.balances.values()) == found.accounting.deposits - found.accounting.withdrawals
    assert found.adl.order_violations == 0
    assert ("pool" in found.accounting.profit_and_loss) == (name not in WAITING)
    assert replay(made(name).journal).state_hash() == made(name).state_hash


@pytest.mark.parametrize("name", [POOL, RANGES, HYBRID, BATCH])
def test_equal_arguments_give_equal_runs(name: str) -> None:
    again = run(load_venue(name), crash(), 1, accounts=24)
    assert again.state_hash == made(name).state_hash
    np.testing.assert_array_equal(again.events, made(name).events)
    assert measure(again) == measured(name)


@pytest.mark.parametrize("name", ALL)
def test_everybody_trades(name: str) -> None:
    of = made(name)
    takers = np.concatenate([rows(of, CurveTraded)["taker"], rows(of, Traded)["taker"]])
    for who in ("noise", "arbitrageurs"):
        assert np.isin(takers, cohort(of, who)).sum() > (100 if who == "noise" else 1), who


@pytest.mark.parametrize("name", ALL)
def test_nobody_asks_for_what_the_venue_never_does(name: str) -> None:
    reasons = Counter(Reason(reason).name for reason in rows(made(name), Rejected)["reason"].tolist())
    assert not set(reasons) & {"NO_BOOK", "NO_CURVE", "QUEUE_FULL", "TOO_MANY_ORDERS", "WITHDRAWN", "CURVE_RANGE"}, reasons


@pytest.mark.parametrize("name", [POOL, SKEW])
def test_what_waits_is_not_sent_again(name: str) -> None:
    """Of an arbitrageur one order waits at most: it looks twice a second, and a price comes every three."""
    waiting: Counter[int] = Counter()
    agents = set(cohort(made(name), "arbitrageurs").tolist()) | set(cohort(made(name), "momentum").tolist())
    queued, updated = CommandQueued.KIND, OracleUpdated.KIND
    account = column_of(CommandQueued, "account")
    for row in made(name).events.tolist():
        if row[KIND_COLUMN] == updated:
            waiting.clear()
        elif row[KIND_COLUMN] == queued and row[account] in agents:
            waiting[row[account]] += 1
            assert waiting[row[account]] == 1
    assert len(rows(made(name), CommandQueued)["ts"]) > 0


@pytest.mark.parametrize("name", ALL)
def test_the_same_people_come_with_the_same_positions_or_with_what_the_venue_grants_of_them(name: str) -> None:
    other = run(load_venue("book_fund_adl"), crash(1), 1, accounts=24)
    held, wanted = made(name).opening_size, other.opening_size
    assert int((held != wanted).sum()) == made(name).granted.accounts_cut
    assert (np.abs(held) <= np.abs(wanted)).all() and (held * wanted >= 0).all() and int(held.sum()) == 0
    asked = [tier.initial_margin_ppm for tier in load_venue(name).markets[0].tiers]
    assert made(name).granted.accounts_cut == 0 or asked[0] > 25_000 or asked[-1] > 50_000, "only where a tier asks for more than theirs"
    assert [one.name for one in made(name).cohorts] == [one.name for one in other.cohorts]
    makers = cohort(other, "makers")
    np.testing.assert_array_equal(made(name).opening_equity[makers], other.opening_equity[makers])
    assert made(name).opening_size[CURVE] == 0


@pytest.mark.parametrize("name", CURVE_ONLY)
def test_no_number_of_a_book_where_there_is_none(name: str) -> None:
    found = measured(name).liquidity
    assert found.quoted_spread_bp is None and found.maker_markout_bp is None
    assert found.ask_depth_worst_minute_usd is not None and found.ask_depth_worst_minute_usd > 0.0
    assert measured(name).pool.volume_usd
    assert not len(rows(made(name), Traded)["ts"])


@pytest.mark.parametrize("name", MIXED)
def test_a_curve_beside_a_book_leaves_makers_as_they_are(name: str) -> None:
    found = measured(name)
    assert found.liquidity.quoted_spread_bp is not None and found.liquidity.maker_markout_bp is not None
    assert found.pool.lp_usd is None and found.pool.own_usd is not None
    assert len(rows(made(name), CurveTraded)["ts"]) and len(rows(made(name), Traded)["ts"])


@pytest.mark.parametrize("name", WAITING)
def test_no_number_of_a_pool_where_there_is_none(name: str) -> None:
    found = measured(name)
    assert all(value is None for value in msgspec.structs.astuple(found.pool)) and found.losses.pool_usd is None


def test_makers_pay_into_a_pool_and_take_out_as_prices_run() -> None:
    free = made(POOL, lock_ms=0)
    added, makers = rows(free, LiquidityAdded), cohort(free, "makers")
    assert sorted(added["account"][: len(makers)]) == makers.tolist()
    assert added["amount"][: len(makers)].tolist() == [round(load_scenario("flash").makers.capital_usd * USD)] * len(makers)
    stayed = measure(free).pool.lp_stayed_share
    assert stayed is not None and 0.0 < stayed < 1.0
    assert np.isin(rows(free, LiquidityRemoved)["account"], makers).all()


def test_makers_of_a_pool_have_no_margin_calls_and_are_told_when_they_are_gone() -> None:
    groups = {name: {one.cohort: one.is_refilled for one in made(name).professionals} for name in (POOL, VIRTUAL, HYBRID)}
    assert groups[POOL] == groups[VIRTUAL] == {"makers": False, "arbitrageurs": True, "bidders": True}
    assert groups[HYBRID] == {"makers": True, "arbitrageurs": True, "bidders": True}
    of = made(POOL)
    watch = Watch(Exchange(load_venue(POOL)), of.cohorts, True)
    watch.first, watch.least = {name: 100 for name in groups[POOL]}, {"makers": 20, "arbitrageurs": 90, "bidders": 90}
    left = groups_of(watch, {}, of.events, of.start_ts)
    assert [one.cohort for one in left if one.is_exhausted] == ["makers"]
    told = beyond_population(replace(of, professionals=left))
    assert "makers had 20 % of their starting equity left, and nobody who refills them" in told


def test_who_is_locked_in_stays() -> None:
    locked = made(SKEW, lock_ms=604_800_000)
    assert measure(locked).pool.lp_stayed_share == 1.0
    reasons = {Reason(reason).name for reason in rows(locked, Rejected)["reason"].tolist()}
    assert "LIQUIDITY_LOCKED" in reasons


def test_a_virtual_curve_takes_no_money() -> None:
    assert not len(rows(made(VIRTUAL), LiquidityAdded)["ts"]) and measured(VIRTUAL).pool.lp_usd is None
    assert measured(VIRTUAL).accounting.profit_and_loss["makers"] == 0


def test_ranges_follow_the_price() -> None:
    added = rows(made(RANGES), LiquidityAdded)
    makers = cohort(made(RANGES), "makers")
    assert len(added["ts"]) > len(makers)  # moved at least once in a fall of 3 %
    middle = (added["lower"] + added["upper"]) / 2
    assert middle.max() / middle.min() > 1.01
    assert sum(measured(RANGES).accounting.profit_and_loss.values()) == 0


@pytest.mark.parametrize("name", [*CURVE_ONLY, *MIXED])
def test_parts_of_a_pools_result_add_up(name: str) -> None:
    pool = measured(name).pool
    assert pool.markout_usd is not None and pool.own_usd is not None
    parts = (pool.markout_arbitrage_usd, pool.markout_liquidation_usd, pool.markout_others_usd)
    assert sum(part or 0.0 for part in parts) == pytest.approx(pool.markout_usd, abs=1e-3)
    gained = (pool.fees_usd or 0.0) - pool.markout_usd + (pool.inventory_usd or 0.0) + (pool.rest_usd or 0.0)
    assert gained == pytest.approx((pool.lp_usd or 0.0) + pool.own_usd, abs=1e-3)
    own = measured(name).accounting.profit_and_loss["pool"]
    assert pool.own_usd == own / USD


def test_blocks_do_not_empty_the_book() -> None:
    """Cancels come behind the quotes of their block: a cancel of all would take the new ones too."""
    assert measured(BLOCKS).liquidity.ask_depth_worst_minute_usd == pytest.approx(
        measure(run(load_venue("book_vault_adl"), crash(), 1, accounts=24)).liquidity.ask_depth_worst_minute_usd, rel=0.25
    )
    makers = cohort(made(BLOCKS), "makers").tolist()
    queued = rows(made(BLOCKS), CommandQueued)
    kinds = set(queued["command"][np.isin(queued["account"], makers)].tolist())
    assert kinds == {Place.KIND, CancelClient.KIND} and CancelAll.KIND not in kinds


# -- capital --


def test_the_same_capital_is_that_of_a_fund_where_the_pool_is_all_there_is() -> None:
    for name, expected in ((POOL, 5_000_000), (HYBRID, 50_000_000), (VIRTUAL, 0)):
        assert with_capital(load_venue(name), 5e6).markets[0].curve.capital == expected, name
    assert made(POOL).capital["pool"] == 5_000_000 * USD
    assert "pool" not in made(BATCH).capital


def test_a_stated_capital_of_a_pool_is_seen() -> None:
    curve = {"capital": 1}
    assert stated_in({"markets": {"curve": curve}}) == stated_in({"markets": [{"curve": curve}]}) == {CAPITAL_KEYS["pool"]}
    assert stated_in({"markets": {"curve": {}}}) == frozenset()


def test_what_a_venue_lets_agents_do() -> None:
    assert not has_book(load_venue(POOL)) and has_book(load_venue(HYBRID)) and has_book(load_venue("book_fund_adl"))
    assert takes_liquidity(load_venue(POOL)) and not takes_liquidity(load_venue(VIRTUAL)) and takes_liquidity(load_venue(RANGES))
    assert access_of(load_venue(RANGES)).has_ranges and access_of(load_venue(BLOCKS)).has_blocks
    who = load_scenario("flash").makers
    assert [ladder_levels(who, most) for most in (4, 32, 48, 2_000)] == [LEAST_LEVELS, 16, 24, who.levels]


# -- by hand: one lot at 100 USD is worth 0.1 USD --


def trade(second: float, side: int, lots: int, value: int, inventory: int, taker: int = LONG, **more: int) -> Event:
    return event(CurveTraded, second, side=side, size=lots, value=value, inventory=inventory, taker=taker, price=100, **more)


def hand(*events: Event, **changes: object) -> Metrics:
    held = np.zeros(ACCOUNTS, np.int64)
    given: dict[str, object] = {"capital": {"pool": 0}, "closing_stake": held.copy(), "opening_size": held.copy()}
    return measure(run_of(*events, **(given | changes)))


def closing(**amounts: int) -> Ints:
    """An array by account; `pool` is the curve's."""
    column = np.zeros(ACCOUNTS, np.int64)
    for name, value in amounts.items():
        column[CURVE if name == "pool" else {"long": LONG, "short": SHORT}[name]] = value
    return column


def test_a_providers_result_by_hand() -> None:
    """Paid in 600 and 400, took out 300, has 650 left: a loss of 50. The venue's own part gained 50 from it."""
    stake = closing(short=650 * USD)
    opening = closing() + np.where(np.arange(ACCOUNTS) >= FIRST_USER, 1_000 * USD, 0)
    found = hand(
        event(LiquidityAdded, 1, account=SHORT, amount=600 * USD, shares=600),
        event(LiquidityAdded, 2, account=SHORT, amount=400 * USD, shares=400),
        event(LiquidityRemoved, 300, account=SHORT, amount=300 * USD, shares=310),
        opening_equity=opening, closing_equity=opening + closing(short=-50 * USD, pool=50 * USD), closing_stake=stake,
    )  # fmt: skip
    assert (found.pool.lp_usd, found.pool.own_usd, found.pool.rest_usd) == (-50.0, 50.0, 0.0)
    assert found.pool.lp_stayed_share == 0.69
    assert found.accounting.profit_and_loss == {"longs": 0, "shorts": -50 * USD, "pool": 50 * USD} | dict.fromkeys(
        ("insurance_fund", "vault", "fees", "rounding", "uncovered"), 0
    )


def test_a_range_hands_its_open_profit_back() -> None:
    """1,000 lots at the mark of 100 are worth 100 USD; they have cost 90."""
    added = event(LiquidityAdded, 1, account=SHORT, amount=500 * USD, shares=7, range_id=3)
    removed = event(LiquidityRemoved, 9, account=SHORT, amount=480 * USD, shares=7, range_id=3, lots=1_000, value=90 * USD)
    size = closing(long=-1_000, short=1_000)
    found = hand(trade(5, 1, 1_000, 90 * USD, 1_000), added, removed, closing_size=size)
    assert found.pool.lp_usd == 480.0 + 10.0 - 500.0


def test_the_markout_by_hand() -> None:
    """At a true price of 100, 2,000 lots are worth 200 USD: bought for 195 they take 5 from the pool, sold for 190 they leave 10."""
    found = hand(
        event(OracleUpdated, 0, price=100),
        trade(10, 0, 2_000, 195 * USD, -2_000, taker=LONG, taker_fee=3 * USD, pool_fee=2 * USD),
        event(OracleUpdated, 15, price=99),
        trade(20, 1, 2_000, 190 * USD, 0, taker=SHORT, liquidation=1, pool_fee=USD),
        trade(30, 0, 1_000, 101 * USD, -1_000, taker=OTHER),
        trade(40, 1, 1_000, 100 * USD, 0, taker=OTHER),
        cohorts=(Cohort("arbitrageurs", np.array([LONG])), Cohort("shorts", np.array([SHORT, LONG + 2, OTHER]))),
    ).pool
    assert (found.markout_usd, found.markout_arbitrage_usd, found.markout_liquidation_usd, found.markout_others_usd) == (-6, 5, -10, -1)
    assert found.markout_stale_usd == -11.0  # the oracle was 100 bp off in all but the first
    assert (found.fees_usd, found.volume_usd, found.arbitrage_share) == (3.0, 600.0, pytest.approx(1 / 3))
    assert found.liquidation_share == pytest.approx(1 / 3)


def test_the_inventory_by_hand() -> None:
    """Short 1,000 lots while the price falls from 100 to 90, and short 400 of them after ADL while it goes on to 80."""
    path = np.where(np.arange(61) < 20, 100.0, np.where(np.arange(61) < 40, 90.0, 80.0))
    adl = event(Deleveraged, 300, loser=int(CURVE), winner=LONG, size=600, mark=100, value=60 * USD)
    found = hand(
        trade(10, 0, 1_000, 100 * USD, -1_000), adl, path_usd=path, closing_size=closing(long=400, pool=-400),
    ).pool  # fmt: skip
    assert found.inventory_usd == pytest.approx(10.0 + 4.0)
    assert found.own_usd == 0.0 and found.rest_usd == pytest.approx(-14.0)


def test_events_that_do_not_lead_to_the_curves_position_are_told() -> None:
    with pytest.raises(MetricsError, match="leads to a curve that holds -5 lots, not 0"):
        hand(trade(10, 0, 5, USD, -5))


def test_who_paid_when_by_hand() -> None:
    found = hand(
        event(LiquidationStarted, 30, account=SHORT),
        event(Liquidated, 40, account=SHORT, deficit=5 * USD),
        event(DeficitPaid, 40, account=SHORT, payer=Payer.OTHER, amount=3 * USD),
        event(DeficitPaid, 50, account=SHORT, payer=Payer.UNCOVERED, amount=2 * USD),
    )
    assert msgspec.structs.asdict(found.when) == {
        "liquidation_s": 30.0, "fund_s": None, "pool_s": 40.0, "adl_s": None, "socialized_s": None, "uncovered_s": 50.0,
    }  # fmt: skip
    assert (found.losses.pool_usd, found.losses.uncovered_usd) == (3.0, 2.0)


def test_fills_with_a_curve_are_fills() -> None:
    found = hand(trade(10, 0, 100, 11 * USD, -100), trade(70, 1, 100, 9 * USD, 0))
    assert found.flow.fills == 2 and found.minutes.trades[:2] == [1, 1]
    assert found.prices.last_gap_bp == 0.0


# -- the report --


def report_of(*names: str) -> Report:
    usd = {name: capital_of(with_capital(load_venue(name), 5e6)) for name in names}
    about = About("flash", "A crash", "synthetic", 24, 5e6, 0.0, {}, Capital("same", usd), Inputs((), None, {}, {}))
    return Report(about, [Result(name, 1, name, measured(name)) for name in names], names)


def shown(report: Report, width: int) -> str:
    out = StringIO()
    print_overview(report, "Files: none.", Console(file=out, width=width))
    return out.getvalue()


def flat(text: str) -> str:
    return " ".join(text.split())


def line_of(text: str, label: str) -> str:
    return next(line for line in text.splitlines() if line.strip().startswith(label))


@pytest.mark.parametrize("width", [80, 160])
def test_the_table_fits_and_tells_pools(width: int) -> None:
    text = shown(report_of(HYBRID, VIRTUAL, POOL, BATCH), width)
    assert max(map(len, text.splitlines())) <= width
    assert line_of(text, "result of providers").split().count("-") == 3
    assert "The curve's pool" in text and "gained on true price" in text
    behind = "book_amm_hybrid 50 M USD; perp_v1 none, it is virtual; gmx_v2 5 M USD and what makers pay in."
    assert f"Behind the curves stand, of the venue's own: {behind}" in flat(text)
    assert "no margin calls, so nobody refills them, and they bid in no auction." in flat(text)


def test_no_word_of_pools_where_there_is_none() -> None:
    text = shown(report_of(BATCH, BLOCKS), 160)
    assert "pool" not in text and "curve" not in text
    assert stories(report_of(BATCH)) == []


def test_a_line_for_each_design_tells_who_paid() -> None:
    told = stories(report_of(VIRTUAL, POOL, HYBRID))
    assert [line.partition(":")[0] for line in told] == [VIRTUAL, POOL, HYBRID]
    assert "liquidity providers" in told[1] and "its own pool" in told[1] and "its virtual curve" in told[0]
    owned = measured(POOL).pool.lp_usd
    assert owned is not None and ("liquidity providers gained" in told[1]) == (owned > 0)


def test_a_story_by_hand() -> None:
    found = hand(
        event(LiquidationStarted, 65, account=SHORT),
        event(Liquidated, 66, account=SHORT, size=-10, deficit=9_000_000 * USD),
        event(DeficitPaid, 70, account=SHORT, payer=Payer.INSURANCE_FUND, amount=5_000_000 * USD),
        event(DeficitPaid, 125, account=SHORT, payer=Payer.UNCOVERED, amount=4_000_000 * USD),
    )
    about = About("hand", "", "synthetic", 4, 5e6, 0.0, {}, Capital("same", {VIRTUAL: {"pool": 0}}), Inputs((), None, {}, {}))
    assert stories(Report(about, [Result(VIRTUAL, 1, "", found)], (VIRTUAL,))) == [
        f"{VIRTUAL}: 1 liquidated from 1:05 on, bad debt 9 M USD; the insurance fund paid 5 M USD from 1:10; 4 M USD was paid by nobody "
        "from 2:05; its virtual curve neither gained nor lost."
    ]


# -- the provider --


TERMS = ProviderTerms(1_000 * USD, Withdrawal(1.0, 5.0, 0.9, 0.7, 1.0, 1.0), 10**9, 10**9)
SEAT = Seat(LONG, 0, 1_000)


def view(outside: float = 100.0, size: int = 0, waiting: int = 0) -> View:
    return View(0, 0, 100, 100, 100, outside, size, 1_000 * USD, 0, waiting=waiting)


def test_a_provider_leaves_by_its_rule_and_comes_back() -> None:
    bot = LiquidityProvider(SEAT, TERMS)
    (first,), _ = bot.on_start(0, view())
    assert (first[KIND_COLUMN], first[column_of(AddLiquidity, "amount")]) == (AddLiquidity.KIND, 1_000 * USD)
    bot.on_event(1, LiquidityAdded(0, 1, LONG, 0, 1_000 * USD, 500, 0, 0, 0))
    assert not len(bot.on_wake(10**9, view())[0])  # nothing has moved
    (out,), _ = bot.on_wake(2 * 10**9, view(outside=110.0))
    assert out[KIND_COLUMN] == RemoveLiquidity.KIND
    assert out[column_of(RemoveLiquidity, "shares")] == 400  # wild: the mean of 90 % and 70 % of its 500 shares
    bot.on_event(3, LiquidityRemoved(0, 3, LONG, 0, 400, 720 * USD, 0, 0, 0))
    back: list[Ints] = []
    for second in range(3, 60):
        back += list(bot.on_wake(second * 10**9, view(outside=110.0, waiting=1))[0])
    assert not back  # while a command waits
    (into,), _ = bot.on_wake(60 * 10**9, view(outside=110.0))
    assert into[KIND_COLUMN] == AddLiquidity.KIND
    assert into[column_of(AddLiquidity, "amount")] == pytest.approx(720 * USD, rel=1e-6)  # what it got, no more


def test_a_refused_provider_pauses() -> None:
    bot = LiquidityProvider(SEAT, TERMS)
    bot.on_start(0, view())
    bot.on_event(0, Rejected(0, 0, AddLiquidity.KIND, LONG, 0, Reason.ORACLE_STALE, 0, 0))
    assert [len(bot.on_wake(second * 10**9, view())[0]) for second in (1, 59, 60)] == [0, 0, 1]


def test_a_range_is_centred_anew() -> None:
    bot = LiquidityProvider(SEAT, msgspec.structs.replace(TERMS, width_bp=500.0, withdrawal=Withdrawal(1e3, 2e3, 0.9, 0.7, 1.0, 1.0)))
    (first,), _ = bot.on_start(0, view(outside=1_000.0))
    assert (first[column_of(AddLiquidity, "lower")], first[column_of(AddLiquidity, "upper")]) == (950, 1_050)
    bot.on_event(1, LiquidityAdded(0, 1, LONG, 0, 1_000 * USD, 500, 7, 950, 1_050))
    assert not len(bot.on_wake(10**9, view(outside=1_020.0))[0])
    (out,), _ = bot.on_wake(2 * 10**9, view(outside=1_026.0))  # beyond the inner half
    assert (out[column_of(RemoveLiquidity, "shares")], out[column_of(RemoveLiquidity, "range_id")]) == (500, 7)
    bot.on_event(3, LiquidityRemoved(0, 3, LONG, 0, 500, 990 * USD, 7, -20, -20 * USD))
    close, into = bot.on_wake(3 * 10**9, view(outside=1_026.0, size=-20))[0]
    assert (close[column_of(Place, "size")], close[column_of(Place, "side")], close[column_of(Place, "reduce_only")]) == (20, 0, 1)
    assert (into[column_of(AddLiquidity, "lower")], into[TS_COLUMN]) == (974, 0)
