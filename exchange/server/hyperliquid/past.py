"""What has happened to an account, as far as the history of the venue keeps it: fills, funding, money in and out."""

from __future__ import annotations

from itertools import groupby
from typing import Any, Final

from ...schema.codes import Method, Side
from ...state.types import NIL
from ..history.records import Closing, Fill, Move, MoveKind, Payment, Source
from . import asked
from .asked import MS, Body
from .coins import USDC, Coin, text, usd
from .dialect import Dialect
from .markets import PPT

KEPT: Final = 2_000
Thing = dict[str, Any]
METHODS: Final = {Method.BOOK: "market"}  # others are "backstop"


# -- fills -----------------------------------------------------------------------------------------------------------------------


def direction(dialect: Dialect, coin: Coin, account: int, fill: Fill) -> str:
    """What it did to the position, or what was done to that. What the book has closed of a liquidated position is told as any order's, as
    on the live venue; the rest of a winner who is deleveraged, and of a loser who is liquidated, has names of its own."""
    is_buy, ended = fill.side is Side.BUY, fill.liquidation
    if fill.source is Source.SETTLEMENT:
        return "Settlement"
    if ended is not None and ended.method is not Method.BOOK:
        if ended.account == account:
            closings = dialect.host.history.closings(account, fill.ts, fill.ts)
            is_isolated = any(one.is_isolated and one.market == fill.market for one in closings)
            return f"Liquidated {'Isolated' if is_isolated else 'Cross'} {'Short' if is_buy else 'Long'}"
        if ended.method is Method.ADL:
            return "Auto-Deleveraging"
    if coin.is_spot:
        return "Buy" if is_buy else "Sell"
    after = fill.start + (fill.lots if is_buy else -fill.lots)
    if fill.start and after and (fill.start > 0) != (after > 0):
        return "Short > Long" if is_buy else "Long > Short"
    if fill.start == 0 or (fill.start > 0) == is_buy:
        return "Open Long" if is_buy else "Open Short"
    return "Close Short" if is_buy else "Close Long"


def price_of(coin: Coin, fill: Fill) -> str:
    """Exact where it is on the grid of ticks."""
    is_even = fill.price * fill.lots * coin.unit == fill.value
    return coin.price(fill.price) if is_even else coin.average(fill.value, fill.lots)


def oid_of(fill: Fill) -> int:
    """The order's, or a number of its own for what the venue did without one: what one slice of a liquidation has closed shares it."""
    return fill.order_id or asked.WITHOUT_ORDER + (fill.liquidation.first if fill.liquidation is not None else fill.seq)


def told_fill(dialect: Dialect, coin: Coin, account: int, fill: Fill) -> Thing:
    """Of a TWAP's slice the hash is 0, as on the live venue."""
    twap = dialect.host.history.twap_of(account, fill.order_id) or None
    told: Thing = {
        "coin": coin.name, "px": price_of(coin, fill), "sz": coin.size(fill.lots), "side": "B" if fill.side is Side.BUY else "A",
        "time": fill.ts // MS, "startPosition": coin.size(fill.start), "dir": direction(dialect, coin, account, fill),
        "closedPnl": usd(fill.closed_pnl or 0), "hash": asked.hash_of(0 if twap else fill.seq), "oid": oid_of(fill),
        "crossed": fill.is_taker, "fee": usd(fill.fee), "tid": fill.seq, "feeToken": USDC, "twapId": twap,
    }  # fmt: skip
    cloid = dialect.cloids.text(account, fill.client_hi, fill.client_lo)
    if cloid is not None:
        told["cloid"] = cloid
    if fill.liquidation is not None:
        ended = fill.liquidation
        told["liquidation"] = {
            "liquidatedUser": dialect.people.address(ended.account), "markPx": coin.price(ended.mark),
            "method": METHODS.get(ended.method, "backstop"),
        }  # fmt: skip
    return told


