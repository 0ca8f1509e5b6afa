"""The event loop: deterministic, audited, fair between designs; agents see, wait and are told what they should be."""

from __future__ import annotations

import zlib

import msgspec
import numpy as np
import pytest

from perplab.clients.bots.base import NOTHING, Action, Bot, Seat, View
from perplab.exchange.codes import FIRST_USER, AccountKind, SystemAccount
from perplab.exchange.design.venue import VenueDesign, load_venue
from perplab.exchange.events import (
    AuctionTaken,
    BlockTraded,
    Deposited,
    Event,
    LiquidationStarted,
    OracleUpdated,
    OrderPlaced,
    Traded,
)
from perplab.exchange.journal import directory, records, replay
from perplab.exchange.messages import KIND_COLUMN, BlockTrade, Place, column_of
from perplab.lab.agents import Agent
from perplab.lab.runs import Ints, Run
from perplab.lab.scenario import Scenario, load_scenario
from perplab.lab.simulation import Actor, Simulation, run
from perplab.lab.stage import Stage, set_stage, with_capital

SECOND = 10**9
SMALL = {"population": {"accounts": 120}}


def short(minutes: int = 1) -> Scenario:
    """A calm scenario of so many minutes with few accounts."""
    path = msgspec.to_builtins(load_scenario("calm").path)
    return load_scenario("calm").override({**SMALL, "path": {**path, "minutes": minutes}})


@pytest.fixture(scope="module")
def calm() -> Run:
    return run(load_venue("book_fund_adl"), short(), 1)


@pytest.fixture(scope="module")
def crash() -> Run:
    """Twelve minutes of the crash with few accounts."""
    return run(load_venue("book_vault_adl"), load_scenario("flash").override(SMALL), 1)


@pytest.fixture(scope="module")
def auctioned() -> Run:
    return run(load_venue("auction_fund_adl"), load_scenario("flash").override(SMALL), 1)


def column(made: Run, event: type[Event], name: str) -> Ints:
    """One column of the events of one kind."""
    rows = made.events[made.events[:, KIND_COLUMN] == event.KIND]
    found: Ints = rows[:, column_of(event, name)]
    return found


def cohort(made: Run, name: str) -> Ints:
    return next(one.accounts for one in made.cohorts if one.name == name)


def commands_of(made: Run) -> bytes:
    """The journaled commands, without the header that names the design."""
    return b"".join(zlib.decompress(payload) for rows, payload in records(made.journal, "journal") if rows)


# -- the whole run --


def test_equal_arguments_give_equal_runs(calm: Run) -> None:
    again = run(load_venue("book_fund_adl"), short(), 1)
    assert again.state_hash == calm.state_hash
    assert again.journal == calm.journal
    np.testing.assert_array_equal(again.events, calm.events)
    np.testing.assert_array_equal(again.book.effective_bp, calm.book.effective_bp)
    assert run(load_venue("book_fund_adl"), short(), 2).state_hash != calm.state_hash


def test_a_design_under_another_name_gives_the_same_commands(calm: Run) -> None:
    venue: VenueDesign = msgspec.structs.replace(load_venue("book_fund_adl"), name="another", title="the same")
    again = run(venue, short(), 1)
    assert again.venue == "another"
    assert commands_of(again) == commands_of(calm)
    np.testing.assert_array_equal(again.events, calm.events)


def test_bots_of_ones_own_join_last_and_change_nobodys_draws(calm: Run) -> None:
    class Watcher(Bot):
        def on_start(self, ts: int, view: View) -> Action:
            seen.append(self.seat.account)
            return NOTHING, ts + SECOND

        def on_wake(self, ts: int, view: View) -> Action:
            seen.append(view.size)
            return NOTHING, None

    seen: list[int] = []
    agent = Agent("mine/0", "mine", AccountKind.TRADER, 10**9, Watcher)
    again = run(load_venue("book_fund_adl"), short(), 1, bots=[agent])
    account = calm.closing_equity.size
    assert seen == [account, 0]
    assert cohort(again, "mine").tolist() == [account]
    assert (int(again.closing_equity[account]), again.balances["mine"]) == (10**9, 10**9)
    np.testing.assert_array_equal(again.closing_equity[:account][FIRST_USER :], calm.closing_equity[FIRST_USER :])
    assert len(again.events) == len(calm.events) + 3, "its account, its deposit, its leverage"


