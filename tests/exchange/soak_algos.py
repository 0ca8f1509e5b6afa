"""What the soak does with orders that the venue sends on an account's behalf."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from perplab.exchange import messages as m
from perplab.exchange.codes import Side
from perplab.exchange.state.types import MAX_LOTS

if TYPE_CHECKING:
    from soak_actor import Actor

NS: Final = 10**9


def trigger(actor: Actor) -> list[m.Command]:
    """To protect a position, or to open one: near the mark, or where somebody is liquidated."""
    draw, account, market = actor.draw, actor.account(), actor.market()
    held = actor.exchange.position(account, market).size
    side, kind = int(held > 0) if draw.chance(80) else draw.integer(0, 1), draw.integer(0, 3)
    mark, sign = actor.mark(market), 1 if (kind == 0) == (side == 0) else -1
    price = actor.threshold(market) if draw.chance(25) else mark + sign * (mark * draw.pick((1, 5, 20, 100)) // 1_000 + 1)
    price = 0 if kind > 1 and draw.chance(60) else max(1, min(price, actor.x.terms[market].max_price))
    trail = (0, 0, mark // draw.pick((20, 200)) + 1, draw.pick((1_000, 20_000, 200_000)))[kind]
    size = actor.size(account, market)
    size, reduces = draw.pick(((0, 1), (0, 1), (size, 1), (size, 0))) if held else (size, 0)
    limit = actor.price(market, side) if draw.chance(30) else 0
    return [m.PlaceTrigger(
        actor.now, account, market, side, size, kind, draw.pick((0, 0, 1, 2)), price, limit,
        draw.pick((0, 0, 1, 2, 3)) if limit else 0, reduces, 0 if limit else draw.pick((0, 1_000, 100_000)), trail, *actor.client(),
    )]  # fmt: skip


def untrigger(actor: Actor) -> list[m.Command]:
    """A trigger is taken back, by its owner or a stranger."""
    index = actor.exchange.state.triggers.index
    if not index:
        return []
    number = actor.draw.pick(list(index))
    owner = int(actor.exchange.state.triggers.cells[index[number]])
    return [m.Cancel(actor.now, owner if actor.draw.chance(90) else actor.account(), number)]


def ladder(actor: Actor) -> list[m.Command]:
    """A size in parts, away from the market or across it."""
    draw, account, market = actor.draw, actor.account(), actor.market()
    side = draw.integer(0, 1)
    first, last, size = actor.price(market, side), actor.price(market, side), actor.size(account, market)
    options = (draw.integer(0, 1), draw.pick((10_000, 10**6, 5 * 10**6)), draw.pick((0, 0, 1, 2, 3)), int(draw.chance(20)))
    return [m.PlaceLadder(actor.now, account, market, side, size, first, last, draw.pick((2, 3, 5, 20)), *options, *actor.client())]


def twap(actor: Actor) -> list[m.Command]:
    draw, account, market = actor.draw, actor.account(), actor.market()
    side, size = draw.integer(0, 1), actor.size(account, market)
    terms = draw.pick((2, 3, 3, 9, 9, 1)), draw.pick((NS, 3 * NS, 10 * NS)), draw.pick((0, 5_000, 100_000)), draw.pick((10**6, 3 * 10**6))
    sign, mark = 1 - 2 * side, actor.mark(market)
    bracket = (mark + sign * (mark // 50 + 1), max(1, mark - sign * (mark // 50 + 1))) if draw.chance(30) else (0, 0)
    options = draw.pick((0, 0, 2)), int(draw.chance(20)), *bracket, *actor.client()
    return [m.PlaceTwap(actor.now, account, market, side, size, *terms, *options)]


def link(actor: Actor) -> list[m.Command]:
    """Two orders or triggers of an account, mostly of one market."""
    index, cells = actor.exchange.state.triggers.index, actor.exchange.state.triggers.cells
    owned = [(int(cells[row]), int(cells[row + 1]), number) for number, row in index.items()]
    owned += [(order[0], order[1], number) for number, order in actor.tape.orders.items()]
    if not owned:
        return []
    first = actor.draw.pick(owned)
    others = [one for one in owned if one[0] == first[0] and (one[1] == first[1] or actor.draw.chance(10))]
    return [m.LinkOco(actor.now, first[0], first[2], actor.draw.pick(others)[2])]


def bracket(actor: Actor) -> list[m.Command]:
    """An entry near the mark, with prices on either side of it."""
    draw, account, market = actor.draw, actor.account(), actor.market()
    side, kind = draw.integer(0, 1), draw.pick((0, 0, 1))
    price, mark = actor.price(market, side), actor.mark(market)
    middle = min(price, mark) if side == 0 else max(price, mark)
    away = (middle * draw.pick((1, 5, 20, 100)) // 1_000 + 1) * (1 - 2 * side)
    top = actor.x.terms[market].max_price
    profit, stop = (max(1, min(top, middle + way)) for way in (away, -away))
    if draw.chance(20):
        profit, stop = draw.pick(((0, stop), (profit, 0), (stop, profit)))
    return [m.PlaceBracket(
        actor.now, account, market, side, 0 if kind else price, actor.size(account, market), kind, draw.pick((0, 0, 0, 1, 2, 3)), profit,
        stop, draw.pick((0, 0, 1, 2)), draw.pick((0, 1_000, 100_000)), *actor.client(),
    )]  # fmt: skip


def quotes(actor: Actor) -> list[m.Command]:
    """A maker replaces its quotes of a market, which are mostly protected."""
    draw, market = actor.draw, actor.market()
    account = draw.pick(tuple(actor.users[:2])) if draw.chance(80) else actor.account()
    mark, size = actor.mark(market), max(1, actor.size(account, market) // 8)
    limits = draw.pick((1, NS, 60 * NS)), draw.pick((0, 1, 2, 5)), draw.pick((0, 0, size, min(4 * size, int(MAX_LOTS))))
    found: list[m.Command] = [m.SetQuoteProtection(actor.now, account, market, *limits)] if draw.chance(30) else []
    for side in Side:
        gaps = [draw.pick((far, far, 1, mark // 500 + far)) for far in range(1, draw.integer(1, 6))]
        quoted = [(actor.clipped(mark + gap * (2 * side - 1), market), draw.pick((0, size, size, size // 2 + 1))) for gap in gaps]
        found.append(m.MassQuote(actor.now, account, market, int(side), *[min(v, int(MAX_LOTS)) for one in quoted for v in one]))
    return found
