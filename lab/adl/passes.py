"""Snapshots out of a journal: each pass in which winners were deleveraged, as it was when the venue ranked them.

Rules of the file: the journal is replayed and nothing is changed. The venue's own rank is asked as ever. Who stands between it and the
venue writes down what it is told, which is all of the other side at the very moment: behind all liquidations of the pass, before the first
transfer. A market and side of a pass is one snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from perplab.exchange import Exchange
from perplab.exchange.codes import MarginMode
from perplab.exchange.events import Deleveraged
from perplab.exchange.journal import JournalError, begun, mark_of, run_block
from perplab.exchange.messages import FIRST_USER, KIND_COLUMN, ROW, column_of
from perplab.exchange.rules import AdlRank, Winner
from perplab.exchange.units import SECOND_NS

from ..export import blocks
from ..runs import Ints
from .policies import Closed, Losers, whole
from .snapshot import Actual, Snapshot, Winners, order_by

DAY_S: Final = 86_400
PRICES: Final = {"bankruptcy": "at the bankruptcy price", "mark": "at the mark"}


@dataclass(frozen=True)
class Loser:
    lots: int
    gap: int  # [micro] of all these lots; below 0: none, something is left


@dataclass
class Ranking:
    """One market and side of a pass, as the venue ranked it."""

    number: int  # of the pass, as the venue counts all of them
    begin: int  # [rows] events of the block up to here
    ts: int
    market: int
    is_long: bool  # the winners
    mark: int  # [ticks]
    told: list[tuple[int, ...]]  # account, lots, notional, entry, equity, maintenance, score
    losers: dict[int, Loser]


class Watch(AdlRank):
    """The venue's rank, and what it was told of each winner since `taken` was last called."""

    def __init__(self, venue: Exchange, rank: AdlRank) -> None:
        self.venue = venue
        self.rank = rank
        self.rankings: list[Ranking] = []

    def score(self, winner: Winner) -> int:
        last = self.rankings[-1] if self.rankings else None
        number = int(self.venue.state.passes)
        if last is None or (last.number, last.market, last.is_long) != (number, winner.market, winner.is_long):
            last = self.begun(number, winner)
        score = self.rank.score(winner)
        last.told.append(
            (winner.account, winner.lots, winner.notional, winner.entry, winner.equity, self.maintenance(winner), score)
        )  # fmt: skip
        return score

    def begun(self, number: int, winner: Winner) -> Ranking:
        venue, market = self.venue, winner.market
        begin = int(venue.state.log.end) // ROW
        made = Ranking(number, begin, winner.now, market, winner.is_long, venue.mark_price(market), [], self.losers(market, winner.is_long))
        self.rankings.append(made)
        return made

    def maintenance(self, winner: Winner) -> int:
        return required(self.venue, winner.account, winner.market)

    def losers(self, market: int, winners_are_long: bool) -> dict[int, Loser]:
        """Everybody on the side that is closed who might be: whose equity is below zero, and the venue's own accounts."""
        found = {}
        for account in range(self.venue.state.accounts.count):
            size = self.venue.position(account, market).size
            if size and (size < 0) == winners_are_long:
                gap = gap_of(self.venue, account, market)
                if gap > 0 or account < FIRST_USER:
                    found[account] = Loser(abs(size), gap)
        return found

    def taken(self) -> list[Ranking]:
        """What was ranked since the last call."""
        found, self.rankings = self.rankings, []
        return found


def is_isolated(venue: Exchange, account: int, market: int) -> bool:
    return venue.position(account, market).mode == MarginMode.ISOLATED


def required(venue: Exchange, account: int, market: int) -> int:
    """Maintenance of what stands behind a position [micro]: of an isolated one, or of all cross positions."""
    if is_isolated(venue, account, market):
        return venue.position_maintenance(account, market)
    return venue.maintenance_margin(account, int(venue.known_market(market).asset))