def test_the_capital_is_the_scenarios_or_the_venues_own() -> None:
    venue = load_venue("book_fund_adl")
    assert run(venue, short(), 1).capital == {"insurance_fund": 5 * 10**12, "vault": 0}
    assert run(venue, short(), 1, own_capital=True).capital == {"insurance_fund": 10**13, "vault": 0}


def test_the_journal_replays_to_the_same_state(crash: Run) -> None:
    assert replay(crash.journal).state_hash() == crash.state_hash


def test_the_journal_names_everyone(crash: Run) -> None:
    names = directory(crash.journal)
    assert len(names) == crash.closing_equity.size - FIRST_USER
    for one in crash.cohorts:
        assert {names[account - FIRST_USER].partition("/")[0] for account in one.accounts.tolist()} == {one.name}
    assert all(int(name.partition("/")[2]) >= 0 for name in names.values())


@pytest.mark.parametrize("name", ["calm", "crash", "auctioned"])
def test_the_books_are_balanced(name: str, request: pytest.FixtureRequest) -> None:
    made: Run = request.getfixturevalue(name)
    assert sum(made.balances.values()) == made.deposits - made.withdrawals
    assert int(made.closing_size.sum()) == int(made.opening_size.sum()) == 0
    seq, ts = made.events[:, column_of(Event, "seq")], made.events[:, column_of(Event, "ts")]
    np.testing.assert_array_equal(seq, np.arange(seq[0], seq[0] + len(made.events)))
    assert (np.diff(ts) >= 0).all()
    members = np.concatenate([one.accounts for one in made.cohorts])
    np.testing.assert_array_equal(np.sort(members), np.arange(FIRST_USER, made.closing_equity.size))


def test_the_population_is_seeded_off_the_book(crash: Run) -> None:
    scenario = load_scenario("flash")
    first = round(scenario.path.first_usd)
    longs = cohort(crash, "longs")
    held = int(crash.opening_size[longs].sum()) * first * crash.terms.unit / 1e6
    assert held == pytest.approx(scenario.open_interest_usd, rel=1e-6)
    assert (column(crash, BlockTraded, "ts") == crash.start_ts).all()
    assert column(crash, BlockTraded, "size").sum() == crash.opening_size[longs].sum()
    assert (crash.opening_size[cohort(crash, "hedgers")] < 0).all()
    for name in ("makers", "arbitrageurs", "bidders", "momentum", "noise"):
        assert (crash.opening_size[cohort(crash, name)] == 0).all(), f"{name} start flat"


def test_agents_start_with_their_capital_and_are_refilled_from_outside_only(crash: Run) -> None:
    scenario = load_scenario("flash")
    for name, capital in (("makers", scenario.makers.capital_usd), ("bidders", scenario.bidders.capital_usd)):
        accounts = cohort(crash, name)
        assert (crash.opening_equity[accounts] == capital * 1e6).all()
    later = column(crash, Deposited, "ts") > crash.start_ts
    payers = column(crash, Deposited, "account")[later]
    assert np.isin(cohort(crash, "longs"), payers).any(), "some add margin"
    allowed = ("longs", "directional_shorts", "makers", "arbitrageurs", "bidders")
    assert np.isin(payers, np.concatenate([cohort(crash, name) for name in allowed])).all()
    for group in crash.professionals:
        mine = np.isin(payers, cohort(crash, group.cohort))
        assert group.paid_in == int(column(crash, Deposited, "amount")[later][mine].sum())


def test_backstops_start_with_the_scenario_s_capital(crash: Run, auctioned: Run) -> None:
    capital = round(load_scenario("flash").backstop_usd) * 10**6
    assert crash.capital == {"insurance_fund": 0, "vault": capital}
    assert auctioned.capital == {"insurance_fund": capital, "vault": 0}
    assert crash.opening_equity[SystemAccount.VAULT] == capital
    social = with_capital(load_venue("social_only"), 1e6)
    assert (social.insurance_fund.capital, social.vault.capital) == (0, 0)


