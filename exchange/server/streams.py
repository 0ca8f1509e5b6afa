"""Public market data: what has changed since a channel last spoke, told to all who subscribed to it at once.

Each channel numbers its messages: `seq`, and `prev_seq`, the number of the one before, so that a gap shows. A subscription begins with a
snapshot, and so does what follows a gap. Reading the book again and telling the difference makes every message right by construction,
and conflates by itself: however much happened in between, a message is as large as what differs now.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from ..schema import events as e
from ..schema.codes import MarketStatus, Side, SystemAccount
from ..schema.messages import MAX_PRICE, column_of
from ..turns import Turns
from .naming import Named, named_event, named_view

if TYPE_CHECKING:
    from librt.vecs import vec
    from mypy_extensions import i64

ROW: Final = 16
DISTANCES_PPM: Final = (100, 500, 1_000, 5_000, 10_000, 50_000)  # of the middle of a curve, at which its depth is told
Levels = list[tuple[int, int]]
Key = tuple[str, int, int]  # channel, market (-1: none), depth

OF_MARKET: Final = ("book", "trades", "bbo", "ticker", "liquidations", "funding", "status", "pool", "curve", "taker_auctions", "batches")
OF_CURVE: Final = ("pool", "curve")  # that has a curve
OF_VENUE: Final = ("auctions", "fund", "gas")


class Reader(Protocol):
    """Who subscribes: a session."""

    is_slow: bool

    def tell(self, message: Named, encoded: dict[str, bytes] | None = None) -> object: ...


class Channel:
    """One stream. A subclass says what it has to tell; this one, to whom and with which number."""

    def __init__(self, key: Key) -> None:
        self.name, self.market, self.depth = key  # depth 0: not a book
        self.seq = 0
        self.readers: list[Reader] = []
        self.behind: dict[Reader, int] = {}  # slow ones, and how many messages they were spared

    def snapshot(self) -> Named:
        """Everything, as of the last message."""
        return {}

    def change(self) -> Named | None:
        """What is new since the last message; None: nothing."""
        return None

    def head(self, kind: str) -> Named:
        named: Named = {"channel": self.name, "type": kind, "seq": self.seq}
        if self.market >= 0:
            named["market"] = self.market
        if self.depth:
            named["depth"] = self.depth  # tells books of one market apart
        return named

    def join(self, reader: Reader) -> None:
        self.flush()
        self.readers.append(reader)
        reader.tell({**self.head("snapshot"), **self.snapshot()})

    def leave(self, reader: Reader) -> None:
        self.readers.remove(reader)
        self.behind.pop(reader, None)

    def flush(self) -> None:
        """Tell what has changed."""
        change = self.change()
        if change is None:
            return
        self.seq += 1
        self._tell({**self.head("delta"), "prev_seq": self.seq - 1, **change})

    def _tell(self, message: Named) -> None:
        """All who read fast enough; the others later, in one piece."""
        encoded: dict[str, bytes] = {}
        for reader in self.readers:
            if reader.is_slow or reader in self.behind:
                self.behind[reader] = self.behind.get(reader, 0) + 1
            else:
                reader.tell(message, encoded)

    def begin_anew(self) -> None:
        """Of a venue that has gone back to an earlier state: look again, and tell all of it."""
        self.reread()
        self.seq += 1
        self._tell({**self.head("snapshot"), **self.snapshot()})

    def reread(self) -> None:
        """Forget what was told, and see what there is."""

    def catch_up(self, reader: Reader) -> None:
        """A slow reader reads again: a snapshot, and how many messages it stands for."""
        spared = self.behind.pop(reader, 0)
        if spared:
            reader.tell({**self.head("snapshot"), "conflated": spared, **self.snapshot()})


class Reading:
    """A market's book as deep as anyone wants it, read once for the channels of all depths."""

    def __init__(self, bids: Levels, asks: Levels, before: Reading | None) -> None:
        self.bids, self.asks = bids, asks
        self._before = before  # the reading before this one: its best levels are the same, so many of
        self._same = (same(before.bids, bids), same(before.asks, asks)) if before is not None else (0, 0)
        if before is not None:
            before._before = None

    def change(self, before: Reading, depth: int) -> dict[str, Levels]:
        """What differs from an earlier reading, down to a depth."""
        bids, asks = self._same if before is self._before else (0, 0)
        return {
            "bids": difference(before.bids[bids:depth], self.bids[bids:depth]),
            "asks": difference(before.asks[asks:depth], self.asks[asks:depth]),
        }