def gap_of(venue: Exchange, account: int, market: int) -> int:
    """How much beyond its value at the mark a position must fetch for its part of the account's equity to end at zero [micro].

    An account's equity is split over its positions in proportion to maintenance, rounded down, as the venue does it.
    """
    if is_isolated(venue, account, market):
        return -venue.isolated_equity(account, market)
    equity, whole_ = venue.equity(account, int(venue.known_market(market).asset)), required(venue, account, market)
    return -equity if whole_ <= 0 else -(equity * venue.position_maintenance(account, market) // whole_)


# -- a journal --


def watched(venue: Exchange) -> Watch | None:
    """Put a watch in front of the venue's rank; None: the design has no auto-deleveraging."""
    adl = venue.liquidations.adl
    if adl is None:
        return None
    adl.rule.rank = watch = Watch(venue, adl.rule.rank)
    return watch


def passes(source: Path) -> list[Snapshot]:
    """All snapshots of a journal, or of a server's folder, in the order of time; those that it went back before are left out.

    Empty where nobody was deleveraged. Raises JournalError.
    """
    found = blocks(source)
    header = next(found, None)
    if header is None:
        raise JournalError(f"{source}: holds no design")
    replay = begun(str(source), header[1])
    watch = watched(replay.exchange)
    if watch is None:
        return []
    done: list[Snapshot] = []
    kept: dict[int, int] = {}  # how many there were, by number of a state that is kept
    for rows, payload in found:
        if rows:
            events = run_block(replay.exchange, rows, payload, str(source))
            done += snapshots(replay.exchange, watch.taken(), np.frombuffer(memoryview(events), dtype=np.int64).reshape(-1, ROW))
            continue
        replay.take(rows, payload, str(source))
        mark = mark_of(payload, str(source))
        if mark.kept:
            kept[mark.kept] = len(done)
        elif mark.back_to:
            del done[kept[mark.back_to] :]
            watch = watched(replay.exchange) or watch
    return done


def snapshots(venue: Exchange, rankings: list[Ranking], events: Ints) -> Iterator[Snapshot]:
    """The rankings of a block that led to transfers, with those."""
    is_transfer = events[:, KIND_COLUMN] == Deleveraged.KIND
    for at, ranking in enumerate(rankings):
        end = next((other.begin for other in rankings[at:] if other.number != ranking.number), len(events))
        rows = events[ranking.begin : end][is_transfer[ranking.begin : end]]
        mine = (column(rows, "market") == ranking.market) & np.isin(column(rows, "loser"), list(ranking.losers))
        if mine.any():
            yield snapshot(venue, ranking, rows[mine])


def column(rows: Ints, name: str) -> Ints:
    found: Ints = rows[:, column_of(Deleveraged, name)]
    return found


def snapshot(venue: Exchange, ranking: Ranking, rows: Ints) -> Snapshot:
    """A ranking, and the transfers that it led to, shape (m, 16)."""
    told = sorted(ranking.told)
    account, lots, notional, entry, equity, maintenance, _ = (whole(values) for values in zip(*with_short_scores(told), strict=True))
    winners = Winners(account, lots, notional, entry, equity, maintenance, ranking.is_long)
    scores = [row[-1] for row in told]
    losers, unpriced = losers_of(ranking, rows, winners)
    design, market = venue.design.auto_deleverage, venue.design.markets[ranking.market]
    rule = f"{design.rank}, {design.selection}, {PRICES[design.price]}"
    actual = Actual(closed_by(winners, rows), order_by(scores, winners), rule, design.rank, design.selection)
    return Snapshot(clock(ranking.ts), market.name, float(market.tick * ranking.mark), losers, winners, actual, unpriced)


def with_short_scores(told: list[tuple[int, ...]]) -> Iterator[tuple[int, ...]]:
    """Scores may be longer than 64 bits, and are not put into arrays."""
    return ((*row[:-1], 0) for row in told)


def losers_of(ranking: Ranking, rows: Ints, winners: Winners) -> tuple[Losers, int]:
    """Who was closed, in the order of the transfers, and the deficits that no price could pass on [micro].

    A position costs its winners no more than its value at the mark, as nobody is paid to take a short over.
    """
    loser, size = column(rows, "loser"), column(rows, "size")
    lots, gaps, unpriced = [], [], 0
    worth = int(winners.notional[0]) // int(winners.lots[0])  # [micro per lot]
    for account in dict.fromkeys(loser.tolist()):
        known = ranking.losers[account]
        closed = int(size[loser == account].sum())
        lots.append(known.lots if known.gap > 0 else closed)
        gaps.append(min(max(known.gap, 0), lots[-1] * worth))
        unpriced += max(known.gap, 0) - gaps[-1]
    return Losers(whole(lots), whole(gaps)), unpriced


def closed_by(winners: Winners, rows: Ints) -> Closed:
    """What each winner gave up in these transfers."""
    place = np.searchsorted(winners.account, column(rows, "winner"))
    lots, taken = np.zeros(len(winners), dtype=np.int64), np.zeros(len(winners), dtype=np.int64)
    np.add.at(lots, place, column(rows, "size"))
    np.add.at(taken, place, column(rows, "conceded"))
    return Closed(lots, taken)


def clock(ts: int) -> str:
    """Time of day, UTC."""
    second = ts // SECOND_NS % DAY_S
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02} UTC"
