"""The designs of real venues: each is driven through a crash, and does what its venue is known for.

What they have in common with the designs that are compared, they share the tests of: golden hashes, snapshots, references, screens.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from kit import BTC, FEES, INSURANCE, SECOND, UNCOVERED, USD, VAULT, Dice, packed, typed, usd
from preset_kit import REAL, Venue, has_book, script_of

from perplab.exchange import Exchange, Journal, compared_venues, load_venue, replay, shipped_venues
from perplab.exchange.codes import AccountKind, Payer, Reason, Side, TimeInForce
from perplab.exchange.events import (
    BatchCleared,
    CommandQueued,
    CurveTraded,
    DeficitPaid,
    Deleveraged,
    Event,
    FundingCharged,
    OrderCancelled,
    Rejected,
    TakerAuctionStarted,
    Traded,
)
from perplab.exchange.messages import CancelAll, CancelClient, Debit, Place, UpdateOracle
from perplab.exchange.money.margin import row_equity

BUY, SELL = int(Side.BUY), int(Side.SELL)
IOC, POST_ONLY, RPI = int(TimeInForce.IOC), int(TimeInForce.POST_ONLY), int(TimeInForce.RPI)
CURVE = 6
ROW = 16
RULES = Path(__file__).resolve().parents[2] / "docs" / "rules.md"
MECHANISMS = {  # what must have happened to call the script a stress of the design
    "book_amm_hybrid": {"CurveTraded", "Traded", "Liquidated", "Deleveraged", "DeficitPaid"},
    "drift_v2": {"TakerAuctionStarted", "CurveTraded", "CurveMoved", "Traded", "Liquidated", "LossSocialized", "DeficitPaid"},
    "gmx_v2": {"CommandQueued", "CurveTraded", "LiquidityAdded", "Liquidated", "DeficitPaid"},  # liquidity stays for an hour
    "hyperliquid": {"CommandQueued", "Traded", "Liquidated", "TakenOver", "Deleveraged"},
    "injective_fba": {"BatchCleared", "Traded", "Liquidated", "DeficitPaid"},
    "lighter": {"CommandQueued", "Traded", "Liquidated", "TakenOver", "Deleveraged"},
    "paradex": {"CommandQueued", "Traded", "Liquidated", "TakenOver", "LossSocialized"},
    "perp_v1": {"CurveTraded", "FundingCharged"},  # its mark is an average of 15 minutes: what follows is a test of its own
    "perp_v2_curie": {"CurveTraded", "LiquidityAdded", "LiquidityRemoved"},  # the same
    "synthetix_v3": {"CommandQueued", "CurveTraded", "LiquidityAdded", "Liquidated", "DeficitPaid"},
}


class Run:
    """A design under the long script, checked after every command."""

    def __init__(self, name: str) -> None:
        self.venue = load_venue(name)
        self.journal = Journal()
        self.exchange = Exchange(self.venue, self.journal)
        commands = script_of(self.venue, 7, 72)
        began = commands[0].ts // SECOND
        self.commands = [one for one in commands if not 4 <= one.ts // SECOND - began < 26]  # the calm before it is long
        self.events: list[Event] = []
        for command in self.commands:
            self.events += self.exchange.apply(command)
            self.exchange.check()


@cache
def stressed(name: str) -> Run:
    return Run(name)


def of(events: list[object], kind: type[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]


# -- the contract ------------------------------------------------------------------------------------------------------------------


def test_all_of_them_are_tested() -> None:
    assert sorted(MECHANISMS) == sorted(REAL) == sorted(set(shipped_venues()) - set(compared_venues()))
    assert set(compared_venues()) <= set(shipped_venues())


@pytest.mark.parametrize("name", REAL)
def test_they_trade_what_the_compared_ones_trade(name: str) -> None:
    """One market with the same coin, tick and lot, so that the lab runs the same people on the same prices."""
    (market,), (base,) = load_venue(name).markets, load_venue("book_fund_adl").markets
    for key in ("name", "tick", "lot", "max_price", "settlement_asset", "payoff"):
        assert getattr(market, key) == getattr(base, key)


@pytest.mark.parametrize("name", REAL)
def test_a_crash_works_every_mechanism(name: str) -> None:
    run = stressed(name)
    happened = {type(event).__name__ for event in run.events}
    assert MECHANISMS[name] | {"FundingCharged", "Rejected"} <= happened
    assert [event.seq for event in run.events] == list(range(1, len(run.events) + 1))


@pytest.mark.parametrize("name", REAL)
def test_money_is_accounted_for(name: str) -> None:
    """The ledger's law to the micro-unit, added up here once more, and who paid a deficit has it no longer."""
    run = stressed(name)
    exchange = run.exchange
    expected = exchange.deposits() - exchange.withdrawals()
    assert sum(exchange.ledger_balance(account) for account in range(exchange.state.accounts.count)) == expected
    assert sum(exchange.balances_by_class().values()) == expected
    assert sum(exchange.position(account, BTC).size for account in range(exchange.state.accounts.count)) == 0
    paid = Counter[int]()
    for event in run.events:
        if isinstance(event, DeficitPaid):
            paid[event.payer] += event.amount
    assert paid[Payer.UNCOVERED] == -exchange.balance(UNCOVERED)
    assert paid[Payer.OTHER] == 0 or "liquidity_pool" in run.venue.backstops
    charged = sum(event.taker_fee + event.maker_fee for event in run.events if isinstance(event, Traded))
    charged += sum(event.taker_fee - event.pool_fee for event in run.events if isinstance(event, CurveTraded))
    liquidations = sum(event.fee for event in run.events if type(event).__name__ == "Liquidated")
    if run.venue.liquidation.fee_to == "fees":
        charged += liquidations * (1_000_000 - run.venue.liquidation.fee_fund_share_ppm) // 1_000_000
    assert abs(exchange.balance(FEES) - charged) <= len(run.events), "rounding of shares"


