"""Journals as files that other programs read: Tardis's CSV, which hftbacktest and nautilus take as they are.

A journal holds commands, so it is replayed, and what happens on the way is written down: trades, changes of the book's levels, the
derivative ticker, liquidations; one file of each kind per market. Both timestamps are the venue's, in microseconds.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TextIO

from perplab.exchange import Exchange
from perplab.exchange import messages as m
from perplab.exchange.codes import Side
from perplab.exchange.events import event_of_row
from perplab.exchange.journal import HEAD, MAGIC, JournalError, Mark, begun, mark_of, records, rows_of
from perplab.exchange.units import PPT

ROW_BYTES: Final = 8 * m.ROW
AVERAGES: Final = Decimal("1e-6")  # of a tick: how exactly average prices are told
HEADS: Final = {
    "trades": ("exchange", "symbol", "timestamp", "local_timestamp", "id", "side", "price", "amount"),
    "incremental_book_L2": ("exchange", "symbol", "timestamp", "local_timestamp", "is_snapshot", "side", "price", "amount"),
    "derivative_ticker": (
        "exchange", "symbol", "timestamp", "local_timestamp", "funding_timestamp", "funding_rate", "predicted_funding_rate",
        "open_interest", "last_price", "index_price", "mark_price",
    ),
    "liquidations": ("exchange", "symbol", "timestamp", "local_timestamp", "id", "side", "price", "amount"),
}  # fmt: skip


class Market:
    """One market's files, and what its book looked like last."""

    def __init__(self, venue: Exchange, number: int, folder: Path) -> None:
        design = venue.design.markets[number]
        self.venue, self.number, self.symbol = venue, number, design.name
        self.tick, self.lot, self.unit = design.tick, design.lot, design.unit
        self.levels: dict[int, tuple[str, int]] = {}  # price -> side and lots
        self.touched: set[int] = set()  # prices whose levels may have changed
        self.funding = ("", "")  # when it was last charged, and the rate
        self.ticker_is_new = False
        self.files: list[TextIO] = []
        self.has_book = False  # was any of it written?
        self.writers = {kind: self._writer(folder / f"{kind}_{self.symbol}.csv", head) for kind, head in HEADS.items()}

    def _writer(self, path: Path, head: tuple[str, ...]) -> Any:
        file = path.open("w", newline="", encoding="utf-8")
        self.files.append(file)
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        return writer

    def kept(self) -> Any:
        """What `go_back` needs to be told."""
        ends = []
        for file in self.files:
            file.flush()
            ends.append(file.tell())
        return ends, dict(self.levels), self.funding, self.has_book

    def go_back(self, venue: Exchange, kept: Any) -> None:
        """The venue is in an earlier state: what was written since is not in the files."""
        ends, levels, self.funding, self.has_book = kept
        self.venue, self.levels = venue, dict(levels)
        for file, end in zip(self.files, ends, strict=True):
            file.seek(end)
            file.truncate()

    def write(self, kind: str, ts: int, *values: object) -> None:
        self.writers[kind].writerow(("perplab", self.symbol, ts // 1_000, ts // 1_000, *values))

    def price(self, ticks: int) -> str:
        return format((self.tick * ticks).normalize(), "f")

    def amount(self, lots: int) -> str:
        return format((self.lot * lots).normalize(), "f")

    def trade(self, e: m.Traded) -> None:
        self.write("trades", e.ts, e.seq, Side(e.taker_side).name.lower(), self.price(e.price), self.amount(e.size))
        self.touched.add(e.price)
        self.ticker_is_new = True

    def liquidation(self, e: m.Liquidated) -> None:
        """The side is that of the order which closes the position; the price an average, off the grid."""
        price = Decimal(abs(e.value)) / (abs(e.size) * self.unit) * self.tick if e.size else Decimal(0)
        told = price.quantize(self.tick * AVERAGES).normalize()
        self.write("liquidations", e.ts, e.seq, "sell" if e.size > 0 else "buy", format(told, "f"), self.amount(abs(e.size)))

    def book(self, ts: int) -> None:
        """Write the levels that have changed."""
        state = self.venue.known_market(self.number)
        is_first, self.has_book = "false" if self.has_book else "true", True
        for price in sorted(self.touched):
            lots = self.venue.book.level_lots(state, price)
            before = self.levels.get(price, ("", 0))
            side = before[0] if not lots else "bid" if price <= self.venue.best_bid(self.number) else "ask"
            if before[1] and side != before[0]:
                self.write("incremental_book_L2", ts, "false", before[0], self.price(price), "0")
            if side and (side, lots) != before:
                self.write("incremental_book_L2", ts, is_first, side, self.price(price), self.amount(lots))
            self.levels[price] = (side, lots)
            if not lots:
                del self.levels[price]
        self.touched.clear()

    def ticker(self, ts: int) -> None:
        venue, number = self.venue, self.number
        prices = [venue.last_price(number), venue.oracle_price(number), venue.mark_price(number)]
        told = [self.price(price) if price else "" for price in prices]
        predicted = format(Decimal(venue.funding_rate(number)) / PPT, "f")
        self.write("derivative_ticker", ts, *self.funding, predicted, self.amount(venue.open_interest(number)), *told)
        self.ticker_is_new = False

    def close(self) -> None:
        for file in self.files:
            file.close()


class Exporter:
    """Sorts what happens by market."""

    def __init__(self, venue: Exchange, folder: Path) -> None:
        self.markets = [Market(venue, number, folder) for number in range(len(venue.design.markets))]
        self.prices: dict[int, int] = {}  # of orders that may rest
        self.ts = 0
        self.kept: dict[int, Any] = {}  # what `go_back` needs, by number of a state that is kept

    def keep(self, mark: Mark) -> None:
        self.kept[mark.kept] = [market.kept() for market in self.markets], dict(self.prices), self.ts
        self.kept.pop(mark.forgotten, None)

    def go_back(self, venue: Exchange, number: int) -> None:
        markets, prices, self.ts = self.kept[number]
        self.prices = dict(prices)
        for market, kept in zip(self.markets, markets, strict=True):
            market.go_back(venue, kept)

    def see(self, event: m.Event) -> None:
        self.ts = event.ts
        seen = SEEN.get(type(event))
        if seen is not None:
            seen(self, event)

    def placed(self, e: m.OrderPlaced) -> None:
        self.prices[e.order_id] = e.price
        self.markets[e.market].touched.add(e.price)

    def amended(self, e: m.OrderAmended) -> None:
        self.markets[e.market].touched |= {self.prices[e.order_id], e.price}
        self.prices[e.order_id] = e.price

    def reduced(self, e: m.OrderReduced) -> None:
        self.markets[e.market].touched.add(self.prices[e.order_id])

    def cancelled(self, e: m.OrderCancelled) -> None:
        if e.order_id in self.prices:
            self.markets[e.market].touched.add(self.prices.pop(e.order_id))

    def traded(self, e: m.Traded) -> None:
        self.markets[e.market].trade(e)
        if not e.maker_left:
            self.prices.pop(e.maker_order_id, None)

    def moved(self, e: Any) -> None:
        self.markets[e.market].ticker_is_new = True

    def charged(self, e: m.FundingCharged) -> None:
        self.markets[e.market].funding = (str(e.ts // 1_000), format(Decimal(e.rate_ppt) / PPT, "f"))
        self.moved(e)

    def liquidated(self, e: m.Liquidated) -> None:
        self.markets[e.market].liquidation(e)

    def end_of_command(self) -> None:
        for market in self.markets:
            if market.touched:
                market.book(self.ts)
            if market.ticker_is_new:
                market.ticker(self.ts)


SEEN: Final[dict[type[m.Event], Callable[[Exporter, Any], None]]] = {
    m.OrderPlaced: Exporter.placed,
    m.OrderAmended: Exporter.amended,
    m.OrderReduced: Exporter.reduced,
    m.OrderCancelled: Exporter.cancelled,
    m.Traded: Exporter.traded,
    m.OracleUpdated: Exporter.moved,
    m.MarkMoved: Exporter.moved,
    m.FundingCharged: Exporter.charged,
    m.Liquidated: Exporter.liquidated,
}


def blocks(source: Path) -> Iterator[tuple[int, bytes]]:
    """(rows, payload) of a journal, or of all segments of a server's folder; the design once, in front. Raises JournalError."""
    files = sorted(source.glob("*.journal")) if source.is_dir() else [source]
    if not files:
        raise JournalError(f"{source}: holds no journal")
    for place, path in enumerate(files):
        for number, (rows, payload) in enumerate(records(path.read_bytes(), str(path))):
            if number or place == 0:
                yield rows, payload


def dropped_bytes(source: Path) -> int:
    """Bytes at the end of a journal, or of the segments of a server's folder, that are no whole record; 0: it is whole."""
    files = sorted(source.glob("*.journal")) if source.is_dir() else [source]
    return sum(cut_bytes(path.read_bytes(), str(path)) for path in files)


def cut_bytes(data: bytes, name: str) -> int:
    return len(data) - len(MAGIC) - sum(HEAD.size + len(payload) for _, payload in records(data, name))


def carry_out(venue: Exchange, rows: bytes, exporter: Exporter) -> None:
    """Commands one by one, so that books and tickers are looked at behind each."""
    for at in range(0, len(rows), ROW_BYTES):
        events = venue.apply_rows(memoryview(rows[at : at + ROW_BYTES]).cast("q"))
        for begin in range(0, len(events), m.ROW):
            exporter.see(event_of_row([int(value) for value in events[begin : begin + m.ROW]]))
        exporter.end_of_command()


def export(source: Path, folder: Path) -> dict[str, int]:
    """Write the files of a journal into a folder; how many lines each has. Raises JournalError."""
    found = blocks(source)
    header = next(found, None)
    if header is None:
        raise JournalError(f"{source}: holds no design")
    replay = begun(str(source), header[1])
    folder.mkdir(parents=True, exist_ok=True)
    exporter = Exporter(replay.exchange, folder)
    try:
        for rows, payload in found:
            if rows:
                carry_out(replay.exchange, rows_of(payload), exporter)
                continue
            replay.take(rows, payload, str(source))
            mark = mark_of(payload, str(source))
            if mark.kept:
                exporter.keep(mark)
            elif mark.back_to:
                exporter.go_back(replay.exchange, mark.back_to)
    finally:
        for market in exporter.markets:
            market.close()
    return {path.name: sum(1 for _ in path.open(encoding="utf-8")) - 1 for path in sorted(folder.glob("*.csv"))}
