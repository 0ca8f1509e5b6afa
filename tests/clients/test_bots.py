"""The bots, called directly: what each asks of the venue in a given view, and when it wants to be woken."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from perplab.clients.bots.arbitrage import ArbitrageTerms, Arbitrageur
from perplab.clients.bots.base import Bot, Offer, Rows, Seat, View, pack
from perplab.clients.bots.bidder import Bidder, BidderTerms
from perplab.clients.bots.market_maker import MakerTerms, MarketMaker, Withdrawal, ladder
from perplab.clients.bots.momentum import Momentum, MomentumTerms
from perplab.clients.bots.taker import Flow, NoiseTaker
from perplab.clients.bots.trader import Trader, TraderTerms
from perplab.exchange.messages import (
    AuctionStarted,
    CancelAll,
    Command,
    Deposit,
    LiquidationStarted,
    Place,
    Side,
    TakeAuction,
    TimeInForce,
    command_of_row,
)

SECOND = 10**9
USD = 10**6
SEAT = Seat(account=20, market=0, unit=1000)  # tick 1 USD, lot 0.001 coin


def view(
    outside: float = 100_000.0, *, bid: int = 99_990, ask: int = 100_010, mark: int = 100_000, size: int = 0,
    equity: int = 10_000_000 * USD, maintenance: int = 0, offers: tuple[Offer, ...] = (),
) -> View:  # fmt: skip
    return View(bid, ask, mark, mark, mark, outside, size, equity, maintenance, offers)


def commands(rows: Rows) -> list[Command]:
    return [command_of_row(row) for row in rows.tolist()]


def orders(rows: Rows) -> list[Place]:
    return [command for command in commands(rows) if isinstance(command, Place)]


# -- base --


def test_a_bot_does_nothing_by_default() -> None:
    rows, wake = Bot(SEAT).on_start(0, view())
    assert rows.shape == (0, 16)
    assert wake is None


def test_pack_and_unpack_agree() -> None:
    given = [CancelAll(0, 20, 0), Place(0, 20, 0, Side.SELL, 5, 6, tif=TimeInForce.POST_ONLY)]
    assert commands(pack(*given)) == given
    assert pack().shape == (0, 16)


def test_lots_and_notional_are_inverse() -> None:
    assert SEAT.lots(500_000.0 * USD, 100_000.0) == 5_000
    assert SEAT.notional(-5_000, 100_000.0) == -500_000 * USD
    assert SEAT.lots(-1.0, 100_000.0) == 0


# -- market maker --

LADDER = ladder(20, 1.0, np.array([1.0, 10.0, 100.0]), np.array([1e6, 1e7, 1e8]) * USD, np.array([1e6, 1e7, 1e8]) * USD)
FEAR = Withdrawal(calm_bp=2.0, wild_bp=10.0, bid=0.95, ask=0.77, rise_s=5.0, fall_s=60.0)


def maker(leverage: float = 100.0) -> MarketMaker:
    return MarketMaker(SEAT, MakerTerms(LADDER, FEAR, SECOND, SECOND // 2, leverage, skew_bp=5.0))


def side_usd(rows: Rows, side: Side) -> float:
    return sum(order.price * order.size * SEAT.unit for order in orders(rows) if order.side == side) / USD


def test_ladder_adds_up_to_the_profile() -> None:
    cumulative = np.cumsum(LADDER.bid)
    edges = LADDER.offset_bp * (LADDER.offset_bp[1] / LADDER.offset_bp[0]) ** 0.5  # half way to the next level
    for offset, depth in ((10.0, 1e7), (100.0, 1e8)):
        at = float(np.interp(np.log(offset), np.log(edges), np.log(cumulative)))
        assert np.exp(at) == pytest.approx(depth * USD, rel=1e-6)
    assert LADDER.offset_bp[0] == pytest.approx(1.0)
    assert (LADDER.bid > 0).all()


def test_maker_quotes_a_ladder_on_both_sides() -> None:
    rows, wake = maker().on_start(1000, view())
    assert isinstance(commands(rows)[0], CancelAll)
    quotes = orders(rows)
    bids, asks = ([q for q in quotes if q.side == side] for side in (Side.BUY, Side.SELL))
    assert len(bids) == len(asks) == 20
    assert max(b.price for b in bids) == 99_990 and min(a.price for a in asks) == 100_010
    assert all(q.tif == TimeInForce.POST_ONLY and q.account == SEAT.account for q in quotes)
    assert side_usd(rows, Side.BUY) == pytest.approx(1e8, rel=0.01)
    assert wake == 1000 + SECOND // 2


def test_maker_takes_what_its_equity_carries() -> None:
    rows, _ = maker(leverage=2.0).on_start(0, view())
    assert side_usd(rows, Side.BUY) == pytest.approx(2e7, rel=0.01)
    rows, _ = maker(leverage=2.0).on_start(0, view(size=100_000))  # 10 M USD long
    assert side_usd(rows, Side.BUY) == pytest.approx(1e7, rel=0.01)
    assert side_usd(rows, Side.SELL) == pytest.approx(3e7, rel=0.01)
    rows, _ = maker(leverage=2.0).on_start(0, view(equity=-1))
    assert not orders(rows)


def test_maker_leans_against_its_inventory() -> None:
    rows, _ = maker(leverage=2.0).on_start(0, view(size=200_000))
    assert min(q.price for q in orders(rows)) == 99_960, "5 bp skew and 1 bp offset below, rounded up"
    assert all(q.side == Side.SELL for q in orders(rows))


def test_maker_withdraws_when_prices_run_and_comes_back() -> None:
    bot = maker()
    bot.on_start(0, view())
    assert bot.stress() == 0.0
    price = 100_000.0
    for second in range(1, 31):
        price *= 0.998 if second % 2 else 1.001  # 15 bp a second
        rows, _ = bot.on_wake(second * SECOND, view(price))
    assert bot.stress() == 1.0
    assert side_usd(rows, Side.BUY) == pytest.approx(0.05 * 1e8, rel=0.02)
    assert side_usd(rows, Side.SELL) == pytest.approx(0.23 * 1e8, rel=0.02)
    for second in range(31, 600):
        bot.on_wake(second * SECOND, view(price))
    assert bot.stress() == 0.0


# -- noise taker --


def test_a_maker_that_withdraws_altogether_only_cancels() -> None:
    bot = MarketMaker(SEAT, MakerTerms(LADDER, replace(FEAR, bid=1.0, ask=1.0), SECOND, SECOND // 2, 100.0, skew_bp=5.0))
    bot.on_start(0, view())
    for second in range(1, 31):
        rows, _ = bot.on_wake(second * SECOND, view(100_000.0 * (1.002 if second % 2 else 1.0)))
    assert bot.stress() == 1.0
    assert commands(rows) == [CancelAll(0, 20, 0)]


def test_noise_taker_sends_its_flow_at_its_times() -> None:
    flow = Flow(np.array([10, 20, 20, 30]), np.array([0, 1, 0, 1]), np.array([5, 6, 7, 8]), np.array([91, 92, 93, 94]))
    bot = NoiseTaker(SEAT, flow)
    assert bot.on_start(0, view())[1] == 10
    rows, wake = bot.on_wake(20, view())
    assert [(o.side, o.price, o.size) for o in orders(rows)] == [(0, 91, 5), (1, 92, 6), (0, 93, 7)]
    assert all(o.tif == TimeInForce.IOC for o in orders(rows))
    assert wake == 30
    assert bot.on_wake(30, view())[1] is None
    np.testing.assert_array_equal(bot.rows()[:3], rows)


# -- momentum --

GO = MomentumTerms(SECOND, SECOND, looks=2, enter_bp=50.0, leave_bp=10.0, notional=1_000_000 * USD, leverage=3.0, slippage_bp=20.0)


def test_momentum_goes_with_a_move_and_leaves_after_it() -> None:
    bot = Momentum(SEAT, GO)
    for second, mark in enumerate((100_000, 99_900)):
        assert not len(bot.on_wake(second * SECOND, view(mark=mark))[0])
    rows, wake = bot.on_wake(2 * SECOND, view(mark=99_400))
    (order,) = orders(rows)
    assert (order.side, order.price, order.tif) == (Side.SELL, 99_201, TimeInForce.IOC)
    assert order.size == 10_060
    assert wake == 3 * SECOND
    assert not len(bot.on_wake(3 * SECOND, view(mark=99_400, size=-10_060))[0]), "it holds while the move goes on"
    (order,) = orders(bot.on_wake(4 * SECOND, view(mark=99_395, size=-10_060))[0])
    assert (order.side, order.size) == (Side.BUY, 10_060)


def test_momentum_waits_for_a_mark_price() -> None:
    bot = Momentum(SEAT, GO)
    for second in range(5):
        assert bot.on_wake(second * SECOND, view(mark=0))[0].shape == (0, 16)


def test_momentum_leaves_at_once_when_the_move_turns() -> None:
    bot = Momentum(SEAT, GO)
    for second in range(2):
        bot.on_wake(second, view(mark=100_000))
    (order,) = orders(bot.on_wake(2, view(mark=101_000, size=-500))[0])
    assert (order.side, order.size) == (Side.BUY, 500)


# -- arbitrage --

ARB = ArbitrageTerms(SECOND, SECOND, enter_bp=10.0, leave_bp=1.0, clip=1_000_000 * USD, leverage=1.0)


@pytest.mark.parametrize(
    ("bid", "ask", "size", "expected"),
    [
        (99_950, 100_050, 0, None),  # inside the costs
        (99_700, 99_800, 0, (Side.BUY, 99_900, 10_000)),
        (100_200, 100_300, 0, (Side.SELL, 100_100, 10_000)),
        (99_990, 100_000, 5_000, None),  # the way out is not there yet
        (100_010, 100_020, 5_000, (Side.SELL, 100_010, 5_000)),  # 1 bp is enough to leave
        (99_700, 99_800, 95_000, (Side.BUY, 99_900, 5_000)),  # its equity carries 10 M USD
        (99_700, 99_800, 100_000, None),
        (0, 0, 0, None),
    ],
)
def test_arbitrage(bid: int, ask: int, size: int, expected: tuple[Side, int, int] | None) -> None:
    rows, wake = Arbitrageur(SEAT, ARB).on_wake(0, view(bid=bid, ask=ask, size=size))
    assert [(o.side, o.price, o.size) for o in orders(rows)] == ([expected] if expected else [])
    assert all(o.tif == TimeInForce.IOC for o in orders(rows))
    assert wake == SECOND


# -- trader --


def test_trader_adds_margin_when_close_and_not_more_often_than_it_may() -> None:
    bot = Trader(SEAT, TraderTerms(SECOND, 5, asset=0, alarm=1.5, amount=77, times=2))
    assert bot.on_start(0, view())[1] == 5
    assert not len(bot.on_wake(0, view(size=1, equity=150, maintenance=100))[0])
    for _ in range(2):
        assert commands(bot.on_wake(0, view(size=1, equity=149, maintenance=100))[0]) == [Deposit(0, 20, 0, 77)]
    assert bot.on_wake(0, view(size=1, equity=149, maintenance=100))[1] is None


def test_trader_stops_when_flat_or_liquidated() -> None:
    bot = Trader(SEAT, TraderTerms(SECOND, 5, asset=0, alarm=1.5, amount=77, times=2))
    assert bot.on_wake(0, view(size=0, equity=1, maintenance=1))[1] is None
    bot.on_event(0, LiquidationStarted(1, 0, 20, -1, 5, 6, 100))
    rows, wake = bot.on_wake(0, view(size=1, equity=1, maintenance=100))
    assert not len(rows) and wake is None


# -- bidder --


def bidder(auctions: bool) -> Bidder:
    schedule = np.array([100.0, 300.0]), np.array([0.25, 0.75])
    return Bidder(SEAT, BidderTerms(SECOND, 5, 7, *schedule, leverage=4.0, unwind_share=0.1, unwind_bp=20.0, auctions=auctions))


def test_bidder_rests_its_schedule_in_the_book() -> None:
    rows, wake = bidder(False).on_wake(0, view())
    quotes = [(o.side, o.price, o.size) for o in orders(rows)]
    assert quotes == [
        (Side.BUY, 99_000, 101_010), (Side.BUY, 97_000, 309_278), (Side.SELL, 101_000, 99_009), (Side.SELL, 103_000, 291_262),
    ]  # fmt: skip
    assert isinstance(commands(rows)[0], CancelAll)
    assert wake == SECOND


def test_bidder_rests_only_what_it_has_left() -> None:
    rows, _ = bidder(False).on_wake(0, view(size=200_000))  # 20 of 40 M USD
    assert [(o.price, o.size) for o in orders(rows) if o.side == Side.BUY] == [(97_000, 206_185)]


@pytest.mark.parametrize(("size", "side", "limit"), [(200_000, Side.SELL, 99_800), (-200_000, Side.BUY, 100_200)])
@pytest.mark.parametrize("auctions", [False, True])
def test_bidder_works_off_what_it_holds(auctions: bool, size: int, side: Side, limit: int) -> None:
    last = orders(bidder(auctions).on_wake(0, view(size=size))[0])[-1]
    assert (last.side, last.price, last.size, last.reduce_only) == (side, limit, 20_000, True)
    assert last.tif == TimeInForce.IOC


def test_bidder_reacts_to_an_auction() -> None:
    rows, wake = bidder(True).on_event(50, AuctionStarted(1, 50, 9, 30, -1, 5, 6))
    assert not len(rows) and wake == 57


def offered(auction: int, millions: int, edge_bp: float) -> Offer:
    """So many million USD of a long account at the mark of 100,000 USD, for a gain of `edge_bp`."""
    return Offer(auction, millions * 10**6 * USD, round(millions * 100 * edge_bp) * USD, millions * 10_000)


def bids(rows: Rows) -> list[TakeAuction]:
    return [command for command in commands(rows) if isinstance(command, TakeAuction)]


OFFERS = (
    offered(1, 4, 97.5),  # too little for anyone
    offered(2, 8, 200.0),  # the first step of the schedule, 10 M USD
    offered(3, 50, 300.0),  # both steps, 40 M USD
)


def test_bidder_takes_what_its_schedule_allows_best_first() -> None:
    assert bids(bidder(True).on_wake(0, view(offers=OFFERS))[0]) == [TakeAuction(0, 20, 3, 800_000, 1_200_000 * USD)]
    assert bids(bidder(True).on_wake(0, view(offers=OFFERS[:2]))[0]) == [TakeAuction(0, 20, 2, 1_000_000, 80_000 * USD)]


def test_bidder_does_not_rest_what_it_bids_for() -> None:
    rows, _ = bidder(True).on_wake(0, view(offers=OFFERS[:2]))
    bought = [(o.price, o.size) for o in orders(rows) if o.side == Side.BUY]
    assert bought == [(99_000, 20_202), (97_000, 309_278)], "2 of 10 M USD at 1 %, all 30 at 3 %"
    assert side_usd(rows, Side.SELL) == pytest.approx(40e6, rel=1e-3), "the other side is as ever"


def test_bidder_passes_over_what_is_worth_nothing() -> None:
    bot = bidder(True)
    worthless = Offer(auction=1, notional=0, gain=5 * USD, lots=0)
    rows, _ = bot.on_wake(0, view(offers=(worthless, offered(2, 1, 600.0))))
    assert [bid.auction for bid in bids(rows)] == [2]


def test_bidder_that_has_taken_its_fill_is_quiet() -> None:
    for size, side in ((400_000, Side.BUY), (-400_000, Side.SELL)):
        rows, _ = bidder(True).on_wake(0, view(size=size, offers=OFFERS[2:] if size > 0 else ()))
        assert not bids(rows)
        assert not [o for o in orders(rows) if o.side == side], "it takes no more of it"
        assert [o.side for o in orders(rows) if o.reduce_only] == [1 - side], "and works off what it has"
