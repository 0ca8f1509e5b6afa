"""What each key of a design means, with its unit: beside the struct that has it, so that a key without words is found by a test.

A key that is not listed is shown all the same: with the unit that its name ends in, and no words. That is how the keys of a user's own
rules are told, whose meaning only their class's docstring knows.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from msgspec import Struct

from perplab.exchange.design.parameters import (
    AuctionDesign,
    BookDesign,
    FundDesign,
    HyperliquidMarkDesign,
    PremiumDesign,
    ShortageDesign,
    TakeoverDesign,
)
from perplab.exchange.design.parameters_funding import SkewDesign
from perplab.exchange.design.structs import (
    AdlDesign,
    CollateralDesign,
    CurveDesign,
    FeeTier,
    FundingDesign,
    GasDesign,
    LiquidationDesign,
    MakerTier,
    MarkDesign,
    Market,
    MatchingDesign,
    MoneyDesign,
    OracleView,
    ScreenDesign,
    SequencingDesign,
    Tier,
    VaultDesign,
    VenueDesign,
)

from . import units
from .key import UNITS as UNITS
from .key import Key as Key
from .keys_of_rules import RULE_CHOICES, RULE_KEYS

SUFFIXES: Final = {"_ppm": "ppm", "_ppb": "ppb", "_ppt": "ppt", "_ms": "ms", "_usd": "usd", "_notional": "usd", "capital": "usd"}

KEYS: Final[dict[type[Struct], dict[str, Key]]] = {
    **RULE_KEYS,
    VenueDesign: {
        "assets": Key("", "what accounts hold and markets settle in"),
        "max_open_orders": Key("count", "open orders of one account, at most"),
        "max_sub_accounts": Key("count", "sub-accounts of one account, at most"),
        "max_accounts": Key("count", "accounts, the venue's own included, at most"),
        "max_triggers": Key("count", "conditional orders of one account, at most"),
        "max_twaps": Key("count", "TWAPs of one account, at most"),
        "fee_window_days": Key("count", "whole days whose trades decide on the fee tier of an account"),
        "transfer_margin_ppm": Key("ppm", "of the notional of open positions: what stays behind when money leaves the account", "nothing"),
        "max_debt": Key("usd", "what an account may owe in cash while other assets count for it; beyond it they are sold", "nothing"),
        "backstops": Key("", "who pays what a liquidated account cannot, in this order"),
    },
    CollateralDesign: {
        "asset": Key("", "what counts as money of the asset that its spot market settles in"),
        "weight_ppm": Key("ppm", "of its worth at the mark of its spot market: what counts"),
        "hedges": Key("", "the perpetual whose shorts it hedges"),
        "hedged_weight_ppm": Key("ppm", "what counts of the part that a short hedges"),
        "hedged_margin_ppm": Key("ppm", "of its requirement: what the hedged part of a short keeps"),
    },
    Market: {
        "kind": Key("", "what is traded"),
        "base_asset": Key("", "what a buyer gets for the settlement asset"),
        "settlement_asset": Key("", "the asset in which profit, funding and fees are paid"),
        "payoff": Key("", "what a lot is worth at a price: `linear` is lots x price"),
        "tick": Key("price", "the smallest step of a price"),
        "lot": Key("coins", "the smallest step of a size"),
        "max_price": Key("price", "no order, oracle or mark above it"),
        "significant_figures": Key("count", "digits that a limit price may have, at most", "any price on the grid"),
        "minimum_notional": Key("usd", "an order that opens is worth at least this much", "none"),
        "price_band_ppm": Key("ppm", "buys at most this far above the mark, sells at most this far below it", "no band"),
        "open_interest_cap": Key("coins", "open positions of one side, at most", "none"),
        "maker_fee_ppb": Key("ppb", "of the value traded, paid by the resting side; below zero: a rebate"),
        "taker_fee_ppb": Key("ppb", "of the value traded, paid by the incoming side"),
        "jump_fee_deviation_ppm": Key("ppm", "of the oracle price: a move beyond twice this is added to the taker fee", "nothing"),
        "jump_fee_decay_ppm": Key("ppm", "what is left of that at the next oracle price"),
        "jump_fee_least_ppm": Key("ppm", "of the value traded: less than this is not added"),
        "max_leverage": Key("times", "the highest leverage an account may choose"),
        "default_leverage": Key("times", "the leverage of an account that has chosen none", "the highest"),
    },
    MoneyDesign: {
        "deposit_delay_ms": Key("ms", "from a deposit until the account has it", "none"),
        "withdraw_delay_ms": Key("ms", "from a withdrawal, which is taken at once, until it has left", "none"),
        "transfer_delay_ms": Key("ms", "from a transfer, which is taken at once, until the other account has it", "none"),
        "withdrawals": Key("", "who may withdraw"),
        "transfers": Key("", "to whom accounts may send money"),
    },
    FeeTier: {
        "volume": Key("usd", "what an account has to have traded in the window, as taker and maker"),
        "maker_fee_ppb": Key("ppb", "of the value traded, paid by the resting side from then on, in every market"),
        "taker_fee_ppb": Key("ppb", "of the value traded, paid by the incoming side"),
    },
    MakerTier: {
        "share_ppm": Key("ppm", "of all that makers have traded in the window: who has more gets the rebate"),
        "rebate_ppb": Key("ppb", "of the value traded, paid to the resting side instead of its fee"),
    },
    Tier: {
        "lower_notional": Key("usd", "the notional from which on the rates hold"),
        "initial_margin_ppm": Key("ppm", "of the notional: what opening needs, at the least"),
        "maintenance_margin_ppm": Key("ppm", "of the notional: what keeps the position from being liquidated"),
    },
    OracleView: {
        "stale_after_ms": Key("ms", "an oracle that has been silent for longer is stale", "never"),
        "on_stale": Key("", "what the venue does while it is"),
    },
    MarkDesign: {"cadence_ms": Key("ms", "how often the mark is computed besides", "only with an oracle update")},
    HyperliquidMarkDesign: {
        "basis_window_ms": Key("ms", "window of the average of mid - oracle"),
        "local_window_ms": Key("ms", "window of the average of the book's own price"),
        "impact_notional": Key("usd", "what a bid and an ask must be good for to be a price of the book", "as much as for funding"),
        "quote_bound_ppm": Key("ppm", "of the oracle: quotes and trades farther off do not count"),
        "last_age_ms": Key("ms", "a last trade that is older does not count"),
        "third": Key("", "the third of the prices whose median is taken"),
    },
    FundingDesign: {
        "sample_interval_ms": Key("ms", "time between two samples of the premium"),
        "interval_ms": Key("ms", "time between two payments; a rate is for that long"),
        "payment": Key("", "`discrete`: once per interval; `continuous`: with every sample, for its own time"),
        "price": Key("", "the price that the rate is charged on"),
    },
    PremiumDesign: {
        "impact_notional": Key("usd", "what a side of the book must be good for to be sampled"),
        "interest_ppt": Key("ppt", "the rate towards which the premium is drawn, per `divisor` intervals"),
        "clamp_ppt": Key("ppt", "how far the premium is drawn towards it, at most"),
        "divisor": Key("count", "intervals over which a premium is paid back"),
        "cap_ppt": Key("ppt", "the highest rate per interval, either way"),
        "quote_rate_ppt": Key("ppt", "of borrowing the asset, per day: the interest is this less base_rate_ppt", "interest_ppt counts"),
        "base_rate_ppt": Key("ppt", "of borrowing the coin, per day", "interest_ppt counts"),
        "cap_margin_ppm": Key("ppm", "of initial less maintenance rate: a cap on the rate of `divisor` intervals", "none"),
        "impact_margin": Key("usd", "the impact notional is what this opens at the first tier's initial rate", "impact_notional counts"),
        "quote_bound_ppm": Key("ppm", "of the oracle: quotes farther off are no premium", "no bound"),
    },
    CurveDesign: {
        "role": Key("", "when an order meets the curve"),
        "capital": Key("usd", "in its pool from the start, for good", "none: a virtual curve, whose account may owe"),
        "jit_share_ppm": Key("ppm", "of a maker's fill: what the curve may take of it, where that reduces what it holds"),
        "reducing_fee_ppb": Key("ppb", "of the value of trades that reduce what the curve holds", "", "the taker fee"),
        "fee_share_ppm": Key("ppm", "of the taker fee: to the pool"),
        "stale_after_ms": Key("ms", "without an oracle price for longer than that, the curve quotes nothing", "never"),
        "margin_ppm": Key("ppm", "of the value of its position: what the pool must have to take more on, or to pay out"),
        "lock_ms": Key("ms", "how long liquidity stays after it was added", "not at all"),
        "adl_trigger_ppm": Key("ppm", "of its money: what the pool may owe winners before they are deleveraged", "all of it"),
        "adl_target_ppm": Key("ppm", "of its money: what it may owe them afterwards"),
    },
    MatchingDesign: {
        "top_share_ppm": Key("ppm", "of an incoming order: what the top order may take of it first (`top_pro_rata`)"),
        "least_share": Key("count", "lots: a share that is smaller is none, and goes by time (pro rata)"),
        "queue_classes": Key("", "retail orders stand before all others at a price, retail price improvement orders behind them"),
    },
    SequencingDesign: {
        "taker_latency_ms": Key("ms", "how much later an order is due that would trade at once", "at once"),
        "retail_taker_latency_ms": Key("ms", "the same of retail accounts", "at once", "as of others"),
        "maker_latency_ms": Key("ms", "how much later other orders are due", "at once"),
        "cancel_latency_ms": Key("ms", "how much later cancels are due", "at once"),
    },
    GasDesign: {
        "place": Key("micro", "an order, carried out or refused", "nothing"),
        "amend": Key("micro", "an amendment", "nothing"),
        "cancel": Key("micro", "a cancel", "nothing"),
        "liquidity": Key("micro", "adding or removing liquidity", "nothing"),
    },
    LiquidationDesign: {
        "steps": Key("", "how positions are closed: each is tried when the one before has given up"),
        "retry_ms": Key("ms", "time between two passes while a liquidation is under way"),
        "fee_ppm": Key("ppm", "of the value closed: the liquidation fee", "no fee"),
        "fee_from": Key("", "what it is taken from"),
        "fee_fund_share_ppm": Key("ppm", "of that fee: to the insurance fund"),
        "fee_to": Key("", "who gets the rest of that fee"),
        "surplus_to": Key("", "who keeps what is left of a liquidated account when it is flat"),
    },
    BookDesign: {
        "patience_ms": Key("ms", "how long the market is tried before the next step has its turn", "one pass"),
        "partial_ppm": Key("ppm", "of a large position: the first order is for that part of it"),
        "partial_above": Key("usd", "a position is large above this notional"),
        "cooldown_ms": Key("ms", "for that long after a part was filled, orders are for all of the position"),
        "band_ppm": Key("ppm", "a liquidation order never goes farther from the mark"),
        "limit": Key("", "what bounds its price within that band"),
        "spread_ppm": Key("ppm", "beyond mark or oracle: how far the money of others lets an order go"),
        "adjustment_ppm": Key("ppm", "where the limit is `fillable`: of how far below maintenance an account is, what counts"),
        "margin_spread_ppm": Key("ppm", "where it is `fillable`: of the requirement, how far from the mark it is when nothing is left"),
    },
    AuctionDesign: {
        "start_ppm": Key("ppm", "of its share of the equity: what a bidder must leave to the account at the start"),
        "duration_ms": Key("ms", "time in which that falls to nothing"),
        "fast_ms": Key("ms", "of that time, in which it falls to cutoff_ppm", "it falls in one line"),
        "cutoff_ppm": Key("ppm", "of its share of the equity: what is asked after fast_ms"),
        "insolvent_duration_ms": Key("ms", "time in which the payment to bidders for an account below zero rises to its most"),
        "buffer_ppm": Key("ppm", "of maintenance: how far above it a solvent account is brought back"),
    },
    ShortageDesign: {
        "patience_ms": Key("ms", "how long this is tried before the next step has its turn", "one pass"),
        "buffer_ppm": Key("ppm", "of maintenance: how far above it the account is brought back"),
        "fee_ppm": Key("ppm", "of the oracle price: how far from it an order may trade at first"),
        "highest_fee_ppm": Key("ppm", "and how far at last"),
        "grace_ms": Key("ms", "before it goes farther"),
        "slot_ms": Key("ms", "the step of time in which it goes farther then"),
        "per_slot_ppm": Key("ppm", "by so much"),
        "small": Key("usd", "a shortage below this is covered at once"),
        "initial_ppm": Key("ppm", "of a position: the most that is closed of it at first"),
        "duration_ms": Key("ms", "time in which that grows to all of it", "all of it at once"),
    },
    TakeoverDesign: {"fraction_ppm": Key("ppm", "of maintenance: below it the vault may take the account over")},
    FundDesign: {
        "capital": Key("usd", "what the fund starts with"),
        "account_cap": Key("usd", "spent on one account in a window, at most", "no cap"),
        "market_cap": Key("usd", "spent in one market in a window, at most", "no cap"),
        "total_cap": Key("usd", "spent in a window, at most", "no cap"),
        "window_ms": Key("ms", "length of those windows, which follow each other at its multiples"),
    },
    VaultDesign: {
        "capital": Key("usd", "what the vault starts with"),
        "loss_limit_ppm": Key("ppm", "of its capital: once that is lost it takes nothing more"),
        "unwind_interval_ms": Key("ms", "how often it sells of what it holds", "never"),
        "unwind_ppm": Key("ppm", "of each position: how much of it then"),
        "unwind_band_ppm": Key("ppm", "how far from mark and oracle it goes, at most"),
    },
    AdlDesign: {
        "seed": Key("", "for ranks that draw"),
        "price": Key("", "at which a loser is closed against winners"),
        "trigger": Key("", "when"),
    },
    ScreenDesign: {},
}

LEFT_OUT: Final[dict[type[Struct], dict[str, str]]] = {  # keys that no table shows, and why
    VenueDesign: {
        "name": "it is the title",
        "title": "it is the subtitle",
        "markets": "each has its own keys",
        "liquidation": "has its own keys",
        "insurance_fund": "has its own keys",
        "vault": "has its own keys",
        "auto_deleverage": "has its own keys",
        "screen": "a matter of speed, no rule of the venue",
        "sequencing": "has its own keys",
        "gas": "has its own keys",
        "money": "has its own keys",
        "fee_tiers": "a table of its own",
        "collateral": "a table of its own",
        "maker_tiers": "a table of its own",
        "own": "the tables of rules, told with them",
    },
    Market: {
        "name": "it is the heading",
        "tiers": "a table of its own",
        "oracle": "has its own keys",
        "mark": "has its own keys",
        "funding": "has its own keys",
        "curve": "has its own keys",
        "matching": "has its own keys",
    },
    CurveDesign: {"rule": "it is the heading", "own": "the keys of the rule, told with it"},
    MatchingDesign: {"rule": "it is the heading"},
    SequencingDesign: {"rule": "it is the heading", "own": "the keys of the rule, told with it"},
    MarkDesign: {"rule": "it is the heading", "own": "the keys of the rule, told with it"},
    FundingDesign: {"rule": "it is the heading", "own": "the keys of the rule, told with it"},
    LiquidationDesign: {
        "book": "has its own keys",
        "dutch_auction": "has its own keys",
        "takeover": "has its own keys",
        "own": "the tables of rules, told with them",
    },
    AdlDesign: {
        "rank": "it is a heading",
        "selection": "it is a heading",
        "own": "the tables of rules, told with them",
    },
    ScreenDesign: {"rule": "a matter of speed, no rule of the venue", "own": "the keys of the rule"},
}

NOT_OF_SPOT: Final = frozenset({"payoff", "open_interest_cap", "max_leverage", "default_leverage"})  # keys of a market of positions

CHOICES: Final[dict[type[Struct], dict[str, dict[str, str]]]] = {  # what the words mean that may stand at a key
    **RULE_CHOICES,
    Market: {
        "kind": {"perpetual": "positions, which are bets on a price", "spot": "an asset against another, both of which change hands"},
        "payoff": {"linear": "profit is lots x the change of the price"},
    },
    OracleView: {
        "on_stale": {
            "keep_last": "it goes on with the last price",
            "halt_new_risk": "only what reduces a position may trade, and profit at that price does not leave",
            "pause_liquidation": "trading goes on, and nobody is liquidated",
        }
    },
    MoneyDesign: {
        "withdrawals": {
            "any": "everybody, as far as the margin allows",
            "flat": "accounts without positions and orders",
            "none": "nobody",
        },
        "transfers": {"any": "any other", "same_owner": "those of the same owner", "none": "none"},
    },
    HyperliquidMarkDesign: {
        "third": {
            "perpetuals": "the median of outside perpetuals, or else an average of the book's own price",
            "funding": "the oracle with the funding that comes at the next payment",
        }
    },
    FundingDesign: {
        "payment": {"discrete": "at the end of each interval", "continuous": "with every sample"},
        "price": {"oracle": "the oracle price", "mark": "the mark price"},
    },
    CurveDesign: {
        "role": {
            "separate": "always: there is no book, and no order rests",
            "interleaved": "where the curve's price is better than the book's; the book wins a tie",
            "jit": "only for its share of what a maker is about to trade, where that reduces what the curve holds",
            "last_resort": "where the book has nothing",
        }
    },
    MatchingDesign: {
        "rule": {
            "price_time": "who came first",
            "pro_rata": "all of them, in proportion to their sizes",
            "top_pro_rata": "first who came first, then all of them in proportion to their sizes",
        }
    },
    LiquidationDesign: {
        "fee_from": {
            "surplus": "what a slice fetched beyond its share, as far as that goes",
            "fund": "that, and the backstops where it is too little",
        },
        "fee_to": {"vault": "the backstop vault", "fees": "the venue"},
        "surplus_to": {"trader": "it stays with the trader", "insurance_fund": "the insurance fund", "vault": "the backstop vault"},
    },
    BookDesign: {
        "limit": {
            "cash_payers": "the bankruptcy price, or beyond it as far as the cash payers ahead of deleveraging cover",
            "bankruptcy": "the bankruptcy price",
            "band": "nothing but the band, whoever pays",
            "fillable": "the mark, and further the less is left, but not beyond `cash_payers`",
        }
    },
    AdlDesign: {
        "price": {"bankruptcy": "the loser's bankruptcy price, never better for a winner than the mark", "mark": "the mark"},
        "trigger": {
            "negative_equity": "as soon as a loser that no step could close is below zero",
            "fund_insufficient": "once its deficit, or all deficits together, exceed what the cash payers ahead can pay",
        },
    },
}


def key_of(table: type[Struct], name: str) -> Key:
    """What is known of a key; of one that nobody has described, its unit."""
    known = KEYS.get(table, {}).get(name)
    if known is not None:
        return known
    return Key(next((unit for suffix, unit in SUFFIXES.items() if name.endswith(suffix)), ""), "")


def is_left_out(table: type[Struct], name: str) -> bool:
    return name in LEFT_OUT.get(table, {})


def unused(table: Struct) -> frozenset[str]:
    """Keys of a table that say nothing, by what else stands in it."""
    if isinstance(table, Market):
        return NOT_OF_SPOT if table.is_spot else frozenset({"kind", "base_asset"})
    if isinstance(table, CollateralDesign) and not table.hedges:
        return frozenset({"hedges", "hedged_weight_ppm", "hedged_margin_ppm"})
    if isinstance(table, MatchingDesign):
        top = frozenset({"top_share_ppm"} if table.rule != "top_pro_rata" else ())
        return top | ({"least_share"} if table.rule == "price_time" else set())
    if isinstance(table, CurveDesign) and table.capital == 0:
        return frozenset({"fee_share_ppm", "margin_ppm", "lock_ms", "adl_trigger_ppm", "adl_target_ppm"})
    if isinstance(table, SkewDesign) and table.borrowing != "curve":
        curve = frozenset({"borrow_exponent_tenths"})
        kink = frozenset({"optimal_ppm", "above_ppt", "reserve_ppm"})
        return curve if table.borrowing == "kink" else curve | kink | {"borrow_factor_ppt", "is_smaller_free"}
    return frozenset({"optimal_ppm", "above_ppt", "reserve_ppm"}) if isinstance(table, SkewDesign) else frozenset()


def deleverages(design: VenueDesign) -> bool:
    return "auto_deleverage" in design.backstops


def unused_in(design: VenueDesign) -> frozenset[str]:
    """Keys of a curve that say nothing by what stands elsewhere in the design."""
    return frozenset() if deleverages(design) else frozenset({"adl_trigger_ppm", "adl_target_ppm"})


def is_silent(table: Struct) -> bool:
    """Does a table of latencies or costs say nothing: are all its plain keys as they are by default?"""
    plain = type(table)()
    return all(getattr(table, name) == getattr(plain, name) for name in KEYS.get(type(table), {}))


def shown(key: Key, value: object, asset: str = "USD") -> str:
    """A value with its unit."""
    if key.zero and value == 0:
        return key.zero
    if key.unset and value == -1:
        return key.unset
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key.unit == "micro" and isinstance(value, int):
        return units.money(value, asset)
    if not isinstance(value, int | Decimal):
        return ", then ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
    if key.unit == "usd":
        return units.usd(int(value), asset)
    if key.unit in ("price", "coins", "count", "number"):
        return units.plain(value) + (f" {asset}" if key.unit == "price" else "")
    if key.unit == "tenths":
        return f"{value} (that is {units.plain(Decimal(value) / 10)})"
    written = {"ppm": units.percent, "ppb": units.basis_points, "ppt": units.rate, "ms": units.milliseconds}.get(key.unit)
    return written(int(value)) if written else f"{value}x" if key.unit == "times" else str(value)
