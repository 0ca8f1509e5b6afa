"""What a random actor does with conditional and execution orders: the methods of that name of an Actor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perplab.exchange import messages as m
from perplab.exchange.state.types import FIRST_USER, MAX_LOTS

if TYPE_CHECKING:
    from actor import Actor

NS = 10**9


def ladder(actor: Actor) -> m.Command:
    """Between two prices on one side of the mark, or across it; now and then with too few lots, or nowhere to go."""
    source = actor.source
    account, number, side = actor.stranger(), actor.market(), source.integer(0, 1)
    first, last = actor.price(number, side), actor.price(number, side)
    return m.PlaceLadder(
        actor.world.now, account, number, side, actor.size(account, number), first, last, source.pick([2, 3, 5]), source.integer(0, 1),
        source.pick([10_000, 10**6, 3 * 10**6]), source.pick([0, 0, 1, 2, 3]), int(source.chance(20)), *actor.client(),
    )  # fmt: skip


def twap(actor: Actor) -> m.Command:
    """Some slices, a second or more apart; now and then one alone."""
    source = actor.source
    account, number, side = actor.stranger(), actor.market(), source.integer(0, 1)
    running = actor.exchange.state.twaps.of(account)
    if running and source.chance(30):
        return m.Cancel(actor.world.now, account, running[0])
    slices, interval, slippage = source.pick([1, 2, 3, 9]), source.pick([NS, 3 * NS]), source.pick([0, 10_000, 10**6])
    return m.PlaceTwap(
        actor.world.now, account, number, side, actor.size(account, number), slices, interval, slippage,
        source.pick([10**6, 3 * 10**6]), source.pick([0, 0, 2]), int(source.chance(20)),
        *(actor.price(number, end) if source.chance(30) else 0 for end in (1 - side, side)), *actor.client(),
    )  # fmt: skip


def mass_quote(actor: Actor) -> list[m.Command]:
    """A market maker's two sides, or one; now and then none, or two quotes of one price; mostly with a protection."""
    source, account, number = actor.source, actor.stranger(), min(actor.market(), len(actor.world.terms) - 1)
    mark, found = actor.mark(number), list[m.Command]()
    if source.chance(30):
        window, fills = source.pick([1, NS, 60 * NS]), source.pick([0, 1, 2, 5])
        found.append(m.SetQuoteProtection(actor.world.now, account, number, window, fills, source.pick([0, 0, 1, 50])))
    for side in source.pick([(0,), (1,), (0, 1)]):
        values: list[int] = []
        for far in range(1, source.integer(1, 6)):
            gap = source.pick([far, far, 1, mark // 500 + far]) * (2 * side - 1)
            values += [actor.rounded(max(1, mark + gap), number), source.pick([0, *[max(1, actor.size(account, number) // 8)] * 4])]
        found.append(m.MassQuote(actor.world.now, account, number, side, *[min(v, actor.limit(number), int(MAX_LOTS)) for v in values]))
    return found


def trigger(actor: Actor) -> m.Command:
    """Mostly to protect a position, near the mark or far from it; now and then with terms that contradict each other."""
    source = actor.source
    held = [key for key, size in sorted(actor.world.books.size.items()) if size and key[0] >= FIRST_USER]
    account, number = source.pick(held) if held and source.chance(70) else (actor.stranger(), actor.market())
    closes = int(actor.world.books.size[account, number] > 0)  # the side that closes it
    side, kind = closes if source.chance(80) else 1 - closes, source.integer(0, 3)
    mark, sign = actor.mark(number), 1 if (kind == 0) == (side == 0) else -1
    price = max(1, min(actor.limit(number), mark + sign * mark * source.pick([1, 5, 20, 100]) // 1_000 + sign))
    trail = (0, 0, mark // 50 + 1, source.pick([1_000, 20_000, 1_000_000]))[kind]
    if source.chance(5):
        price, trail = mark, source.pick([0, trail])
    if kind > 1 and source.chance(60):
        price = 0
    size, reduce_only = source.pick([(0, 1), (0, 1), (actor.size(account, number), 1), (actor.size(account, number), 0)])
    limit = actor.price(number, side) if source.chance(30) else 0
    return m.PlaceTrigger(
        actor.world.now, account, number, side, size, kind, source.pick([0, 0, 1, 2]), price, limit, source.pick([0, 0, 1, 2, 3]),
        reduce_only, 0 if limit else source.pick([0, 1_000, 100_000]), trail, *actor.client(),
    )  # fmt: skip


def link(actor: Actor) -> m.Command:
    """Two orders or triggers of an account: mostly of one market."""
    source = actor.source
    index, cells = actor.exchange.state.triggers.index, actor.exchange.state.triggers.cells
    owned = [(int(cells[row]), int(cells[row + 1]), number) for number, row in index.items()]
    owned += [(order[0], order[1], number) for number, order in sorted(actor.world.books.orders.items())]
    if not owned:
        return m.LinkOco(actor.world.now, actor.stranger(), 1, 2)
    first = source.pick(owned)
    others = [one for one in owned if one[0] == first[0] and (one[1] == first[1] or source.chance(10))]
    return m.LinkOco(actor.world.now, first[0] if source.chance(95) else actor.stranger(), first[2], source.pick(others)[2])


def bracket(actor: Actor) -> m.Command:
    """An entry near the mark, often one that trades, with prices on either side of it, rarely on the wrong one."""
    source, account, number, side = actor.source, actor.stranger(), actor.market(), actor.source.integer(0, 1)
    kind, price = source.pick([0, 0, 1]), actor.price(number, side)
    mark, sign, top = actor.mark(number), 1 - 2 * side, actor.limit(number)
    middle = min(price, mark) if side == 0 else max(price, mark)
    far = source.pick([1, 5, 20, 100])
    prices = [max(1, min(top, middle + way * sign * (middle * far // 1_000 + 1))) for way in (1, -1)]
    if source.chance(20):
        prices[source.integer(0, 1)] = source.pick([0, mark])
    return m.PlaceBracket(
        actor.world.now, account, number, side, 0 if kind else price, actor.size(account, number), kind,
        source.pick([0, 0, 0, 1, 2, 3]), *prices, source.pick([0, 0, 1, 2]), source.pick([0, 1_000, 100_000]), *actor.client(),
    )  # fmt: skip
