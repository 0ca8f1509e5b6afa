"""What a venue answers, as the text cases write it: the fields of events, and queries of the state."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from case_commands import World, shown_money
from kit import START
from msgspec.structs import asdict

from perplab.exchange import Exchange
from perplab.exchange import messages as m
from perplab.exchange.codes import (
    AccountKind,
    AccountMode,
    CancelReason,
    FundingMode,
    MarginMode,
    MarketStatus,
    Method,
    OrderState,
    Outcome,
    Payer,
    PriceSource,
    Reason,
    Side,
    TimeInForce,
    TriggerKind,
)
from perplab.exchange.events import Event

MONEY = {
    "amount", "taker_fee", "maker_fee", "margin", "equity", "maintenance", "notional", "value", "deficit", "fee", "gain", "paid",
    "profit", "conceded", "pool_fee", "cost", "priority_fee",
}  # fmt: skip
TIMES = {"ts", "due", "ends", "expires"}
WINDOW = {"start", "end"}  # of a MaintenanceScheduled; of other events these are prices
ACCOUNTS = {"account", "to", "master", "buyer", "seller", "taker", "maker", "bidder", "vault", "winner", "loser"}
CODES = {
    "account_kind": AccountKind, "side": Side, "taker_side": Side, "tif": TimeInForce, "state": OrderState, "mode": MarginMode,
    "trigger": TriggerKind, "source": PriceSource,
    "status": MarketStatus, "during": MarketStatus, "afterwards": MarketStatus, "payer": Payer, "method": Method, "outcome": Outcome,
}  # fmt: skip


def value_shown(w: World, event: Event, name: str, value: int) -> str:
    if name in TIMES or (name in WINDOW and isinstance(event, m.MaintenanceScheduled)):
        return str(value - START if value > 0 else 0) if value >= 0 else "-"
    if name in MONEY:
        return shown_money(value)
    if name in ACCOUNTS:
        return w.account_name(value)
    if name == "market":
        return w.market_name(value)
    if name == "command":
        return m.COMMAND_OF[value].__name__
    if name == "reason":
        return (Reason if isinstance(event, m.Rejected | m.QuoteRefused) else CancelReason)(value).name.lower()
    if name == "refusal":
        return Reason(value).name.lower() if value else "-"
    if name == "mode" and not isinstance(event, m.MarginModeSet):
        return (FundingMode if isinstance(event, m.FundingSet) else AccountMode)(value).name.lower()
    return CODES[name](value).name.lower() if name in CODES else str(value)


class Shown(NamedTuple):
    """An event as the cases write it."""

    kind: str
    fields: dict[str, str]


def shown(w: World, event: Event) -> Shown:
    values = asdict(event)
    texts = {name.replace("order_id", "id"): value_shown(w, event, name, value) for name, value in values.items() if name != "seq"}
    if "client_hi" in values:
        hi, lo = values["client_hi"], values["client_lo"]
        texts["client"] = (f"{hi}:{lo}" if hi else str(lo)) if hi or lo else "-"
        del texts["client_hi"], texts["client_lo"]
    return Shown(type(event).__name__, texts)


def all_shown(w: World, events: list[Event]) -> list[Shown]:
    """At once: what an account is called may change."""
    return [shown(w, event) for event in events]


def line_of(event: Shown) -> str:
    return " ".join([event.kind, *(f"{key}={text}" for key, text in event.fields.items() if key != "ts")])


# -- queries --


def queried(w: World, words: list[str]) -> tuple[Callable[[str], object], list[str]]:
    """What a query asks of, as a function from key to value, and the rest of its words."""
    x = w.exchange
    if words[0] == "auction":
        auction = next(one for one in x.auctions() if one.auction == int(words[1]))
        return lambda key: {
            "share": auction.share_ppm, "gain": shown_money(auction.gain), "equity": shown_money(auction.equity),
            "insolvent": int(auction.insolvent), "size": auction.size,
        }[key], words[2:]  # fmt: skip
    if words[0] in w.markets:
        return market_values(x, w.market(words[0])), words[1:]
    account = w.account(words[0])
    if words[1] in w.markets:
        return position_values(x, account, w.market(words[1])), words[2:]
    return lambda key: shown_money({
        "cash": x.balance, "equity": x.equity, "free": x.free_margin, "available": x.available_margin, "initial": x.initial_margin,
        "maintenance": x.maintenance_margin,
    }[key.removesuffix("2")](account, int(key.endswith("2")))), words[1:]  # fmt: skip


def market_values(x: Exchange, market: int) -> Callable[[str], object]:
    def ladder(side: int) -> str:
        return ",".join(f"{lots}@{price}" for price, lots in x.depth(market, side, 99)) or "-"

    pool = x.pool(market)
    if pool is not None:
        of_pool = {
            "pool": shown_money(pool.money), "pool_equity": shown_money(pool.equity), "inventory": pool.size, "pool_shares": pool.shares,
            "middle": x.curve_price(market),
        }  # fmt: skip
    else:
        of_pool = {}
    return lambda key: of_pool[key] if key in of_pool else {
        "mark": x.mark_price, "oracle": x.oracle_price, "last": x.last_price, "interest": x.open_interest,
        "bids": lambda _: ladder(Side.BUY), "asks": lambda _: ladder(Side.SELL),
    }[key](market)  # fmt: skip


def position_values(x: Exchange, account: int, market: int) -> Callable[[str], object]:
    position = x.position(account, market)
    own = x.liquidity(account, market)
    maker_fee, taker_fee = x.fee_rates(account, market)
    return lambda key: {
        "maker_fee": maker_fee, "taker_fee": taker_fee,
        "shares": own.shares, "paid_in": shown_money(own.paid_in), "worth": shown_money(own.worth), "locked": own.locked_until - START,
        "size": position.size, "entry": shown_money(position.entry_notional), "margin": shown_money(position.isolated_margin),
        "unsettled": shown_money(position.unsettled), "leverage": position.leverage,
        "liquidation": x.liquidation_price(account, market), "bankruptcy": x.bankruptcy_price(account, market),
    }[key]  # fmt: skip
