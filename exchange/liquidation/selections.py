"""Selections of auto-deleveraging: how many lots of each ranked winner are closed against a loser."""

from __future__ import annotations

from mypy_extensions import i64, mypyc_attr

from ..state.types import min_i64, mul_div_ceil


@mypyc_attr(allow_interpreted_subclasses=True)
class AdlSelection:
    """How many lots of each winner are closed: winners are asked for in the order of their rank until nothing is left to close."""

    def part(self, left: i64, held: i64, total: i64) -> i64:
        """The lots of one winner, from 0 to the lesser of `left` and `held`.

        `left`: still to be closed of the loser. `held`: by this winner. `total`: by this winner and all behind it. All are above 0, and
        `held` <= `total`; `left` may be above `total`, as some holders cannot be asked. What all parts leave over stays with the loser
        until the next pass. The base takes all there is.
        """
        return min_i64(left, held)


class Greedy(AdlSelection):
    """Each winner is closed as far as it goes before the next one is touched."""


class ProRata(AdlSelection):
    """All winners are closed in proportion to what they hold, ceil(left x held / total): less than one lot above their share.

    The rank says who bears the rounding: where holdings are hardly more than a lot, those ranked last are spared.
    The parts add up to what is to be closed, or to all that is held if that is less. If left <= total: a part is at most `held`, since
    left x held / total <= held; and what is left after it, left - part <= left x (total - held) / total, is at most total - held, so the
    same holds for the next winner; the last one has held = total, and its part is `left`. If left > total, every part is `held`.
    """

    def part(self, left: i64, held: i64, total: i64) -> i64:
        if left >= total:
            return held
        return mul_div_ceil(left, held, total)
