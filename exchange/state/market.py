"""A market: its terms, fixed at load, and what moves."""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64
from sortedcontainers import SortedDict  # type: ignore[import-untyped]

from .averages import Averages
from .ladder import Ladder
from .packed import column
from .pools import Pool
from .types import MAX_TIERS, NIL

# How orders of one price are filled, where not by time alone
PRO_RATA: Final[i64] = 1
TOP_FIRST: Final[i64] = 2  # the top order before the others
CLASSES: Final[i64] = 4  # orders of retail accounts stand first; RPI orders are let in, and stand last


class MarketTerms:
    """What a design says of a market, fixed at load."""

    def __init__(self, number: i64) -> None:
        self.number: i64 = number
        self.asset: i64 = 0  # the settlement asset
        self.payoff: i64 = 0
        self.is_spot: i64 = 0  # 1: what is traded is an asset that accounts have, and nobody holds a position
        self.base: i64 = NIL  # that asset; NIL: the market has perpetuals
        self.hedge_asset: i64 = NIL  # of a perpetual: the asset that hedges its shorts
        self.hedge_lot: i64 = 0  # [micro] of it that hedge a lot
        self.hedge_kept_ppm: i64 = 0  # of their requirement that hedged lots keep
        self.base_lot: i64 = 0  # [micro] of it in a lot
        self.unit: i64 = 0  # [micro] per tick x lot: for money/payoff.py alone
        self.max_price: i64 = 0  # [ticks]
        self.significant_figures: i64 = 0  # 0: any price on the grid
        self.minimum_notional: i64 = 0  # [micro]
        self.price_band_ppm: i64 = 0  # 0: none
        self.open_interest_cap: i64 = 0  # [lots] of one side, 0: none
        self.max_lots: i64 = 0  # position cap: its value at max_price stays below POSITION_ROOM
        self.maker_fee_ppb: i64 = 0
        self.taker_fee_ppb: i64 = 0
        self.has_fee_tiers: i64 = 0  # 1: fees depend on what an account has traded
        self.default_leverage: i64 = 1
        self.max_leverage: i64 = 1
        self.tiers: i64 = 1  # how many; the first begins at 0
        self.tier_lower: vec[i64] = column(MAX_TIERS, 0)  # [micro] of notional
        self.initial_ppm: vec[i64] = column(MAX_TIERS, 0)
        self.initial_deduction: vec[i64] = column(MAX_TIERS, 0)  # [micro]
        self.maintenance_ppm: vec[i64] = column(MAX_TIERS, 0)
        self.maintenance_deduction: vec[i64] = column(MAX_TIERS, 0)  # [micro]
        self.accrual_shift: i64 = 0
        self.stale_after: i64 = 0  # [ns], 0: never
        self.on_stale: i64 = 0
        self.matching: i64 = 0  # how orders of one price are filled, as bits; 0: by time alone
        self.top_share_ppm: i64 = 0  # of an incoming order: what the top order may take of it
        self.least_share: i64 = 1  # [lots] of a share pro rata
        self.is_plain: i64 = 1  # 1: its orders meet those of the book alone, by price and time
        self.sums_trades: i64 = 0  # 1: its funding rule wants what was traded
        self.curve_role: i64 = 0  # NO_CURVE, or when an order meets the curve
        self.curve_stale_after: i64 = 0  # [ns] after which the curve quotes nothing; 0: never
        self.jit_share_ppm: i64 = 0
        self.reducing_fee_ppb: i64 = 0  # of a trade with the curve that reduces its position
        self.pool_fee_ppm: i64 = 0  # of a taker fee: to the pool
        self.pool_margin_ppm: i64 = 0  # of the value of its position
        self.pool_is_virtual: i64 = 0  # 1: no money stands behind the curve
        self.pool_lock: i64 = 0  # [ns]
        self.pool_adl_trigger_ppm: i64 = 0  # of its money: what the pool may owe winners; 0: all of it
        self.pool_adl_target_ppm: i64 = 0  # and what it may owe them after they were deleveraged


class Market(MarketTerms):
    """One record per market: its terms, and what moves. Functions of the hot path are handed the record, not its number."""

    def __init__(self, number: i64) -> None:
        super().__init__(number)
        self.status: i64 = 0
        self.suspended_since: i64 = NIL  # [ns] of a halt and what followed it without a break, NIL: no halt
        self.oracle: i64 = 0  # [ticks], 0: none yet
        self.oracle_ts: i64 = 0
        self.perp_median: i64 = 0  # [ticks], 0: not given
        self.requests_by: i64 = NIL  # the last ticket that its price is for, while more prices of the moment are to come; NIL: none are
        self.mark: i64 = 0  # [ticks], 0: none yet
        self.last: i64 = 0  # [ticks] last trade, 0: none yet
        self.last_ts: i64 = 0
        self.taker_rate_ppb: i64 = 0  # the taker fee, and what jumps of the oracle price have put on top of it
        self.best_bid: i64 = 0  # [ticks], 0: none
        self.best_ask: i64 = 0  # [ticks], 0: none
        self.ladder: Ladder = Ladder()  # which level rests at a price
        self.rpi_bids: SortedDict = SortedDict()  # price -> level of RPI orders, which stand beside the ladder
        self.rpi_asks: SortedDict = SortedDict()
        self.open_interest: i64 = 0  # [lots] of one side
        self.first_open: i64 = NIL  # row of the first of its open positions
        self.unexamined: i64 = 0  # 1: its positions changed in value since a pass looked at them
        self.fund_spent: i64 = 0  # [micro] by the insurance fund on its positions, in the window below
        self.fund_window: i64 = 0  # number of that window
        # Cumulative payments due per lot, in 2^-accrual_shift micro-units, and the part of a micro-unit not yet booked
        self.accrual_long: i64 = 0
        self.accrual_short: i64 = 0
        self.residue: i64 = 0
        # Mark rule and funding engine
        self.basis_average: i64 = 0  # EMA of mid - oracle [2^-16 ticks], and the weight behind it [2^-20 ms]
        self.basis_weight: i64 = 0
        self.local_average: i64 = 0  # the same of median(bid, ask, last)
        self.local_weight: i64 = 0
        self.mark_ts: i64 = 0
        self.premium_sum: i64 = 0  # [ppt]
        self.premium_count: i64 = 0
        self.premium_missed: i64 = 0  # samples not taken, in halts and on a stale oracle
        self.funding_deferred: i64 = 0  # payments that fell due then, and wait
        self.funding_carry: i64 = 0  # remainder of rate x price x dt
        self.funding_mode: i64 = 0  # what the operator said that it charges
        self.funding_rate: i64 = 0  # [ppt] per interval, what he set; 0 where the rule alone is asked
        self.averages: Averages = Averages()  # of rules that keep some
        self.pool: Pool = Pool()  # of its curve

    def is_stale(self, now: i64) -> bool:
        """Has the venue heard nothing from the oracle for longer than the market's limit?"""
        return self.stale_after != 0 and self.oracle != 0 and now - self.oracle_ts > self.stale_after

    def check(self) -> None:
        assert self.best_bid == 0 or self.best_ask == 0 or self.best_bid < self.best_ask, "crossed book"
        assert self.taker_rate_ppb == self.taker_fee_ppb + self.averages.surcharge, "a taker fee of another time"
        assert self.residue >> self.accrual_shift == 0, "a residue of whole micro-units, or below zero"
        assert self.open_interest >= 0 and 0 <= self.unexamined <= 1
        self.averages.check()
        self.ladder.check()
        self.pool.check()
