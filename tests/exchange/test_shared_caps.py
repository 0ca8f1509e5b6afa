"""What waits or is auctioned has a cap for all accounts together: who fills it shuts nobody in, and it takes many accounts to fill it."""

from __future__ import annotations

from kit import BTC, START, plain_venue

from perplab.exchange import Exchange
from perplab.exchange import messages as m
from perplab.exchange.codes import Reason

SECOND = 10**9
MOST = 512  # of all accounts, here: two of each
IOC = 1


def opened(exchange: Exchange, amount: int = 10**12) -> int:
    (told,) = exchange.apply(m.OpenAccount(exchange.now, 1, 0))
    assert isinstance(told, m.AccountOpened)
    if amount:
        exchange.apply(m.Deposit(exchange.now, told.account, 0, amount))
    return told.account


def venue_with(sequencing: dict[str, object], **terms: object) -> tuple[Exchange, int, int]:
    """A venue with small caps, one account that is long of 100 with a stop below, and one that is short."""
    exchange = Exchange(plain_venue({"sequencing": sequencing, "markets": terms}), None, 16, 16)
    exchange.apply(m.UpdateOracle(START, BTC, 1_000))
    victim, maker = opened(exchange), opened(exchange)
    exchange.apply(m.BlockTrade(START, victim, maker, BTC, 100, 1_000))
    exchange.apply(m.PlaceTrigger(START, victim, BTC, 1, 0, 0, 0, 950, reduce_only=1))
    exchange.sequencer.most = MOST
    if exchange.sequencer.auctions is not None:
        exchange.sequencer.auctions.most = MOST
    return exchange, victim, maker


def reasons(events: list[m.Event]) -> list[Reason]:
    return [Reason(e.reason) for e in events if isinstance(e, m.Rejected)]


def test_a_full_queue_shuts_nobody_in() -> None:
    """Others have filled all places of requests: what opens is refused; closes, cancels, liquidity out and stops wait for their price."""
    curve = {"rule": "oracle_spread", "role": "separate", "capital": 1_000_000, "scale": "1000", "max_inventory": "1000"}
    requests: dict[str, object] = {"rule": "request_execute", "delay_ms": 0, "expiry_ms": 10_000}
    exchange, victim, maker = venue_with(requests, curve=curve)
    exchange.apply(m.AddLiquidity(START, maker, BTC, 10**9))
    (shares,) = [e.shares for e in exchange.apply(m.UpdateOracle(START + 1, BTC, 1_000)) if isinstance(e, m.LiquidityAdded)]
    for number in range(MOST // 2):
        account = opened(exchange)
        sent = [reasons(exchange.apply(m.Place(exchange.now, account, BTC, 0, 0, 1, 1, IOC))) for _ in range(3)]
        assert sent == [[], [], [Reason.QUEUE_FULL]], f"account {number} has its share and no more"
    newcomer = opened(exchange)
    assert reasons(exchange.apply(m.Place(exchange.now, newcomer, BTC, 0, 0, 1, 1, IOC))) == [Reason.QUEUE_FULL]
    assert reasons(exchange.apply(m.AddLiquidity(exchange.now, maker, BTC, 10**9))) == [Reason.QUEUE_FULL]
    assert reasons(exchange.apply(m.RemoveLiquidity(exchange.now, maker, BTC, shares))) == []
    assert reasons(exchange.apply(m.Place(exchange.now, victim, BTC, 1, 0, 40, 1, IOC))) == []
    assert reasons(exchange.apply(m.Place(exchange.now, victim, BTC, 1, 0, 40, 1, IOC, reduce_only=1))) == []
    exchange.apply(m.UpdateOracle(exchange.now, BTC, 940))  # the stop fires, and waits for the next price
    exchange.apply(m.UpdateOracle(exchange.now + 1, BTC, 940))
    assert exchange.position(victim, BTC).size == 0 and exchange.position(maker, BTC).size == -100
    exchange.check()


def test_full_auctions_shut_nobody_in() -> None:
    """Others have as many orders auctioned as there may be: closes and stops are auctioned beside them, makers quote as ever."""
    exchange, victim, maker = venue_with({"rule": "dutch_auction", "duration_ms": 2_000, "step_ms": 1_000})
    exchange.apply(m.Place(START, maker, BTC, 1, 1_010, 10))
    exchange.apply(m.Place(START, maker, BTC, 0, 940, 200))
    for number in range(MOST // 2):
        account = opened(exchange)
        sent = [reasons(exchange.apply(m.Place(exchange.now, account, BTC, 0, 1_010, 1))) for _ in range(3)]
        assert sent == [[], [], [Reason.QUEUE_FULL]], f"account {number} has its share and no more"
    newcomer = opened(exchange)
    assert reasons(exchange.apply(m.Place(exchange.now, newcomer, BTC, 0, 1_010, 1))) == [Reason.QUEUE_FULL]
    assert reasons(exchange.apply(m.Place(exchange.now, newcomer, BTC, 0, 1_000, 1))) == []  # trades with nothing
    assert reasons(exchange.apply(m.Place(exchange.now, maker, BTC, 1, 1_012, 10, 0, 3))) == []
    assert reasons(exchange.apply(m.Place(exchange.now, victim, BTC, 1, 940, 40, 0, IOC, reduce_only=1))) == []
    fired = exchange.apply(m.UpdateOracle(exchange.now, BTC, 945))
    assert [e for e in fired if isinstance(e, m.TriggerCancelled)] == []
    exchange.apply(m.Tick(exchange.now + 3 * SECOND))
    assert exchange.position(victim, BTC).size == 0
    exchange.check()


def test_without_money_nothing_waits() -> None:
    """An account that has nothing is told at once, however often it asks; what takes back is none of it."""
    exchange, _, _ = venue_with({"rule": "request_execute", "delay_ms": 0, "expiry_ms": 10_000})
    poor = opened(exchange, 0)
    for command in (m.Place(START, poor, BTC, 0, 0, 1, 1, IOC), m.Amend(START, poor, 1, 900, 1), m.MassQuote(START, poor, BTC, 0, 900, 1)):
        assert reasons(exchange.apply(command)) == [Reason.INSUFFICIENT_MARGIN]
    assert reasons(exchange.apply(m.AddLiquidity(START, poor, BTC, 1))) == [Reason.INSUFFICIENT_BALANCE]
    assert reasons(exchange.apply(m.Place(START, poor, BTC, 0, 0, 1, 1, IOC, reduce_only=1))) == [Reason.REDUCE_ONLY]
    assert exchange.state.pending.live == 0
    exchange.apply(m.Deposit(START, poor, 0, 10**9))
    assert reasons(exchange.apply(m.Place(START, poor, BTC, 0, 0, 1, 1, IOC))) == [] and exchange.state.pending.live == 1