@pytest.mark.parametrize("name", REAL)
def test_replay_and_bulk_agree(name: str) -> None:
    run = stressed(name)
    expected = run.exchange.state_hash()
    assert replay(run.journal.bytes()).state_hash() == expected
    rows = packed(run.commands)
    parts = Exchange(run.venue)
    events: list[Event] = []
    dice, at = Dice(3), 0
    while at < len(rows):
        size = dice.roll(0, 400) * ROW
        events += typed(parts.apply_rows(rows[at : at + size]))
        at += size
    parts.check()
    assert events == run.events and parts.state_hash() == expected


# -- prices ------------------------------------------------------------------------------------------------------------------------

COST = {  # [bp] of the price, of a purchase of 10 thousand, 1 million and 10 million USD from a curve alone, by the venue's formula
    "book_amm_hybrid": (5.0, 5.25, 7.5),  # 5 + 100 x lots / 2 / 2,000 coins, the middle of what is bought
    "drift_v2": (1.35, 11.26, 102.3),  # 1.25 + x / (1 - x) for x of a reserve of 1 billion USD
    "gmx_v2": (0.009, 0.9, 9.0),  # 9e-11 x USD
    "perp_v1": (0.1, 10.01, None),  # x / (1 - x) for x of a reserve of 1 billion; 10 million are more than 1.2 % allow
    "perp_v2_curie": (0.118, 11.79, 117.9),  # USD x (sqrt 2 - sqrt 1/2) / a reserve of 600 million
    "synthetix_v3": (0.04, 4.0, 40.0),  # coins / 12,500 / 2
}


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("name", COST)
def test_a_trade_costs_what_the_venues_depth_says(name: str, side: int) -> None:
    venue = Venue(name)
    for amount, expected in zip((10_000, 1_000_000, 10_000_000), COST[name], strict=True):
        lots = amount * 1_000 // venue.price
        given, value = venue.exchange.sweep(BTC, side, lots)
        if expected is None:
            assert given < lots
            continue
        assert given == lots
        cost = abs(value / USD / (lots / 1_000) / venue.price - 1) * 10_000
        assert cost == pytest.approx(expected, rel=0.03, abs=0.02)


@pytest.mark.parametrize("name", [name for name in REAL if not has_book(load_venue(name))])
def test_nothing_rests_where_there_is_no_book(name: str) -> None:
    venue = Venue(name)
    events = list(venue.place(venue.long, BUY, "0.1", 99_000)) + venue.settle()
    assert [Reason(event.reason) for event in of(events, Rejected)] == [Reason.NO_BOOK]


# -- funding -----------------------------------------------------------------------------------------------------------------------


