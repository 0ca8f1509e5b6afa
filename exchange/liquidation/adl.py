"""Auto-deleveraging: a loser's position is closed against winners at a price. Trigger, rank, selection and price are four options.

A transfer carries (lots, value), since its price is off the tick grid; the last fill takes the remainder. Every loser is tried on all
winners of the other side: one whom a price would leave without equity is passed over as long as others can pay it. Fees are not charged.

Winners are ranked once per pass and side. What a loser costs then is the number of winners that it is closed against, and of those who
are passed over: with the greedy selection a pass is linear in losers and winners together, as whoever has nothing left is dropped; pro
rata every loser touches every winner, or as many as it has lots, which is what the rule asks for.
"""

from __future__ import annotations

from mypy_extensions import i64

from ..money.margin import market_of, row_notional
from ..money.payoff import value_of
from ..money.thresholds import slice_value
from ..schema import kinds as k
from ..state.market import Market
from ..state.state import State
from ..state.tables import P_ACCOUNT, P_ENTRY, P_NEXT_OPEN, P_OPENED, P_SIZE
from ..state.types import FIRST_USER, NIL, abs_i64, max_i64, min_i64
from ..trading.positions import PositionKeeper
from .backstops import equity_behind
from .ranks import AdlRank, Winner
from .selections import AdlSelection


class AutoDeleverage:
    """What a design says of it."""

    def __init__(self, rank: AdlRank, selection: AdlSelection, seed: int, at_bankruptcy: bool, when_fund_insufficient: bool) -> None:
        self.rank: AdlRank = rank
        self.selection: AdlSelection = selection
        self.seed: int = seed  # for ranks that draw
        self.at_bankruptcy: bool = at_bankruptcy
        self.when_fund_insufficient: bool = when_fund_insufficient


class Queue:
    """The winners of one side of a market, ranked once in a pass. Those in front who have nothing left are dropped for good."""

    def __init__(self, market: Market, is_long: bool, rows: list[i64]) -> None:
        self.market: Market = market
        self.is_long: bool = is_long
        self.rows: list[i64] = rows
        self.first: int = 0
        self.lots: i64 = 0  # that they hold together


