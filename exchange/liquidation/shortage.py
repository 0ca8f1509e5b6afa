"""A step that closes no more than what makes an account whole, at a price that gives way with time (after Drift's liquidate_perp).

Each pass sends an order for what covers the shortage of margin, at first only for a share of the position. It trades no worse than a fee
away from the oracle; fee and share grow with the time for which the step has been at work. Sizes round up, limits towards the market.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.margin import row_maintenance
from ..money.payoff import lot_value, tick_value
from ..money.thresholds import slice_value
from ..state.types import PPM, abs_i64, div_ceil, max_i64, min_i64, mul_div_ceil, ppm_ceil
from .case import LiquidationCase
from .slices import whole_or_part
from .steps import LiquidationStep, worst_purchase, worst_sale


def lots_to_cover(shortage: int, worth: int, quote: int, ratio: int, fee: int, fund_fee: int, one: int) -> int:
    """The fewest lots whose closing makes up for a shortage of margin, rounded up; 0: no number of them does.

    A lot that is closed frees its requirement (`ratio` of its `worth`, which is in the unit of the shortage) and costs what it fetches
    below the oracle (`fee`) and what the fund takes (`fund_fee`); all three in 1 / one. `quote` is the price of the unit that requirements
    and fees to the liquidator are in, in 1 / one; `one`, where that is the money itself.
    """
    freed = worth * (quote * (ratio - fee) - one * fund_fee)
    return -(-shortage * one * one // freed) if ratio > fee and freed > 0 else 0


def ramped_fee(lowest: int, highest: int, elapsed: int, grace: int, per_slot: int, slot: int) -> int:
    """The fee after `elapsed`: the lowest for the time of `grace`, then `per_slot` more for every slot since the beginning."""
    return lowest if elapsed < grace else min(highest, lowest + elapsed // slot * per_slot)


def share_to_close(shortage: int, small: int, initial: int, elapsed: int, duration: int, one: int) -> int:
    """The largest share of a position that may be closed, in 1 / one: all for a small shortage, else one that grows to all in a line."""
    if shortage < small or duration == 0:
        return one
    return min(one, initial + elapsed * one // duration)


class CoverShortage(LiquidationStep):
    """An order in every pass for what makes the account whole again: maintenance and `buffer_ppm` of it."""

    def __init__(
        self, patience: i64, buffer_ppm: i64, fee_ppm: i64, highest_fee_ppm: i64, grace: i64, slot: i64, per_slot_ppm: i64, small: i64,
        initial_ppm: i64, duration: i64,
    ) -> None:  # fmt: skip
        super().__init__(patience)
        self.buffer_ppm: i64 = buffer_ppm
        self.fee_ppm: i64 = fee_ppm  # of the oracle price
        self.highest_fee_ppm: i64 = highest_fee_ppm
        self.grace: i64 = grace  # [ns]
        self.slot: i64 = slot  # [ns]
        self.per_slot_ppm: i64 = per_slot_ppm
        self.small: i64 = small  # [micro]
        self.initial_ppm: i64 = initial_ppm
        self.duration: i64 = duration  # [ns], 0: the whole position may be closed at once

    def act(self, case: LiquidationCase) -> bool:
        elapsed = case.clock() - case.liquidation.since
        fee: i64 = ramped_fee(self.fee_ppm, self.highest_fee_ppm, elapsed, self.grace, self.per_slot_ppm, self.slot)
        for row in case.free_rows():
            shortage = case.maintenance() + ppm_ceil(case.maintenance(), self.buffer_ppm) - case.equity()
            if shortage <= 0:
                break
            held = case.size(row)
            lots = self.lots(case, row, held, shortage, fee, elapsed)
            if lots == 0:
                continue
            case.close_in_book(row, lots, self.limit(case, row, held, lots, fee))
        return False

    def lots(self, case: LiquidationCase, row: i64, held: i64, shortage: i64, fee: i64, elapsed: i64) -> i64:
        """To close of a position (unsigned)."""
        market = case.market_of(row)
        notional = abs_i64(held) * lot_value(market, market.mark)
        ratio = mul_div_ceil(row_maintenance(case.state, row), PPM, max_i64(1, notional))
        ratio += ppm_ceil(ratio, self.buffer_ppm)
        wanted: int = lots_to_cover(shortage, lot_value(market, market.mark), PPM, ratio, fee, case.slices.terms.fee_ppm, PPM)
        share = share_to_close(shortage, self.small, self.initial_ppm, elapsed, self.duration, PPM)
        lots: i64 = -(-int(abs_i64(held)) * share // int(PPM))
        if wanted > 0:
            lots = min(int(lots), wanted)
        return whole_or_part(market, held, lots)

    def limit(self, case: LiquidationCase, row: i64, held: i64, lots: i64, fee: i64) -> i64:
        """[ticks] The fee away from the oracle, and not beyond the price that the account, or the payers with it, can bear."""
        market = case.market_of(row)
        due = slice_value(case.slices.bankruptcy_value(row, case.solvency(), case.maintenance()), lots, held)
        worth = tick_value(market, lots)
        payers = case.slices.backstops.available(row)
        if held > 0:
            lowest = div_ceil(market.oracle * (PPM - fee), PPM)
            return max_i64(lowest, worst_sale(due, worth, payers, max_i64(market.mark, market.oracle), fee))
        highest = market.oracle * (PPM + fee) // PPM
        return min_i64(highest, worst_purchase(due, worth, payers, min_i64(market.mark, market.oracle), fee, market.max_price))
