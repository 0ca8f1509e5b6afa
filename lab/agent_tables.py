"""What a scenario says of those who trade in it and begin flat: makers, noise, momentum traders, arbitrageurs and bidders."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from msgspec import Meta

from .bounds import MAX_BP, Count, Distance, Exponent, Leverage, Offset, Prices, Seconds, Share, Volatility, must_rise
from .own_agents import Capital, Milliseconds
from .paths import Positive, Table


class Professionals(Table, frozen=True):
    """Those who trade for the edge: what they have here, what they have outside, and how soon it is here."""

    count: Count
    capital_usd: Capital  # of each
    leverage: Leverage
    outside_ms: Milliseconds  # how late they hear the outside price
    order_ms: Milliseconds  # how late their orders arrive
    outside_usd: Annotated[float, Meta(ge=0, le=1e10)]  # of each: kept outside for margin calls, besides what its hedge earns there
    transfer_s: Seconds  # from a margin call until the money is here
    transfer_usd: Annotated[float, Meta(ge=0, le=1e10)]  # most that one of them sends in a minute
    call_at: Annotated[float, Meta(ge=0.01, le=10)]  # share of what its capital carries, beyond which it asks for money


class Makers(Professionals, frozen=True):
    """Market makers; with what bidders rest in the book they make the depth below when calm, all of them together."""

    interval_ms: Annotated[int, Meta(ge=10, le=1000)]  # they requote at least once a second
    levels: Annotated[int, Meta(ge=20, le=200)]
    nearest_bp: Distance
    depth_scale: Positive  # multiplies the depth below
    depth_bp: Prices
    bid_usd: Prices  # cumulative within depth_bp, what the bidders rest there included
    ask_usd: Prices
    skew_bp: Offset
    calm_bp: Volatility  # volatility per square root of a second up to which nothing is withdrawn
    wild_bp: Volatility  # and from which on all that is stated
    withdraw_bid: Share
    withdraw_ask: Share
    rise_s: Seconds
    fall_s: Seconds

    def __post_init__(self) -> None:
        for name in ("depth_bp", "bid_usd", "ask_usd"):
            given = getattr(self, name)
            if len(given) != len(self.depth_bp) or any(b <= a for a, b in pairwise(given)):
                raise ValueError(f"{name}: {list(given)} given, expected {len(self.depth_bp)} rising numbers")
        if self.depth_bp[-1] > MAX_BP:
            raise ValueError(f"depth_bp: {self.depth_bp[-1]} given, expected at most {MAX_BP:g}")
        if self.nearest_bp >= self.depth_bp[-1]:
            raise ValueError(f"nearest_bp: {self.nearest_bp} given, expected less than {self.depth_bp[-1]}")
        if self.wild_bp <= self.calm_bp:
            raise ValueError(f"wild_bp: {self.wild_bp} given, expected more than calm_bp, {self.calm_bp}")


class Noise(Table, frozen=True):
    """Exogenous taker flow."""

    accounts: Count  # that share the flow; 0: none
    capital_usd: Capital  # of each
    per_s: Annotated[float, Meta(ge=0, le=10_000)]  # taker orders when calm
    branching: Annotated[float, Meta(ge=0, le=0.95)]  # mean number of orders that one sets off
    decay_s: Seconds  # mean time until it does
    calm_bp: Volatility  # volatility per square root of a second at which orders arrive at per_s
    surge: Exponent  # the rate is proportional to volatility to this power
    surge_cap: Annotated[float, Meta(ge=1, le=1000)]
    fade: Share  # of the flow that is gone when the makers have withdrawn as far as they do
    sign_memory: Share  # weight of the persistent part of the sign process
    sign_orders: Positive  # its mean life, in orders
    size_quantile: Prices
    size_coins: Prices  # sizes at these quantiles, log-linear between
    slippage_bp: Offset  # from the true price, at which they trade at worst
    balance_s: Seconds  # over each such time, buys and sells are made equal

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in pairwise(self.size_quantile))
        if not rising or self.size_quantile[-1] != 1.0:
            raise ValueError(f"size_quantile: {list(self.size_quantile)} given, expected rising numbers, the last 1")
        if len(self.size_coins) != len(self.size_quantile):
            raise ValueError(f"size_coins: {len(self.size_coins)} given, expected {len(self.size_quantile)}")


class Momentum(Table, frozen=True):
    count: Count
    capital_usd: Capital
    position_usd: Positive
    leverage: Leverage
    interval_ms: Annotated[int, Meta(ge=10, le=600_000)]
    look_s: tuple[Seconds, Seconds]  # length of the move they watch, drawn per agent
    enter_bp: tuple[Offset, Offset]  # drawn per agent
    leave_share: Share  # of enter_bp
    slippage_bp: Offset
    outside_ms: Milliseconds
    order_ms: Milliseconds

    def __post_init__(self) -> None:
        must_rise(self, "look_s", "enter_bp")


class Arbitrageurs(Professionals, frozen=True):
    interval_ms: Annotated[int, Meta(ge=10, le=600_000)]
    enter_bp: Offset
    leave_bp: Annotated[float, Meta(ge=-5000, le=5000)]
    clip_usd: Positive


class Bidders(Professionals, frozen=True):
    """Buyers with patience: one schedule of edges over the outside price for book and auctions."""

    interval_ms: Annotated[int, Meta(ge=10, le=600_000)]
    edge_bp: Prices  # over the outside price when calm
    wild_edge: Annotated[float, Meta(ge=1, le=100)]  # what edges are multiplied with at makers.wild_bp, in a line from 1 at makers.calm_bp
    share: Prices  # of the capacity, at each edge
    clip_usd: Positive  # most that each rests, or bids for, on one side at one look
    unwind_share: Share  # of what it holds that it offers in the book at each look
    unwind_bp: Offset  # from the outside price, at worst

    def __post_init__(self) -> None:
        if len(self.share) != len(self.edge_bp) or abs(sum(self.share) - 1.0) > 1e-9:
            raise ValueError(f"share: {list(self.share)} given, expected one per edge_bp, with the sum 1")
        if any(b <= a for a, b in pairwise(self.edge_bp)):
            raise ValueError(f"edge_bp: {list(self.edge_bp)} given, expected rising numbers")
        if self.edge_bp[-1] * self.wild_edge > MAX_BP:
            given = self.edge_bp[-1] * self.wild_edge
            raise ValueError(f"edge_bp, the largest, x wild_edge: {given:g} given, expected at most {MAX_BP:g}")