class Deleveraging:
    def __init__(self, state: State, keeper: PositionKeeper, rule: AutoDeleverage) -> None:
        self.state: State = state
        self.keeper: PositionKeeper = keeper
        self.rule: AutoDeleverage = rule
        self.queues: list[Queue] = []
        self.winners: list[i64] = []  # position rows that the last call closed against
        self.booked: i64 = 0  # [micro] what it closed was worth

    def begin_pass(self) -> None:
        self.queues = []

    def queue(self, market: Market, is_long: bool) -> Queue:
        """The ranking of this pass, made when first needed."""
        for known in self.queues:
            if known.market is market and known.is_long == is_long:
                return known
        made = Queue(market, is_long, self.ranked(market, is_long))
        for row in made.rows:
            made.lots += abs_i64(self.state.positions.cells[row + P_SIZE])
        self.queues.append(made)
        return made

    def ranked(self, market: Market, is_long: bool) -> list[i64]:
        """Position rows of a side by falling score; accounts without equity and system accounts are left out."""
        state = self.state
        cells = state.positions.cells
        found: list[tuple[int, int, int]] = []
        row = market.first_open
        while row != NIL:
            if (cells[row + P_SIZE] > 0) == is_long and cells[row + P_ACCOUNT] >= FIRST_USER:
                equity = equity_behind(state, row)
                if equity > 0:
                    score = self.rule.rank.score(self.winner(market, row, equity))
                    assert isinstance(score, int), f"{type(self.rule.rank).__name__}.score returned {score!r}: expected a whole number"
                    found.append((-score, int(cells[row + P_ACCOUNT]), int(row)))
            row = cells[row + P_NEXT_OPEN]
        found.sort()
        rows: list[i64] = []
        for item in found:
            rows.append(item[2])
        return rows

    def winner(self, market: Market, row: i64, equity: i64) -> Winner:
        """What a rank is told of an open position."""
        cells = self.state.positions.cells
        size = cells[row + P_SIZE]
        entry = max_i64(1, abs_i64(cells[row + P_ENTRY]))
        return Winner(
            market.number, size > 0, abs_i64(size), row_notional(self.state, row), entry, cells[row + P_OPENED], cells[row + P_ACCOUNT],
            equity, self.rule.seed, self.state.now,
        )  # fmt: skip

    def part(self, left: i64, held: i64, total: i64) -> i64:
        """What the selection closes of a winner who holds `held` of the `total` lots that are still to be asked for."""
        lots = self.rule.selection.part(left, held, total)
        most = min_i64(left, held)
        assert 0 <= lots <= most, (
            f"{type(self.rule.selection).__name__}.part(left={left}, held={held}, total={total}) returned {lots}: expected 0 to {most}"
        )
        return lots

    def deleverage(self, row: i64, lots: i64, value: i64) -> i64:
        """Close up to `lots` of a loser's position against the queue, the whole of them for `value`; return the lots closed.

        A winner whom the price would leave without equity is passed over. What is left after all winners have been tried is closed against
        those who were passed over, in their order, at the price that takes all they have: nobody is beyond reach because he has little.
        Sets `booked`, the value of what was closed, and `winners`, the position rows that it was closed against.
        """
        state = self.state
        cells = state.positions.cells
        market = market_of(state, row)
        is_long = cells[row + P_SIZE] > 0
        queue = self.queue(market, not is_long)
        held_by_loser = lots if is_long else -lots
        left = lots
        self.booked = 0
        self.winners = []
        passed: list[i64] = []
        total = queue.lots  # of the winners from `at` on
        at = queue.first
        while left > 0 and at < len(queue.rows):
            winner = queue.rows[at]
            at += 1
            held = abs_i64(cells[winner + P_SIZE])
            if held == 0 or (cells[winner + P_SIZE] > 0) == is_long:
                if at == queue.first + 1:
                    queue.first = at
                continue
            if cells[winner + P_ACCOUNT] == cells[row + P_ACCOUNT]:
                continue
            part = self.part(left, held, total)
            total -= held
            if part == 0:
                continue
            # what is booked for all fills together is rounded, once; the last one takes the remainder
            cost = slice_value(value, lots - left + part, held_by_loser) - self.booked
            at_mark = value_of(market, part, market.mark)
            if equity_behind(state, winner) - abs_i64(at_mark - cost) < 0:
                passed.append(winner)
                continue
            self.transfer(row, winner, part, cost, at_mark)
            queue.lots -= part
            left -= part
        return lots - left + self.ask_again(queue, row, passed, left, value - self.booked)

    def ask_again(self, queue: Queue, row: i64, passed: list[i64], lots: i64, value: i64) -> i64:
        """Close `lots` for `value` against winners who were passed over, each for no more than he has; return the lots closed."""
        cells = self.state.positions.cells
        is_long = cells[row + P_SIZE] > 0
        left = lots
        rest = value
        total: i64 = 0
        for winner in passed:
            total += abs_i64(cells[winner + P_SIZE])
        for winner in passed:
            held = abs_i64(cells[winner + P_SIZE])
            part = self.part(left, held, total) if left > 0 else 0
            total -= held
            if part > 0:
                due = slice_value(rest, part, left if is_long else -left)
                at_mark = value_of(queue.market, part, queue.market.mark)
                equity = max_i64(0, equity_behind(self.state, winner))  # a loss shared in this pass may have taken it
                cost = min_i64(due, at_mark + equity) if is_long else max_i64(max_i64(0, due), at_mark - equity)
                self.transfer(row, winner, part, cost, at_mark)
                queue.lots -= part
                left -= part
                rest -= due
        return lots - left

    def transfer(self, loser: i64, winner: i64, lots: i64, value: i64, at_mark: i64) -> None:
        state = self.state
        cells = state.positions.cells
        signed = -lots if cells[loser + P_SIZE] > 0 else lots
        market = market_of(state, loser)
        self.booked += value
        self.winners.append(winner)
        self.keeper.change_frozen(loser, signed, value)
        profit = self.keeper.change(market, winner, -signed, value, 0)
        state.log.emit(
            k.E_DELEVERAGED, state.now, cells[loser + P_ACCOUNT], cells[winner + P_ACCOUNT], market.number, lots, value, profit,
            abs_i64(at_mark - value), market.mark,
        )  # fmt: skip
        self.keeper.sync_reducers(winner)