def test_the_book_is_sampled_once_in_every_second(calm: Run) -> None:
    """At moments that are drawn: makers requote at whole seconds, and a sample at those would see their phase."""
    second, within = np.divmod(calm.book.ts - calm.start_ts, SECOND)
    assert (second == np.arange(59)).all() and len(set((within // (SECOND // 4)).tolist())) == 4
    assert not np.isnan(calm.book.bid_usd).any()
    assert (calm.book.bid_usd < calm.book.ask_usd).all()
    assert np.median(calm.book.ask_usd / calm.book.bid_usd - 1.0) < 5e-4, "5 bp"
    buys, sells = calm.book.effective_bp[:, :, 0], calm.book.effective_bp[:, :, 1]
    assert (np.diff(np.median(buys, axis=0)) > 0).all() and (np.diff(np.median(sells, axis=0)) < 0).all(), "larger costs more"


def test_makers_alone_make_the_measured_depth() -> None:
    book = run(load_venue("book_fund_adl"), short().override({"bidders": {"count": 0}}), 1).book
    assert np.median(book.bid_depth_usd) == pytest.approx(304.7e6, rel=0.05)
    assert np.median(book.ask_depth_usd) == pytest.approx(240.8e6, rel=0.05)


def test_the_oracle_follows_the_true_price(calm: Run) -> None:
    ts, price = column(calm, OracleUpdated, "ts")[1:], column(calm, OracleUpdated, "price")[1:]
    lag = load_scenario("calm").oracle.lag_ms * 10**6
    true = calm.path_usd[np.searchsorted(calm.path_ts, ts - lag) - 1]
    assert np.abs(price / true - 1.0).max() < 5e-4
    assert (np.diff(ts) < 4 * SECOND).all()


def test_makers_requote_every_second_at_twenty_levels_and_more(calm: Run) -> None:
    for maker in cohort(calm, "makers"):
        mine = column(calm, OrderPlaced, "account") == maker
        ts, orders = np.unique(column(calm, OrderPlaced, "ts")[mine], return_counts=True)
        assert (np.diff(ts) <= SECOND).all()
        assert orders.min() >= 20
        assert np.median(orders) == 2 * load_scenario("calm").makers.levels


def test_makers_withdraw_as_measured() -> None:
    """Bid depth falls by 95 % or more at 21:19-21:22, ask depth by 77 %: the calm depth is that of the scenario."""
    scenario = load_scenario("flash").override({**SMALL, "arbitrageurs": {"count": 0}, "bidders": {"count": 0}})
    book = run(load_venue("book_fund_adl"), scenario, 1).book
    worst = slice(7 * 60, 10 * 60)  # 21:19 to 21:22
    assert np.median(book.bid_depth_usd[worst]) <= 0.05 * 304.7e6
    assert np.median(book.ask_depth_usd[worst]) <= 0.23 * 240.8e6


def test_professionals_meet_whatever_the_venue_offers(crash: Run, auctioned: Run) -> None:
    assert not column(crash, AuctionTaken, "bidder").size
    for made in (crash, auctioned):
        for name in ("makers", "bidders"):
            assert np.isin(cohort(made, name), column(made, OrderPlaced, "account")).all(), f"{name} rest in the book of {made.venue}"
    takers = column(auctioned, AuctionTaken, "bidder")
    for name in ("makers", "arbitrageurs", "bidders"):
        assert np.isin(cohort(auctioned, name), takers).all(), f"{name} bid"


def test_a_crash_liquidates_longs(crash: Run) -> None:
    liquidated = column(crash, LiquidationStarted, "account")
    assert np.isin(liquidated, cohort(crash, "longs")).any()
    assert not np.isin(liquidated, cohort(crash, "hedgers")).any()
    assert np.isin(cohort(crash, "noise"), column(crash, Traded, "taker")).all()


def test_progress_rises() -> None:
    told: list[float] = []
    run(load_venue("book_fund_adl"), short(), 1, progress=told.append)
    assert told == sorted(told)
    assert 0.0 <= told[0] < 0.05 and 0.95 < told[-1] <= 1.0


def test_accounts_scale_the_population_not_the_open_interest(calm: Run) -> None:
    more = run(load_venue("book_fund_adl"), short(), 1, accounts=170)
    assert more.opening_size.size == calm.opening_size.size + 50
    assert np.abs(more.opening_size).sum() == np.abs(calm.opening_size).sum()


def test_the_true_price_is_exogenous(crash: Run) -> None:
    np.testing.assert_array_equal(crash.path_usd, load_scenario("flash").path.path(1).prices)


# -- draws --


def staged(changes: dict[str, object]) -> Stage:
    venue = load_venue("book_fund_adl")
    return set_stage(venue, short().override(changes), 1, None)


def described(stage: Stage) -> dict[str, bytes]:
    """What each agent drew, by name: its delays and the terms of its bot."""
    out = {}
    for agent, bot in stage.actors:
        terms = getattr(bot, "terms", None)
        out[agent.name] = msgspec.json.encode(
            [agent.deposit, agent.hears_ns, agent.orders_ns, terms], enc_hook=lambda array: array.tolist()
        )
    return out


def test_an_agent_more_changes_nobody_s_draws() -> None:
    base, more = staged({}), staged({"momentum": {"count": 7}, "arbitrageurs": {"count": 4}})
    before, after = described(base), described(more)
    assert set(after) - set(before) == {"momentum/6", "arbitrageurs/3"}
    assert {name: after[name] for name in before} == before
    assert len(more.exogenous) == len(base.exogenous)
    same = [KIND_COLUMN, *(column_of(Place, name) for name in ("ts", "side", "price", "size"))]  # not the account: it is numbered anew
    np.testing.assert_array_equal(more.exogenous[:, same], base.exogenous[:, same])
    trades = [stage.opening[stage.opening[:, KIND_COLUMN] == BlockTrade.KIND] for stage in (base, more)]
    market = column_of(BlockTrade, "market")  # and what comes after it: all but the two accounts
    np.testing.assert_array_equal(trades[0][:, market:], trades[1][:, market:])


# -- what bots see and hear --


class Probe(Bot):
    """Writes down when it was called."""

    hears = frozenset({LiquidationStarted.KIND})

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat)
        self.calls: list[tuple[str, int]] = []
        self.views: list[View] = []

    def on_start(self, ts: int, view: View) -> tuple[Ints, int | None]:
        self.views.append(view)
        return np.zeros((0, 16), dtype=np.int64), ts + 10 * SECOND

    def on_event(self, ts: int, event: Event) -> tuple[Ints, int | None]:
        self.calls.append(("event", ts))
        return np.zeros((0, 16), dtype=np.int64), ts + 1

    def on_wake(self, ts: int, view: View) -> tuple[Ints, int | None]:
        self.calls.append(("wake", ts))
        self.views.append(view)
        return np.zeros((0, 16), dtype=np.int64), None


def probed() -> tuple[Simulation, Probe]:
    """A simulation in which a probe sits on the first account of the population."""
    scenario = short()
    venue = with_capital(load_venue("book_fund_adl"), scenario.backstop_usd)
    stage = set_stage(venue, scenario, 1, None)
    probe = Probe(Seat(int(stage.cohorts[-1].accounts[-1]), 0, stage.terms.unit))
    agent = Agent("probe", "probe", AccountKind.TRADER, 1, hears_ns=SECOND, orders_ns=0)
    simulation = Simulation(venue, scenario, Stage(**{**vars(stage), "actors": [*stage.actors, (agent, probe)]}))
    return simulation, probe


def test_a_bot_is_woken_when_it_asked_and_sees_the_world_late() -> None:
    simulation, probe = probed()
    simulation.play(None)
    start = simulation.stage.path.start_ns
    assert probe.calls == [("wake", start + 10 * SECOND)]
    late = simulation.stage.path.price_at(start + 9 * SECOND) / simulation.stage.terms.tick_usd
    assert probe.views[1].outside == late
    assert probe.views[1].size == int(simulation.opening_size[probe.seat.account])
    assert probe.views[1].bid < probe.views[1].ask


def test_a_bot_hears_of_its_own_account_only_and_the_earlier_wake_up_counts() -> None:
    simulation, probe = probed()
    actor = next(one for one in simulation.actors if one.bot is probe)
    other = Actor(Agent("other", "other", AccountKind.TRADER, 1), Bot(Seat(9, 0, 1)))
    assert other.wake_ts < 0
    start = simulation.stage.path.start_ns
    told = np.zeros((2, 16), dtype=np.int64)
    told[:, :5] = [[LiquidationStarted.KIND, 1, start + 5, probe.seat.account, -1], [LiquidationStarted.KIND, 2, start + 6, 9, -1]]
    simulation._tell(told, np.array([start + 5, start + 6]))
    simulation.play(None)
    heard = start + 5 + actor.hears_ns
    assert probe.calls == [("event", heard), ("wake", heard + 1)]
