"""The answer of `perplab size` in words: each step of the arithmetic in a row of three, what it is, how it comes about, how much it is."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from perplab.clients.risk import Estimate, Leverage
from perplab.clients.units import WIDE

from ..options import percent, plain
from .answer import Answer, Odds

Row = tuple[str, str, str]
WIDEST: Final = 110  # [characters]: a row is read across
CENT: Final = Decimal("0.01")
BOUNDS: Final = {
    "risk": "the smallest: what the risk allows", "leverage": "the smallest: what the leverage allows",
    "book": "the smallest: all that the book has", "venue": "the most that a venue holds", "minimum": "none: less than the smallest order",
}  # fmt: skip


class Told:
    """An answer for a console of any width."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for title, rows in sections(self.answer):
            yield Text(title, style="bold")
            table = Table.grid(padding=(0, 2), expand=True)
            table.add_column(no_wrap=True)
            table.add_column(ratio=1, style="dim")
            table.add_column(justify="right", no_wrap=True)
            for row in rows:
                table.add_row(*map(Text, row))
            yield Bounded(table)


class Bounded:
    """A table that is no wider than can be read."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from console.render(self.table, options.update_width(min(WIDEST, options.max_width)))


def sections(a: Answer) -> Iterator[tuple[str, list[Row]]]:
    side = "Long" if a.is_long else "Short"
    yield f"{side} {a.market} at {price(a.entry)} USD, stop at {price(a.stop)} USD", list(size_rows(a))
    if a.buffer is not None:
        yield f"Liquidation, alone with its margin at {a.leverage}x", list(margin_rows(a))
    if a.odds is not None:
        yield f"Odds of liquidation within {time(a.odds.horizon_s)}, price by {a.odds.model}", list(odds_rows(a, a.odds))
    if a.hedged is not None and a.hedge_price is not None:
        yield f"Hedge in {a.hedge_market}", list(hedge_rows(a))


def size_rows(a: Answer) -> Iterator[Row]:
    yield "terms of", a.where, f"lots of {plain(a.lot)}"
    yield "may be lost", f"{percent(a.risk)} of {plain(a.equity)}", usd(a.sized.budget)
    if a.volume is not None:
        fees = f"{percent(a.entry_fee)} in, {percent(a.stop_fee)} out"
        yield "volume traded", f"fees of {fees}" if a.has_tiers else f"no tiers here: {fees}", usd(a.volume)
    yield from loss_rows(a)
    yield "size by risk", f"{plain(a.sized.budget)} / {money(a.coin.total)}, in whole lots", capped(a, a.sized.by_risk)
    yield "size by leverage", f"at {a.leverage}x or its tier's, entry paid", capped(a, a.sized.by_leverage)
    if a.sized.by_book is not None:
        yield "size by book", "all that the thinner side has", coins(a, a.sized.by_book)
    yield "SIZE", BOUNDS[a.sized.bound], coins(a, a.sized.size)
    if a.sized.size:
        share = WIDE.divide(a.sized.notional, a.equity)
        yield "  worth", f"{plain(share.quantize(CENT))} times the equity", usd(a.sized.notional)
        yield "  initial margin", f"at {a.leverage}x, or its tier's", usd(a.sized.margin)
        lost = percent(WIDE.divide(a.sized.loss.total, a.equity).quantize(Decimal("0.00001")))
        yield "  lost at the stop", f"{lost} of the equity", usd(a.sized.loss.total)


def loss_rows(a: Answer) -> Iterator[Row]:
    """Of one coin at the stop."""
    over, rate = "-" if a.is_long else "+", a.funding_rate if a.is_long else -a.funding_rate
    ends = (a.entry, a.stop) if a.is_long else (a.stop, a.entry)
    yield "lost by a coin:", "", ""
    yield "  distance", f"{price(ends[0])} - {price(ends[1])}", usd(a.coin.distance)
    yield "  slippage in", slipped(a.coin.entry_slippage, a.entry, a.entry_in_book), usd(a.coin.entry_slippage)
    yield "  slippage out", slipped(a.coin.stop_slippage, a.stop, a.stop_in_book), usd(a.coin.stop_slippage)
    yield "  fee in", f"{percent(a.entry_fee)} of {price(a.entry_fill)}, the fill", usd(a.coin.entry_fee)
    yield "  fee out", f"{percent(a.stop_fee)} of {price(a.stop_fill)} = {price(a.stop)} {over} slippage", usd(a.coin.stop_fee)
    if a.intervals:
        why = f"of {price(ends[0])}" if rate >= 0 else "is received, and not counted"
        yield "  funding", f"{a.intervals} x {percent(rate)} {why}", usd(a.coin.funding)
    yield "  together", "", usd(a.coin.total)


def slipped(part: Decimal, at: Decimal, in_book: bool) -> str:
    return f"{percent(round_to(WIDE.divide(part, at)))} of {price(at)}{', by the book' if in_book else ''}"


def margin_rows(a: Answer) -> Iterator[Row]:
    assert a.buffer is not None
    at = a.buffer.liquidation
    if at is None:
        yield "liquidated at", "no price leads to it", "-"
    else:
        sign = 1 if a.is_long else -1
        where = "behind the stop" if sign * (a.stop - at) > 0 else "BEFORE THE STOP"
        yield "liquidated at", f"below maintenance; {where}", usd(at)
        assert a.buffer.distance is not None and a.buffer.distance_ppm is not None
        sigmas = f", {a.buffer.sigmas:.2f} sigmas of {time(a.horizon_s)}" if a.buffer.sigmas is not None else ""
        yield "  away", f"{percent(a.buffer.distance_ppm.scaleb(-6))} of the entry{sigmas}", usd(a.buffer.distance)
    yield "  over maintenance", f"{money(a.buffer.equity)} - {money(a.buffer.maintenance)}", usd(a.buffer.spare)
    yield "in cross mode", "with all of the equity behind it", "no price" if a.cross is None else usd(a.cross)
    if a.added is not None and a.distance is not None:
        told = "margin to be added" if a.added > 0 else f"it is; margin that may be taken out at {a.leverage}x"
        yield f"to be {percent(a.distance)} away", told, usd(a.added if a.added > 0 else a.removable or Decimal(0))


def odds_rows(a: Answer, odds: Odds) -> Iterator[Row]:
    bound = percent(Decimal(str(odds.bound)))
    for stop, estimate, best in (
        ("before the stop", odds.stopped, odds.largest_stopped), ("if the stop fails", odds.failed, odds.largest_failed),
    ):  # fmt: skip
        yield stop, f"at {a.leverage}x", chance(estimate)
        yield f"  {bound} is kept up to", kept(best), f"{best.leverage}x" if best.leverage else "none"


def kept(best: Leverage) -> str:
    """What the odds are there, and one further."""
    parts = []
    if best.chance is not None:
        where = "no price leads to it" if best.liquidation is None else f"liquidated at {price(best.liquidation)}"
        parts.append(f"{chance(best.chance)}, {where}")
    if best.beyond is not None:
        parts.append(f"{best.leverage + 1}x: {chance(best.beyond)}")
    else:
        parts.append("the market's largest")
    return "; ".join(parts)


def chance(estimate: Estimate) -> str:
    if not estimate.paths:
        return f"{estimate.probability:.2%}".replace("%", " %")
    return f"{estimate.probability * 100:.2f} +- {estimate.error * 100:.2f} %"


def hedge_rows(a: Answer) -> Iterator[Row]:
    assert a.hedged is not None and a.hedge_price is not None
    signed = a.sized.notional if a.is_long else -a.sized.notional
    share = WIDE.divide(a.hedged.exact_size * a.hedge_price, -signed)
    told = f"{money(a.sized.notional)} x {plain(round_to(share))} / {price(a.hedge_price)}, in whole lots"
    yield ("buy" if a.hedged.size > 0 else "sell"), told, f"{plain(abs(a.hedged.size))} {a.hedge_market}"
    if a.hedged.variance_left is not None:
        left = a.hedged.variance_left
        yield "  variance left", f"{left**0.5:.1%} of the volatility".replace("%", " %"), f"{left:.2%}".replace("%", " %")


# -- numbers --


def round_to(number: Decimal) -> Decimal:
    return number.quantize(Decimal("0.000001"), ROUND_HALF_EVEN, WIDE)


def money(amount: Decimal) -> str:
    return f"{amount.quantize(CENT if abs(amount) >= 1 or not amount else Decimal('0.000001'), ROUND_HALF_EVEN, WIDE):,f}"


def usd(amount: Decimal) -> str:
    return f"{money(amount)} USD"


def price(number: Decimal) -> str:
    return plain(number.quantize(CENT if number >= 1_000 else Decimal("0.00000001"), ROUND_HALF_EVEN, WIDE))


def coins(a: Answer, size: Decimal) -> str:
    return f"{plain(size)} {a.market}"


def capped(a: Answer, size: Decimal) -> str:
    """A size that was looked for as far as the book goes, or what a venue holds."""
    is_end = size == (a.sized.size if a.sized.bound == "venue" else a.sized.by_book)
    return f"{'>= ' if is_end else ''}{coins(a, size)}"


def time(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= length and not seconds % length and not (unit == "d" and seconds == 86_400):
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"
