"""What would be refused if it took the place of another order: what is foretold is what then happens, and asking changes nothing."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

import pytest
from actor import Actor
from choices import Seeded
from designs import drawn_venue, market, venue
from kit import packed
from msgspec.structs import replace
from world import World

from perplab.exchange import Exchange, Malformed
from perplab.exchange import messages as m
from perplab.exchange.codes import CancelReason, Reason, TimeInForce, TriggerKind
from perplab.exchange.engine import restore
from perplab.exchange.messages import VenueBusy
from perplab.exchange.server.routing import block_of

New = m.Place | m.PlaceTrigger | m.PlaceBracket


def asked(exchange: Exchange, orders: list[New], gone: list[int]) -> list[int]:
    """The reasons; asking twice gives the same, and leaves nothing behind."""
    before = exchange.state_hash(), exchange.state.log.seq, int(exchange.state.positions.live)
    found = exchange.refusals(block_of(packed(orders)), gone)
    assert found == exchange.refusals(block_of(packed(orders)), gone)
    assert before == (exchange.state_hash(), exchange.state.log.seq, int(exchange.state.positions.live))
    exchange.check()
    return found


def came_of(exchange: Exchange, order: New, gone: int) -> int:
    """The same of the real thing, on a copy."""
    copy = restore(exchange.snapshot())
    if gone:
        told = copy.apply(m.Cancel(copy.now, order.account, gone))
        assert not any(isinstance(one, m.Rejected) for one in told)
    told = copy.apply(replace(order, ts=copy.now))
    refused = [one.reason for one in told if isinstance(one, m.Rejected) and one.account == order.account]
    if refused:
        return int(refused[0])
    ids = [one.order_id for one in told if isinstance(one, m.OrderPlaced)]
    fills = [one for one in told if isinstance(one, m.Traded | m.CurveTraded)]
    ends = [one.reason for one in told if isinstance(one, m.OrderCancelled) and one.order_id in ids]
    if not fills and ends[:1] == [CancelReason.IMMEDIATE]:
        return int(Reason.NOT_FILLABLE)
    return 0


def test_what_is_foretold_happens() -> None:
    seen: Counter[tuple[str, int]] = Counter()
    for seed in range(6):
        source = Seeded(seed)
        world = World(drawn_venue(source, ["book"], ["insurance_fund"]))
        actor, exchange = Actor(source, world), world.exchange
        actor.settle_in(4)
        world.checks = False  # other tests see to it
        for _ in range(60):
            for command in actor.quote():
                world.do(command)
            drawn = source.pick([actor.place, actor.place, actor.hit, actor.trigger, actor.bracket])()
            if isinstance(drawn, m.Place) and (drawn.client_lo or drawn.tif == TimeInForce.FOK):
                drawn = replace(drawn, client_hi=0, client_lo=0, tif=0)
            if not isinstance(drawn, New) or drawn.account not in world.users:
                continue
            drawn = replace(drawn, client_hi=0, client_lo=0)
            own = [one.order_id for one in exchange.open_orders(drawn.account)]
            own += [one.order_id for one in exchange.triggers(drawn.account) if not one.has_fired]
            old = source.pick([0, *own])
            (reason,) = asked(exchange, [drawn], [old])
            happened = came_of(exchange, drawn, old)
            if reason or happened:
                assert reason == happened or (not reason and meets_its_own(exchange, drawn)), (drawn, old, Reason(reason or happened))
            seen[type(drawn).__name__ + (" for another" if old else ""), reason] += 1
            world.do(drawn)
            world.do(source.pick([actor.update_oracle, actor.cancel, actor.move_isolated_margin])())
    reasons = {reason for _, reason in seen}
    assert {0, Reason.INSUFFICIENT_MARGIN, Reason.WOULD_CROSS, Reason.BRACKET_PRICES, Reason.NOT_FILLABLE} <= reasons
    for kind in ("Place", "PlaceTrigger", "PlaceBracket"):
        assert seen[f"{kind} for another", 0] and any(seen[f"{kind} for another", int(one)] for one in Reason)


def meets_its_own(exchange: Exchange, drawn: New) -> bool:
    """Has its account something on the other side? What it would find behind that is not looked into."""
    return any(one.market == drawn.market and one.side != drawn.side for one in exchange.open_orders(drawn.account))


ALICE, BOB = 8, 9


def small(**over: object) -> Exchange:
    """Two users with 1,000 each in a market at 1,000, in which a lot is worth 1 and the leverage is 10."""
    exchange = Exchange(venue([market(maker_fee_ppb=0, taker_fee_ppb=0)], **over))
    for account in (ALICE, BOB):
        exchange.apply(m.OpenAccount(1, 1, account))
        exchange.apply(m.Deposit(1, account, 0, 1_000 * 10**6))
    exchange.apply(m.UpdateOracle(1, 0, 1_000))
    return exchange


def bid(price: int, size: int, tif: int = 0, side: int = 0) -> m.Place:
    return m.Place(1, ALICE, 0, side, price, size, tif=tif)


def largest(exchange: Exchange) -> int:
    """How many lots at 900 the account can order."""
    return bisect_left(range(1, 1 << 30), True, key=lambda size: exchange.refusals(block_of(packed([bid(900, size)])), [0]) != [0])


def placed(exchange: Exchange, order: m.Command) -> int:
    (number,) = [one.order_id for one in exchange.apply(order) if isinstance(one, m.OrderPlaced | m.TriggerPlaced)]
    return number


def test_the_margin_of_the_old_order_is_free_for_the_new_one() -> None:
    exchange = small()
    most = largest(exchange)
    old = placed(exchange, bid(900, most))
    assert asked(exchange, [bid(900, 1)], [0]) == [Reason.INSUFFICIENT_MARGIN]
    assert asked(exchange, [bid(900, most)], [old]) == [0]
    assert asked(exchange, [bid(900, most + 1)], [old]) == [Reason.INSUFFICIENT_MARGIN]


def test_new_orders_count_for_those_behind_them_and_old_ones_that_stay_too() -> None:
    exchange = small()
    half = largest(exchange) // 2
    first, second = (placed(exchange, bid(900, half)) for _ in range(2))
    assert asked(exchange, [bid(890, half), bid(890, half)], [first, second]) == [0, 0]
    smaller, larger = bid(890, half // 2), bid(890, half + half // 2)
    assert asked(exchange, [smaller, larger], [first, second]) == [0, 0], "what one gives up another may have"
    assert asked(exchange, [bid(890, half), bid(890, 2 * half)], [first, second]) == [0, Reason.INSUFFICIENT_MARGIN]
    refused = bid(890, 3 * half)
    assert asked(exchange, [refused, bid(890, half), bid(890, half)], [first, second, 0]) == [
        Reason.INSUFFICIENT_MARGIN, 0, Reason.INSUFFICIENT_MARGIN,
    ]  # fmt: skip
    assert asked(exchange, [refused, refused], [first, first]) == [Reason.INSUFFICIENT_MARGIN] * 2, "named twice it is gone once"


def test_an_immediate_order_that_would_find_nothing() -> None:
    exchange = small()
    old = placed(exchange, bid(900, 1))
    assert asked(exchange, [bid(1_000, 1, TimeInForce.IOC)], [old]) == [Reason.NOT_FILLABLE]
    exchange.apply(m.Place(1, BOB, 0, 1, 1_000, 1))
    assert asked(exchange, [bid(1_000, 1, TimeInForce.IOC)], [old]) == [0]
    assert asked(exchange, [bid(1_000, 1, TimeInForce.POST_ONLY)], [old]) == [Reason.WOULD_CROSS]


def test_a_post_only_order_does_not_meet_the_one_that_it_replaces() -> None:
    exchange = small()
    old = placed(exchange, bid(1_000, 1))
    offer = bid(1_000, 1, TimeInForce.POST_ONLY, side=1)
    assert asked(exchange, [offer], [0]) == [Reason.WOULD_CROSS] and asked(exchange, [offer], [old]) == [0]


def test_it_meets_what_others_offer_all_the_same() -> None:
    """Before, beside and behind the one that it replaces."""
    for price in (990, 1_000, 1_010):
        exchange = small()
        old = placed(exchange, bid(1_000, 1, side=1))
        exchange.apply(m.Place(1, BOB, 0, 1, price, 1))
        new = bid(1_010, 1, TimeInForce.POST_ONLY)
        assert asked(exchange, [new], [old]) == [Reason.WOULD_CROSS]
        assert asked(exchange, [replace(new, price=989)], [old]) == [0]


def test_a_post_only_order_that_meets_the_one_it_replaces_needs_margin_all_the_same() -> None:
    exchange = small()
    most = largest(exchange)
    old = placed(exchange, bid(910, 1, side=1))
    new = bid(910, most, TimeInForce.POST_ONLY)
    assert asked(exchange, [replace(new, size=2 * most)], [old]) == [Reason.INSUFFICIENT_MARGIN]
    half = replace(new, size=most // 2)
    assert asked(exchange, [half, half, half], [old, 0, 0]) == [0, 0, Reason.INSUFFICIENT_MARGIN]


def test_an_immediate_order_that_meets_only_its_account_s_own() -> None:
    exchange = small()
    old, _ = placed(exchange, bid(1_000, 1, side=1)), placed(exchange, bid(1_001, 2, side=1))
    new = bid(1_001, 1, TimeInForce.IOC)
    assert asked(exchange, [new], [old]) == [Reason.NOT_FILLABLE] == [came_of(exchange, new, old)]
    exchange.apply(m.Place(1, BOB, 0, 1, 1_001, 1))
    assert asked(exchange, [new], [old]) == [0] == [came_of(exchange, new, old)]
    assert asked(exchange, [replace(new, price=1_000)], [old]) == [Reason.NOT_FILLABLE]


def test_triggers_and_brackets_that_are_replaced_make_room() -> None:
    exchange = small(max_triggers=2)
    exchange.apply(m.Place(1, BOB, 0, 1, 1_000, 5))
    exchange.apply(bid(1_000, 5))
    stop = m.PlaceTrigger(1, ALICE, 0, 1, 5, TriggerKind.STOP, 0, 900, reduce_only=1)
    first, _ = placed(exchange, stop), placed(exchange, stop)
    assert asked(exchange, [stop], [0]) == [Reason.TOO_MANY_TRIGGERS] and asked(exchange, [stop], [first]) == [0]
    assert asked(exchange, [replace(stop, trigger_price=1_000)], [first]) == [Reason.TRIGGER_PRICE]
    assert asked(exchange, [stop, stop], [first, 0]) == [0, Reason.TOO_MANY_TRIGGERS]
    for number in [one.order_id for one in exchange.triggers(ALICE)]:
        exchange.apply(m.Cancel(1, ALICE, number))
    bracket = m.PlaceBracket(1, ALICE, 0, 0, 900, 1, 0, 0, 1_100, 800)
    entry = placed(exchange, bracket)
    assert asked(exchange, [bracket], [0]) == [Reason.TOO_MANY_TRIGGERS] and asked(exchange, [bracket], [entry]) == [0]
    assert asked(exchange, [replace(bracket, stop=950)], [entry]) == [Reason.BRACKET_PRICES]
    assert asked(exchange, [bracket, stop], [entry, 0]) == [0, Reason.TOO_MANY_TRIGGERS]


def test_what_is_no_question() -> None:
    exchange = small()
    assert asked(exchange, [], []) == []
    assert asked(exchange, [replace(bid(900, 1), market=9)], [0]) == [Reason.UNKNOWN_MARKET]
    with pytest.raises(Malformed, match=r"Place\.size is 0"):
        exchange.refusals(block_of(packed([bid(900, 1), bid(900, 0)])), [0, 0])
    exchange.is_busy = True
    with pytest.raises(VenueBusy):
        exchange.refusals(block_of(packed([bid(900, 1)])), [0])
