"""What queries hand out: frozen views of rows, made when asked for. Money in micro-units, prices in ticks, sizes in lots."""

from __future__ import annotations

from msgspec import Struct


class Position(Struct, frozen=True):
    account: int
    market: int
    size: int  # signed
    entry_notional: int  # signed like size
    isolated_margin: int
    mode: int
    leverage: int
    unsettled: int  # owed by index and not paid yet
    bid_lots: int
    ask_lots: int


class OpenOrder(Struct, frozen=True):
    order_id: int
    account: int
    market: int
    side: int
    price: int
    size: int
    filled: int
    tif: int
    reduce_only: int
    client_hi: int
    client_lo: int


class Auction(Struct, frozen=True):
    """Terms as of the venue's time. `gain` is what a bidder for the whole account would gain against the mark: times the share taken."""

    auction: int
    account: int
    market: int  # -1: all cross positions of the account
    share_ppm: int
    gain: int
    size: int  # [lots] signed, of the account's first position: what there is to take, before the share
    equity: int
    insolvent: bool