def joined(coin: Coin, first: Fill, fill: Fill) -> Fill:
    """Two fills of one order as one."""
    lots, value = first.lots + fill.lots, first.value + fill.value
    pnl = None if first.closed_pnl is None or fill.closed_pnl is None else first.closed_pnl + fill.closed_pnl
    return Fill(
        first.seq, first.ts, first.market, first.side, lots, value // (lots * coin.unit), value, first.fee + fill.fee, first.is_taker,
        first.order_id, first.client_hi, first.client_lo, fill.other, first.source, first.start, pnl, first.liquidation,
    )  # fmt: skip


def aggregated(dialect: Dialect, fills: list[Fill]) -> list[Fill]:
    """An order that has met several at one moment has one fill."""
    told: list[Fill] = []
    for fill in fills:
        last = told[-1] if told else None
        if last is not None and fill.is_taker and last.is_taker and (oid_of(last), last.ts) == (oid_of(fill), fill.ts):
            told[-1] = joined(dialect.coins.by_market[fill.market], last, fill)
        else:
            told.append(fill)
    return told


def kept_fills(dialect: Dialect, account: int, since: int, until: int, aggregate: bool) -> list[Fill]:
    """The oldest first."""
    by_market = dialect.coins.by_market
    fills = [one for one in dialect.host.history.fills(account, since, until) if one.market in by_market]
    return aggregated(dialect, fills) if aggregate else fills


def fills_of(dialect: Dialect, account: int, since: int, until: int, aggregate: bool) -> list[Thing]:
    by_market = dialect.coins.by_market
    return [told_fill(dialect, by_market[one.market], account, one) for one in kept_fills(dialect, account, since, until, aggregate)]


def user_fills(dialect: Dialect, body: Body) -> list[Thing]:
    """The newest moment first; what happened at one moment is in order."""
    account, aggregate = asked.account_of(dialect, body), asked.flag_of(body, "aggregateByTime")
    if account is None:
        return []
    return sorted(fills_of(dialect, account, 0, asked.LARGEST * MS, aggregate), key=lambda one: -int(one["time"]))[:KEPT]


def user_fills_by_time(dialect: Dialect, body: Body) -> list[Thing]:
    """The oldest first, unless `reversed`: who wants more asks from the last one's time on."""
    account, (since, until) = asked.account_of(dialect, body), asked.span_of(body)
    aggregate, backwards = asked.flag_of(body, "aggregateByTime"), asked.flag_of(body, "reversed")
    if account is None:
        return []
    told = fills_of(dialect, account, since, until, aggregate)
    return (told[::-1] if backwards else told)[:KEPT]


# -- funding ---------------------------------------------------------------------------------------------------------------------


