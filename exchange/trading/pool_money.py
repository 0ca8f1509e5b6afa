"""The money of a pool: the isolated margin of the CURVE account's position in a market."""

from __future__ import annotations

from mypy_extensions import i64

from ..money.ledger import Ledger
from ..money.margin import profit_at, row_equity
from ..money.payoff import value_of
from ..state.market import Market
from ..state.state import State
from ..state.tables import P_ISOLATED_MARGIN, P_SIZE
from ..state.types import CURVE, abs_i64, max_i64, min_i64
from .curve import Curve


def pay_in(ledger: Ledger, account: i64, market: Market, amount: i64) -> None:
    """From an account's cash into the pool [micro]; a negative amount goes the other way."""
    ledger.move(account, CURVE, market.asset, amount)
    ledger.to_isolated(market.pool.row, amount)


def worth_at(state: State, market: Market, price: i64) -> i64:
    """[micro] of the whole pool, its position taken at `price`."""
    cells = state.positions.cells
    row = market.pool.row
    return cells[row + P_ISOLATED_MARGIN] + profit_at(market, cells, row, price)


def worth_by_curve(state: State, market: Market, curve: Curve) -> i64:
    """[micro] of the whole pool, its position traded back through the curve: what traders have paid it to move, it will pay them then."""
    held = state.positions.cells[market.pool.row + P_SIZE]
    at_oracle: int = worth_at(state, market, market.oracle) - value_of(market, held, market.oracle)
    worth: i64 = at_oracle + curve.position_worth(market, market.pool, held)
    return worth


def least_worth(state: State, market: Market, curve: Curve) -> i64:
    """[micro] of the whole pool, for who leaves."""
    by_price = min_i64(worth_at(state, market, market.mark), worth_at(state, market, market.oracle))
    return min_i64(by_price, worth_by_curve(state, market, curve))


def most_worth(state: State, market: Market, curve: Curve) -> i64:
    """[micro] of the whole pool, for who comes in."""
    by_price = max_i64(worth_at(state, market, market.mark), worth_at(state, market, market.oracle))
    return max_i64(by_price, worth_by_curve(state, market, curve))


def lots_to_close(state: State, market: Market, trigger_ppm: i64, target_ppm: i64) -> i64:
    """How many lots of a pool's position are to be closed against those who win by it; 0: none.

    It is time when what the pool owes them, the loss of its position at the mark, is more than `trigger_ppm` of its money (0: all of it);
    the position shrinks until it is `target_ppm` of what money is left (GMX: maxPnlFactorForAdl, minPnlFactorAfterAdl).
    """
    cells = state.positions.cells
    row = market.pool.row
    size = abs_i64(cells[row + P_SIZE])
    equity = row_equity(state, row)
    money = cells[row + P_ISOLATED_MARGIN]
    owed = int(money) - int(equity)
    if size == 0 or owed <= 0:
        return 0
    if equity < 0:
        return size
    if trigger_ppm == 0 or owed * 1_000_000 <= int(money) * int(trigger_ppm):
        return 0
    # Closing a part f at the mark pays f x owed: (1 - f) owed <= target x (money - f x owed)
    rest = owed * 1_000_000 - int(money) * int(target_ppm)
    part = owed * (1_000_000 - int(target_ppm))
    return min(int(size), -(-int(size) * rest // part)) if part > 0 else size