def charged(venue: Venue, minutes: int) -> list[int]:
    """Rates that were charged in a time, at one price of the oracle every four seconds."""
    rates: list[int] = []
    for _ in range(minutes * 15):
        venue.now += 4 * SECOND
        events = venue.exchange.apply(UpdateOracle(venue.now, BTC, venue.price))
        rates += [event.rate_ppt for event in events if isinstance(event, FundingCharged)]
    venue.exchange.check()
    return rates


def crowd(venue: Venue, heavy: int) -> None:
    """Most trade on one side: in a book at prices that are off the oracle by 0.4 %, and the quotes stay there."""
    if has_book(venue.exchange.design) and venue.exchange.design.markets[BTC].curve.rule == "none":
        venue.quotes(venue.price * (1_004 if heavy == BUY else 996) // 1_000)
    else:
        venue.market_order(venue.short, 1 - heavy, 20_000)
    venue.market_order(venue.long, heavy, 60_000)


INTEREST = ("book_amm_hybrid", "drift_v2")  # longs pay it whichever side is crowded; the hybrid's curve keeps prices where they are


@pytest.mark.parametrize("name", REAL)
def test_the_crowded_side_pays(name: str) -> None:
    """More are long, or prices are above the oracle: longs pay. The other way round: shorts do."""
    rates = []
    for heavy in (BUY, SELL):
        venue = Venue(name)
        crowd(venue, heavy)
        rates.append(sum(charged(venue, 62)))
    assert rates[0] > 0
    assert rates[0] >= rates[1] > 0 if name in INTEREST else rates[1] < 0


# -- losses ------------------------------------------------------------------------------------------------------------------------


class Gap:
    """A long of 100 BTC with the least margin, and a price that falls at once. Makers are gone until a second later."""

    def __init__(self, name: str, percent: int, **overrides: object) -> None:
        venue = Venue(name, **overrides)
        self.venue = venue
        self.trader = venue.open(2_000_000)
        venue.quotes(venue.price)
        venue.market_order(self.trader, BUY, 100_000)
        self.size = venue.exchange.position(self.trader, BTC).size
        least = venue.exchange.initial_margin(self.trader) * 51 // 50
        venue.send(Debit, self.trader, 0, venue.exchange.equity(self.trader) - least)
        self.equity = venue.exchange.equity(self.trader) // USD
        self.before = self.money()
        if has_book(venue.exchange.design):
            venue.send(CancelAll, venue.maker, BTC)
        venue.price = venue.price * (100 - percent) // 100
        self.events = venue.settle(1) + venue.quotes(venue.price)
        if name.startswith("perp_v"):  # their prices fall by what is sold
            for _ in range(1_200):
                self.events += venue.settle(1) + list(venue.send(Place, venue.short, BTC, SELL, venue.price, 20_000, 0, IOC))
        self.events += venue.settle(90)

    def money(self) -> dict[str, int]:
        exchange = self.venue.exchange
        pool = exchange.state.markets[BTC].pool.row
        return {
            "fund": exchange.balance(INSURANCE), "vault": exchange.equity(VAULT), "uncovered": exchange.balance(UNCOVERED),
            "pool": int(row_equity(exchange.state, pool)) if pool >= 0 else 0,
        }  # fmt: skip


GAPS = {  # who pays when the price is lower by 4 % and by 20 %
    "book_amm_hybrid": (Payer.INSURANCE_FUND, Payer.INSURANCE_FUND),
    "drift_v2": (None, Payer.INSURANCE_FUND),
    "gmx_v2": (Payer.OTHER, Payer.OTHER),  # the pool, which is the other side
    "hyperliquid": (Payer.VAULT, Payer.VAULT),
    "injective_fba": (None, Payer.INSURANCE_FUND),
    "lighter": (Payer.VAULT, Payer.VAULT),
    "paradex": (Payer.VAULT, Payer.VAULT),
    "perp_v1": (None, Payer.INSURANCE_FUND),
    "perp_v2_curie": (None, None),  # its mark is slow: the vault takes over in time, and loses what the price falls afterwards
    "synthetix_v3": (Payer.OTHER, Payer.OTHER),
}
LEFT = {  # of the position, where it is not closed within 92 s
    ("book_amm_hybrid", 20): range(30_000, 50_000),  # a fifth every half minute, since a fund's cap on an account does not reach further
    ("drift_v2", 4): range(1, 10_000),  # no more than what makes the account whole
    ("perp_v1", 4): range(59_000, 60_000),  # its mark, an average, has not fallen below maintenance
    ("perp_v2_curie", 4): range(83_000, 84_000),  # the same
}


@cache
def gap_of(name: str, percent: int) -> Gap:
    return Gap(name, percent)


PAID = {Payer.INSURANCE_FUND: "fund", Payer.VAULT: "vault", Payer.OTHER: "pool", Payer.SOCIALIZED: "all"}


def who_paid(gap: Gap) -> str:
    """In millions of USD, as docs/rules.md has it."""
    sums = Counter[str]()
    for event in gap.events:
        if isinstance(event, DeficitPaid):
            sums[PAID[Payer(event.payer)]] += event.amount
        elif isinstance(event, Deleveraged):
            sums["winners"] += event.conceded
    return ", ".join(f"{name} {amount / 1e12:.2f}" for name, amount in sums.items()) or "nobody"


@pytest.mark.parametrize("name", REAL)
def test_the_page_says_who_pays(name: str) -> None:
    page = RULES.read_text(encoding="utf-8")
    assert f"\n| `{name}` | {who_paid(gap_of(name, 4))} | {who_paid(gap_of(name, 20))} |" in page


@pytest.mark.parametrize("percent", [4, 20])
@pytest.mark.parametrize("name", REAL)
def test_somebody_pays_for_a_gap(name: str, percent: int) -> None:
    """The position is closed as its venue does it, and what it cannot pay is paid by whoever has to."""
    gap = gap_of(name, percent)
    exchange = gap.venue.exchange
    expected = GAPS[name][percent == 20]
    deficits = [event for event in gap.events if isinstance(event, DeficitPaid)]
    assert {event.payer for event in deficits} == ({expected} if expected else set())
    left = exchange.position(gap.trader, BTC).size
    assert left in LEFT.get((name, percent), range(1))
    conceded = sum(event.conceded for event in gap.events if isinstance(event, Deleveraged))
    paid = (sum(event.amount for event in deficits) + conceded) // USD
    if left == 0 and not name.startswith("perp_v"):
        assert paid == pytest.approx(max(0, 100_000 * percent - gap.equity), abs=60_000)
    assert exchange.balance(UNCOVERED) == 0
    if (name, percent) == ("perp_v2_curie", 20):
        assert gap.money()["vault"] < gap.before["vault"] - usd(500_000)
    if expected == Payer.OTHER:  # what the pool was to gain and did not get
        assert gap.money()["pool"] - gap.before["pool"] == pytest.approx(gap.equity * USD, abs=USD)


def test_the_fund_of_perp_v1_runs_dry_and_nobody_else_pays() -> None:
    """What the fund has not is a loss that nobody covers, and the curve's account owes what whoever sold before has gained."""
    gap = Gap("perp_v1", 20, insurance_fund={"capital": 500_000})
    exchange = gap.venue.exchange
    assert exchange.balance(INSURANCE) == 0 > exchange.balance(UNCOVERED)
    assert {event.payer for event in gap.events if isinstance(event, DeficitPaid)} == {Payer.INSURANCE_FUND, Payer.UNCOVERED}
    assert gap.money()["pool"] < -usd(5_000_000) < gap.before["pool"]


def test_gmx_deleverages_winners_who_win_too_much() -> None:
    """From 85 % of what the pool has, down to 77 %: it has 150 M USD, is short 1,400 BTC, and the price doubles."""
    venue = Venue("gmx_v2")
    for _ in range(4):
        venue.market_order(venue.long, BUY, 350_000)
    assert venue.exchange.position(CURVE, BTC).size == -1_400_000
    for price in range(110_000, 190_001, 10_000):
        venue.price = price
        assert not of(venue.settle(1), Deleveraged)
    venue.price = 200_000
    (event,) = of(venue.settle(1), Deleveraged)
    assert event.winner == venue.long and event.mark == 200_000 and event.conceded == 0, "at the oracle, with all of the profit"
    row = venue.exchange.state.markets[BTC].pool.row
    money = venue.exchange.position(CURVE, BTC).isolated_margin
    assert money - row_equity(venue.exchange.state, row) == pytest.approx(money * 77 // 100, rel=1e-4)


# -- order -------------------------------------------------------------------------------------------------------------------------


def quote(venue: Venue, price: int) -> None:
    venue.send(Place, venue.maker, BTC, SELL, price, 1_000, tif=POST_ONLY, client_lo=1)
    venue.settle(1)


@pytest.mark.parametrize(("name", "is_hit"), [("hyperliquid", False), ("injective_fba", False), ("lighter", False), ("paradex", True)])
def test_can_a_maker_leave_before_a_taker_who_came_first(name: str, is_hit: bool) -> None:
    """Blocks that put cancels first, auctions, and takers who wait: yes. Paradex delays retail alone: no."""
    venue = Venue(name)
    quote(venue, 100_100)
    venue.now += SECOND // 2
    events: list[object] = list(venue.send(Place, venue.long, BTC, BUY, 100_100, 1_000, tif=IOC))
    venue.now += 1_000_000  # a millisecond later
    events += venue.send(CancelClient, venue.maker, 0, 1)
    events += venue.settle(1)
    assert bool(of(events, Traded)) is is_hit
    assert len(of(events, CommandQueued)) == {"hyperliquid": 2, "injective_fba": 2, "lighter": 1, "paradex": 0}[name]
    assert is_hit or [event.account for event in of(events, OrderCancelled)][:1] == [venue.maker]


def test_paradex_delays_retail_and_serves_it_better() -> None:
    """A retail order waits 300 ms, meets RPI quotes that nobody else can, and stands first in its level."""
    venue = Venue("paradex")
    retail = venue.open("1000000", kind=int(AccountKind.RETAIL))
    venue.send(Place, venue.maker, BTC, SELL, 100_050, 500, tif=RPI)
    quote(venue, 100_100)
    events = list(venue.send(Place, venue.long, BTC, BUY, 100_100, 100, tif=IOC))
    assert [event.price for event in of(events, Traded)] == [100_100]
    venue.now += SECOND // 2
    events = list(venue.send(Place, retail, BTC, BUY, 100_100, 100, tif=IOC))
    (queued,) = of(events, CommandQueued)
    assert queued.due - queued.ts == 300_000_000
    (trade,) = of(venue.settle(1), Traded)
    assert trade.price == 100_050 and trade.ts == queued.due
    venue.place(venue.short, SELL, "0.1", 100_080)
    venue.place(retail, SELL, "0.1", 100_080)
    venue.settle(1)
    events = list(venue.send(Place, venue.long, BTC, BUY, 100_080, 100, tif=IOC))
    assert [event.maker for event in of(events, Traded)] == [retail]


def test_injective_trades_a_batch_at_one_price() -> None:
    venue = Venue("injective_fba")
    venue.place(venue.long, BUY, 3, 100_200)
    venue.place(venue.short, SELL, 2, 99_900)
    venue.place(venue.maker, SELL, 2, 100_000)
    events = venue.settle(1)
    (cleared,) = of(events, BatchCleared)
    assert {event.price for event in of(events, Traded)} == {cleared.price} and cleared.size == 3_000
    assert all(event.taker_fee > 0 and event.maker_fee > 0 for event in of(events, Traded)), "both came with the batch"


@pytest.mark.parametrize(("name", "seconds"), [("gmx_v2", 1), ("synthetix_v3", 2)])
def test_requests_are_carried_out_at_a_later_price(name: str, seconds: int) -> None:
    """Whoever knows where the oracle goes next gains nothing by it."""
    venue = Venue(name)
    assert not of(list(venue.send(Place, venue.long, BTC, BUY, 102_000, 100, tif=IOC)), CurveTraded)
    venue.price = 101_000
    early = of(venue.settle(seconds - 1), CurveTraded)
    (trade,) = of(venue.settle(1), CurveTraded)
    assert not early and trade.value >= usd(101_000) // 10


def test_drift_auctions_a_taker_to_makers_who_come() -> None:
    """In ten slots from the oracle to half a per cent beyond. A maker who comes in meanwhile has him at his own price, before the curve."""
    venue = Venue("drift_v2")
    began = venue.now
    events = list(venue.send(Place, venue.long, BTC, BUY, 101_000, 1_000, tif=IOC))
    (started,) = of(events, TakerAuctionStarted)
    assert (started.start, started.end, started.ends - began) == (100_000, 100_500, 4 * SECOND)
    venue.now += SECOND // 5
    venue.send(Place, venue.maker, BTC, SELL, 100_005, 400, tif=POST_ONLY)
    events = venue.settle(1)
    (trade,) = of(events, Traded)
    (rest,) = of(events, CurveTraded)
    assert (trade.price, trade.size, trade.ts - began) == (100_005, 400, SECOND * 2 // 5)
    assert rest.size == 600 and rest.ts == trade.ts and rest.price > trade.price