def same(before: Levels, after: Levels) -> int:
    """How many of the best levels are the same."""
    return next((at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), min(len(before), len(after)))


class BookChannel(Channel):
    """Levels [price, size], best first. In a delta a size of 0 takes a level away; levels beyond the depth are dropped by the reader."""

    def __init__(self, key: Key, read: Callable[[], Reading]) -> None:
        super().__init__(key)
        self.read = read
        self.checksums = False
        self.told = read()

    def reread(self) -> None:
        self.told = self.read()

    def snapshot(self) -> Named:
        return {"bids": self.told.bids[: self.depth], "asks": self.told.asks[: self.depth], **self.checksum()}

    def change(self) -> Named | None:
        before, self.told = self.told, self.read()
        if self.told is before:
            return None
        told = self.told.change(before, self.depth)
        return {**told, **self.checksum()} if any(told.values()) else None

    def checksum(self) -> Named:
        """Of the ten best levels of each side, as ASCII "price:size,..." bids first."""
        if not self.checksums:
            return {}
        most = min(10, self.depth)
        text = ",".join(f"{price}:{size}" for price, size in self.told.bids[:most] + self.told.asks[:most])
        return {"checksum": zlib.crc32(text.encode())}


def difference(before: Levels, after: Levels) -> Levels:
    """The levels that are new or have another size, and those that are gone, with size 0."""
    was, now = dict(before), dict(after)
    return [(price, 0) for price in was if price not in now] + [(price, size) for price, size in after if was.get(price) != size]


class StateChannel(Channel):
    """A few values; a message has all of them, when one differs."""

    def __init__(self, key: Key, read: Callable[[], Named]) -> None:
        super().__init__(key)
        self.read = read
        self.told = read()

    def reread(self) -> None:
        self.told = self.read()

    def snapshot(self) -> Named:
        return self.told

    def change(self) -> Named | None:
        now = self.read()
        if now == self.told:
            return None
        self.told = now
        return now


class ListChannel(Channel):
    """Things that happen. The snapshot has the last ones."""

    KEPT: Final = 50

    def __init__(self, key: Key, most: int) -> None:
        super().__init__(key)
        self.most = most  # items of one message
        self.last: list[Named] = []
        self.new: list[Named] = []

    def add(self, item: Named) -> None:
        self.new.append(item)

    def reread(self) -> None:
        self.last, self.new = [], []

    def snapshot(self) -> Named:
        return {"items": self.last}

    def flush(self) -> None:
        """In as many messages as it takes."""
        super().flush()
        while self.new:
            super().flush()

    def change(self) -> Named | None:
        if not self.new:
            return None
        new, self.new = self.new[: self.most], self.new[self.most :]
        self.last = [*self.last, *new][-self.KEPT :]
        return {"items": new}


Item = Callable[[Named], Named]


def _trade(event: Named) -> Named:
    return {**{name: event[name] for name in ("ts", "price", "size", "taker_side", "liquidation")}, "source": "BOOK"}


def _curve_trade(event: Named) -> Named:
    """A trade with the curve of the market: its price is off the grid, and shown rounded."""
    shown = {name: event[name] for name in ("ts", "price", "size")}
    return {**shown, "taker_side": event["side"], "liquidation": event["liquidation"], "source": "CURVE", "value": event["value"]}


def _closed(event: Named) -> Named:
    """A liquidation as all may see it: not whose it is."""
    return {name: event[name] for name in ("ts", "method", "size", "value")}


def _whole(event: Named) -> Named:
    return event


