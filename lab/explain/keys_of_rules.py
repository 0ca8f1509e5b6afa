"""What the keys of the rules of curves, funding, marks and sequencing mean: a part of the table of keys.py."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from perplab.exchange.design.parameters import BatchAuctionDesign, BlocksDesign, RequestDesign, TakerAuctionDesign
from perplab.exchange.design.parameters_curves import (
    ConcentratedDesign,
    ConstantProductDesign,
    OraclePoolDesign,
    OracleSpreadDesign,
    SkewFillDesign,
    VammPegKDesign,
)
from perplab.exchange.design.parameters_funding import (
    AdaptiveSkewDesign,
    CurveMedianDesign,
    CurveTwapDesign,
    StaticSkewDesign,
    TradedDesign,
    TwapDesign,
    VelocityDesign,
)

from .key import Key

SKEW: Final = {  # of both rules of funding by skew
    "exponent_tenths": Key("tenths", "e of |L - S|^e / (L + S)"),
    "borrowing": Key("", "what both sides pay to the pool for what they reserve of it"),
    "borrow_factor_ppt": Key("ppt", "per day: of the curve its factor, of the kink the rate per usage up to optimal_ppm"),
    "borrow_exponent_tenths": Key("tenths", "e of the curve"),
    "optimal_ppm": Key("ppm", "of what may be reserved: where the kink is"),
    "above_ppt": Key("ppt", "per day: the rate of the kink at full usage"),
    "reserve_ppm": Key("ppm", "of the pool's money: what may be reserved"),
    "is_smaller_free": Key("", "does the smaller side pay no borrowing fee?"),
}

RULE_KEYS: Final[dict[type[Struct], dict[str, Key]]] = {
    CurveTwapDesign: {"window_ms": Key("ms", "window of the average of the curve's price")},
    CurveMedianDesign: {
        "short_window_ms": Key("ms", "window of the short average of the curve's price"),
        "long_window_ms": Key("ms", "window of the long one"),
        "premium_window_ms": Key("ms", "window of the average of curve - oracle"),
    },
    TwapDesign: {
        "of": Key("", "what is averaged against the oracle"),
        "market_window_ms": Key("ms", "window of that average"),
        "oracle_window_ms": Key("ms", "window of the oracle's average"),
        "period_ms": Key("ms", "time in which all of the spread is paid"),
        "offset_divisor": Key("count", "1 / this of the oracle's average is added to the spread", "nothing is"),
        "limit_divisor": Key("count", "the spread counts up to 1 / this of the oracle's average", "all of it"),
        "pool_cap_ppm": Key("ppm", "of the curve's fee pool: what it pays per interval, at most", "no cap"),
    },
    TradedDesign: {
        "interest_each_ppt": Key("ppt", "added, per interval"),
        "premium_divisor": Key("count", "intervals over which a premium is paid back"),
        "largest_ppt": Key("ppt", "the highest rate per interval, either way"),
    },
    VelocityDesign: {
        "skew_scale": Key("coins", "skew at which the rate moves fastest"),
        "velocity_ppt": Key("ppt", "per day, a day: how fast the rate moves then"),
    },
    StaticSkewDesign: {
        **SKEW,
        "factor_ppt": Key("ppt", "per day: what the ratio is multiplied by"),
        "most_ppt": Key("ppt", "per day: the highest rate"),
    },
    AdaptiveSkewDesign: {
        **SKEW,
        "increase_ppt": Key("ppt", "per day, an hour, at a ratio of 1: how fast the rate goes towards the skew"),
        "decrease_ppt": Key("ppt", "per day, an hour: how fast it falls while the ratio is small"),
        "stable_ppm": Key("ppm", "a ratio above it lets the rate go towards the skew; up to it, the rate stands still"),
        "decrease_ppm": Key("ppm", "a ratio below it lets the rate fall"),
        "least_ppt": Key("ppt", "per day: what is charged at least"),
        "most_ppt": Key("ppt", "per day: at most"),
    },
    ConstantProductDesign: {
        "reserve": Key("usd", "the virtual reserve of each side, at the first oracle price", "reserve_coins counts"),
        "reserve_coins": Key("coins", "the same in coins", "reserve counts"),
        "fluctuation_ppm": Key("ppm", "how far the price may go from where it was when the oracle last moved", "anywhere"),
        "trade_ppm": Key("ppm", "of a reserve: what one trade may take out", "all but the last of it"),
    },
    ConcentratedDesign: {
        "reserve": Key("usd", "behind the venue's own range", "the curve's capital; without one, no range of its own"),
        "lower_ppm": Key("ppm", "of the first oracle price: where that range begins"),
        "upper_ppm": Key("ppm", "and ends"),
    },
    VammPegKDesign: {
        "reserve": Key("usd", "the virtual reserve of each side, at the first oracle price", "reserve_coins counts"),
        "reserve_coins": Key("coins", "the same in coins", "reserve counts"),
        "concentration_ppm": Key("ppm", "how far the reserves may go from their balance: multiplied or divided by it"),
        "base_spread_ppm": Key("ppm", "spread of both sides together"),
        "max_spread_ppm": Key("ppm", "of both sides together, at most"),
        "budget": Key("usd", "of its capital: what may be spent on following the oracle before fees are earned"),
        "repeg_share_ppm": Key("ppm", "of all fees: what may be spent on following the oracle"),
        "k_lower_ppm": Key("ppm", "the root of k goes down by it where following is too dear"),
        "k_increase_ppm": Key("ppm", "the most that a funding payment raises the root of k"),
        "k_decrease_ppm": Key("ppm", "and lowers it"),
    },
    OracleSpreadDesign: {
        "skew": Key("", "how the quotes move with what the curve holds"),
        "spread_ppm": Key("ppm", "of each side, from the oracle"),
        "skew_ppm": Key("ppm", "linear: of the price, by an inventory of `scale`; vault: the skew factor"),
        "scale": Key("coins", "linear: the inventory that moves both quotes by skew_ppm; vault: that at a leverage of 1"),
        "max_inventory": Key("coins", "on either side"),
    },
    OraclePoolDesign: {
        "negative_factor": Key("number", "f of trades that make the imbalance larger"),
        "negative_exponent": Key("number", "e of them"),
        "positive_factor": Key("number", "f of trades that make it smaller"),
        "positive_exponent": Key("number", "e of them"),
        "max_negative_ppm": Key("ppm", "how far beyond the oracle a price may be at the trader's cost"),
        "max_positive_ppm": Key("ppm", "and to his profit"),
        "reserve_ppm": Key("ppm", "of the pool's money: how large a net position it stands for"),
    },
    SkewFillDesign: {
        "scale": Key("coins", "skew that doubles the price"),
        "max_skew": Key("coins", "skew on either side, at most", "half the scale"),
    },
    BlocksDesign: {
        "interval_ms": Key("ms", "time between two blocks, which are at its multiples"),
        "order": Key("", "in which commands of a block are carried out"),
        "seed": Key("", "for the order that draws"),
    },
    BatchAuctionDesign: {"interval_ms": Key("ms", "time between two auctions, which are at its multiples")},
    TakerAuctionDesign: {
        "duration_ms": Key("ms", "time in which the limit goes from start to end"),
        "step_ms": Key("ms", "how often it is looked at"),
        "fraction": Key("count", "the limit goes 1 / this of the price"),
    },
    RequestDesign: {
        "delay_ms": Key("ms", "the oracle price that carries a request out comes no sooner"),
        "expiry_ms": Key("ms", "a request that has found none by then is gone"),
    },
}

BORROWING: Final = {
    "none": "nothing",
    "curve": "factor x reserved^e / pool",
    "kink": "a rate that rises with usage, and faster beyond the optimal one",
}
RULE_CHOICES: Final[dict[type[Struct], dict[str, dict[str, str]]]] = {
    TwapDesign: {"of": {"curve": "the middle of the curve's quotes", "mark": "the mark"}},
    StaticSkewDesign: {"borrowing": BORROWING},
    AdaptiveSkewDesign: {"borrowing": BORROWING},
    OracleSpreadDesign: {
        "skew": {
            "linear": "both quotes move with the inventory, in a straight line",
            "vault": "the spread of one side grows and that of the other shrinks with the leverage, as a dYdX vault's",
        }
    },
    BlocksDesign: {
        "order": {
            "arrival": "as they came",
            "cancels_first": "first what cannot trade at once, then cancels, then the others; each as they came",
            "hash": "drawn anew in every block",
            "priority_fee": "who offers the highest fee for it first; the fee goes to the venue",
        }
    },
}