def told_payment(coin: Coin, one: Payment) -> Thing:
    """`usdc`: what was received; below zero: paid."""
    delta = {
        "type": "funding", "coin": coin.name, "usdc": usd(one.amount), "szi": coin.size(one.size), "fundingRate": text(one.rate_ppt, PPT),
        "nSamples": one.samples,
    }  # fmt: skip
    return {"time": one.ts // MS, "hash": asked.hash_of(one.seq), "delta": delta}


def user_funding(dialect: Dialect, body: Body) -> list[Thing]:
    account, (since, until) = asked.account_of(dialect, body), asked.span_of(body, 0)
    if account is None:
        return []
    by_market = dialect.coins.by_market
    found = [one for one in dialect.host.history.payments(account, since, until) if one.market in by_market]
    return [told_payment(by_market[one.market], one) for one in found[: asked.PAGE]]


# -- money -----------------------------------------------------------------------------------------------------------------------


def delta_of(dialect: Dialect, account: int, move: Move) -> Thing:
    """What moved, by the dialect's name of it. The operator's debits are withdrawals, what a liquidation leaves to the venue is a transfer
    to it, and a market's curve is a vault."""
    people, amount, own = dialect.people, usd(move.amount), dialect.people.address(account)
    other = people.address(move.other) if move.other != NIL else own
    if move.kind is MoveKind.DEPOSIT and move.asset == 0:
        return {"type": "deposit", "usdc": amount}
    if move.kind in (MoveKind.WITHDRAWAL, MoveKind.DEBIT) and move.asset == 0:
        return {"type": "withdraw", "usdc": amount, "nonce": move.ts // MS, "fee": "0.0"}
    if move.kind is MoveKind.LIQUIDITY_IN:
        return {"type": "vaultDeposit", "vault": other, "usdc": amount}
    if move.kind is MoveKind.LIQUIDITY_OUT:
        return {
            "type": "vaultWithdraw", "vault": other, "user": own, "requestedUsd": amount, "commission": "0.0", "closingCost": "0.0",
            "basis": "0.0", "netWithdrawnUsd": amount,
        }  # fmt: skip
    came = move.kind in (MoveKind.TRANSFER_IN, MoveKind.DEPOSIT)
    ends = {"user": other if came else own, "destination": own if came else other}
    if move.asset:
        value = "0.0"  # nobody has said what it was worth
        return {
            "type": "spotTransfer", "token": dialect.coins.tokens[move.asset], "amount": amount, "usdcValue": value, **ends, "fee": "0.0",
            "nativeTokenFee": "0.0", "nonce": None, "feeToken": "",
        }  # fmt: skip
    venue = dialect.host.exchange
    if move.other != NIL and (venue.master_of(move.other) == account or venue.master_of(account) == move.other):
        return {"type": "subAccountTransfer", "usdc": amount, **ends}
    return {"type": "internalTransfer", "usdc": amount, **ends, "fee": "0.0"}


def told_move(dialect: Dialect, account: int, move: Move) -> Thing:
    return {"time": move.ts // MS, "hash": asked.hash_of(move.seq), "delta": delta_of(dialect, account, move)}


def told_liquidation(dialect: Dialect, closed: list[Closing]) -> Thing:
    """What one liquidation has closed at one moment, at the mark. `accountValue` is as it began; what others have paid for the account,
    `debtForgiven`, is this venue's own word."""
    coins, first = dialect.coins.by_market, closed[0]
    sizes: dict[int, int] = {}
    for one in closed:
        sizes[one.market] = sizes.get(one.market, 0) + one.size
    delta = {
        "type": "liquidation", "liquidatedNtlPos": usd(sum(abs(one.size) * one.mark * coins[one.market].unit for one in closed)),
        "accountValue": usd(first.equity or 0), "leverageType": "Isolated" if first.is_isolated else "Cross",
        "liquidatedPositions": [{"coin": coins[market].name, "szi": coins[market].size(size)} for market, size in sizes.items() if size],
        "debtForgiven": usd(sum(one.deficit for one in closed)),
    }  # fmt: skip
    return {"time": first.ts // MS, "hash": asked.hash_of(first.seq), "delta": delta}


def ledger_records(dialect: Dialect, account: int, since: int = 0, until: int = asked.LARGEST * MS, after: int = 0) -> list[Move | Closing]:
    """Moves of money and liquidations, the oldest first."""
    history, by_market = dialect.host.history, dialect.coins.by_market
    closings = history.closings(account, since, until, after=after)
    closed = [one for one in closings if one.market in by_market and (one.size or one.deficit)]
    return sorted([*history.moves(account, since, until, after=after), *closed], key=lambda one: one.seq)


def told_ledger(dialect: Dialect, account: int, records: list[Move | Closing]) -> list[Thing]:
    """What a liquidation has closed at one moment is one entry."""
    told: list[Thing] = []
    for _, group in groupby(records, key=lambda one: (one.ts, one.market if one.is_isolated else NIL) if isinstance(one, Closing) else one):
        together = list(group)
        closed = [one for one in together if isinstance(one, Closing)]
        if closed:
            told.append(told_liquidation(dialect, closed))
        else:
            told += [told_move(dialect, account, one) for one in together if isinstance(one, Move)]
    return told


def ledger_updates(dialect: Dialect, body: Body) -> list[Thing]:
    account, (since, until) = asked.account_of(dialect, body), asked.span_of(body, 0)
    return [] if account is None else told_ledger(dialect, account, ledger_records(dialect, account, since, until))[: asked.PAGE]