def _taken(event: Named) -> Named:
    return {name: event[name] for name in ("type", "ts", "auction", "share_ppm", "gain")}


LISTED: Final[dict[int, tuple[tuple[str, Item], ...]]] = {  # kinds of events that become items, and of which channels
    e.Traded.KIND: (("trades", _trade),),
    e.CurveTraded.KIND: (("trades", _curve_trade),),
    e.Liquidated.KIND: (("liquidations", _closed),),
    e.AuctionStarted.KIND: (("auctions", _whole),),
    e.AuctionTaken.KIND: (("auctions", _taken),),
    e.AuctionEnded.KIND: (("auctions", _whole),),
    e.FundingSampled.KIND: (("funding", _whole),),
    e.FundingCharged.KIND: (("funding", _whole),),
    e.FundingSet.KIND: (("funding", _whole),),
    e.LossSocialized.KIND: (("funding", _whole),),
    e.CurveMoved.KIND: (("curve", _whole),),
    e.TakerAuctionStarted.KIND: (("taker_auctions", _whole),),
    e.BatchCleared.KIND: (("batches", _whole),),
}
SHOWN: Final[dict[int, str]] = {  # kinds of events that show in another value of a channel of values
    e.OracleUpdated.KIND: "ticker",
    e.MarkMoved.KIND: "ticker",
    e.MarketStatusChanged.KIND: "status",
    e.GasSet.KIND: "gas",
    e.MaintenanceScheduled.KIND: "status",
    e.MaintenanceCancelled.KIND: "status",
}
MARKET_COLUMN: Final = {kind: column_of(e.EVENT_OF[kind], "market") for kind in LISTED if "market" in e.EVENT_OF[kind].__struct_fields__}


class Streams:
    """All channels that somebody has subscribed to."""

    def __init__(self, venue: Turns, most: int) -> None:
        self.venue = venue
        self.most = most  # items of one message
        self.channels: dict[Key, Channel] = {}
        self.wanted: dict[tuple[str, int], ListChannel] = {}  # list channels by name and market
        self.deepest: dict[int, int] = {}  # book that anyone has, by market
        self.readings: dict[int, tuple[tuple[int, int], Reading]] = {}  # the last one, and as of which event and how deep, by market
        self.is_dirty = False  # has anything happened since the last flush?

    def key(self, channel: str, market: int, depth: int) -> Key:
        return channel, market if channel in OF_MARKET else -1, depth if channel == "book" else 0

    def channel(self, key: Key) -> Channel:
        """The channel of this key, begun if nobody had it."""
        if key not in self.channels:
            self.channels[key] = self._begin(key)
        return self.channels[key]

    def _begin(self, key: Key) -> Channel:
        name, market, depth = key
        if name == "book":
            self.deepest[market] = max(depth, self.deepest.get(market, 0))
            return BookChannel(key, lambda: self.reading(market))
        reads: dict[str, Callable[[], Named]] = {
            "bbo": lambda: self.bbo(market),
            "ticker": lambda: self.ticker(market),
            "status": lambda: self.status(market),
            "fund": self.fund,
            "pool": lambda: self.pool(market),
            "gas": self.gas,
        }
        if name in reads:
            return StateChannel(key, reads[name])
        made = self.wanted[name, market] = ListChannel(key, self.most)
        return made

    def leave(self, key: Key, reader: Reader) -> None:
        channel = self.channels[key]
        channel.leave(reader)
        if not channel.readers:
            del self.channels[key]
            self.wanted.pop((key[0], key[1]), None)
            if key[0] == "book" and key[2] == self.deepest[key[1]]:
                self.deepest[key[1]] = max((depth for name, market, depth in self.channels if (name, market) == key[:2]), default=0)

    def note(self, events: vec[i64], told: Sequence[int]) -> None:
        """What has happened; `told`: where the events that list channels may want begin."""
        self.is_dirty = True
        for at in told if self.wanted else ():
            kind = int(events[at])
            market = int(events[at + MARKET_COLUMN[kind]]) if kind in MARKET_COLUMN else -1
            for name, item in LISTED[kind]:
                channel = self.wanted.get((name, market if name in OF_MARKET else -1))
                if channel is not None:
                    channel.add(item(named_event([int(value) for value in events[at : at + ROW]])))

    def flush(self) -> None:
        """Let every channel tell what has changed."""
        self.is_dirty = False
        for channel in self.channels.values():
            channel.flush()

    def go_back(self, venue: Turns) -> None:
        """The venue is another one, in an earlier state."""
        self.venue = venue
        self.readings.clear()
        self.is_dirty = False
        for channel in self.channels.values():
            channel.begin_anew()

    # -- what is read --

    def reading(self, market: int) -> Reading:
        """The book as it is, as deep as anyone has it. Without an event it does not change."""
        depth = self.deepest[market]
        now = int(self.venue.state.log.seq), depth
        at, last = self.readings.get(market, (None, None))
        if last is None or at != now:
            last = Reading(self.venue.depth(market, Side.BUY, depth), self.venue.depth(market, Side.SELL, depth), last)
            self.readings[market] = (now, last)
        return last

    def bbo(self, market: int) -> Named:
        best = {"bid": self.venue.depth(market, Side.BUY, 1), "ask": self.venue.depth(market, Side.SELL, 1)}
        return {side: levels[0] if levels else None for side, levels in best.items()}

    def ticker(self, market: int) -> Named:
        """Prices are ticks, null: none yet; the funding rate is what its interval, which ends at `funding_ts`, would charge as of now."""
        found = self.venue.known_market(market)
        return {
            "oracle": found.oracle or None, "oracle_ts": found.oracle_ts, "mark": found.mark or None, "last": found.last or None,
            "curve": self.venue.curve_price(market) or None, "open_interest": found.open_interest,
            "funding_rate_ppt": self.venue.funding_rate(market), "funding_ts": self.venue.funding_due(market),
        }  # fmt: skip

    def status(self, market: int) -> Named:
        windows = self.venue.maintenance_windows(market)
        return {
            "status": MarketStatus(self.venue.known_market(market).status).name,
            "maintenance": named_view(windows[0]) if windows else None,
        }

    def pool(self, market: int) -> Named:
        """What stands behind the curve of a market that has one, the middle of its quotes [ticks], and what trades with it, all in all, at
        each of some distances from there or nearer: price [ticks], size [lots], value [micro]. null: it quotes nothing."""
        pool, middle = self.venue.pool(market), self.venue.curve_price(market)
        assert pool is not None, "a market without a curve"
        return {**named_view(pool), "middle": middle or None, "bids": self._quotes(market, Side.SELL, middle),
                "asks": self._quotes(market, Side.BUY, middle)}  # fmt: skip

    def _quotes(self, market: int, side: Side, middle: int) -> list[Named]:
        """For an order of this side."""
        quotes: list[Named] = []
        for distance in DISTANCES_PPM if middle else ():
            away = -(-middle * distance // 1_000_000)
            price = middle + away if side is Side.BUY else max(1, middle - away)
            lots, value = self.venue.curve_within(market, side, min(price, MAX_PRICE))
            quotes.append({"price": price, "size": lots, "value": value})
        return quotes

    def gas(self) -> Named:
        """What commands cost now, of what the design says."""
        return {"multiplier_ppm": self.venue.gas_multiplier()}

    def fund(self) -> Named:
        """By asset [micro]: cash of the insurance fund; cash of the backstop vault, its equity with what it has taken over, and what it may
        still lose before it takes nothing more over."""
        assets, venue = range(self.venue.state.accounts.assets), self.venue
        return {
            "balances": [venue.balance(SystemAccount.INSURANCE_FUND, asset) for asset in assets],
            "vault_balances": [venue.balance(SystemAccount.VAULT, asset) for asset in assets],
            "vault_equities": [venue.equity(SystemAccount.VAULT, asset) for asset in assets],
            "vault_losses_left": [venue.vault_loss_left(asset) for asset in assets],
        }  # fmt: skip
