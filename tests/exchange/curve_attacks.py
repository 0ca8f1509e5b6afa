"""What one owner can gain at a venue with a curve, or one that gathers orders: attacks as functions of the design, each returning USD.

`python tests/exchange/curve_attacks.py` prints the table of docs/rules.md. Each attack is tried in several sizes, and what pays best is
told; 0 is to leave it. Wealth is what accounts own at the outside price, shares of pools at what they fetch: so nothing is left to be
closed that would cost something, but for what a row says. Nobody else trades unless a row says so; the oracle stands at 100,000 USD.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Final

from kit import BTC, SECOND, USD, Bench, usd

from perplab.exchange import load_venue
from perplab.exchange.messages import AddLiquidity, Place, RemoveLiquidity, UpdateOracle
from perplab.exchange.state.ranges import Range
from perplab.exchange.state.tables import P_SHARES
from perplab.exchange.trading.pool_money import least_worth

BUY, SELL = 0, 1
IOC, POST_ONLY = 1, 3
PRICE: Final = 100_000
COIN: Final = 1_000  # lots
PURSE: Final = 2_000_000_000  # [USD] of each account
DESIGNS: Final = ("book_amm_hybrid", "drift_v2", "gmx_v2", "injective_fba", "perp_v1", "perp_v2_curie", "synthetix_v3")
VICTIM: Final = 50  # BTC that an honest order buys, whatever it pays up to 2 %


class Floor:
    """A shipped design, and the accounts of one owner on it."""

    def __init__(self, design: str) -> None:
        self.bench = Bench(load_venue(design))
        self.exchange = self.bench.exchange
        self.price = PRICE  # of the oracle
        self.owned: list[int] = []
        self.paid_in = 0  # [micro]
        self.honest = self.bench.open(PURSE)
        self.hear()
        self.market = self.exchange.state.markets[BTC]
        self.ranges = self.exchange.liquidity_desk.ranges
        rule = self.exchange.design.markets[BTC].curve.rule
        self.has_own_price = rule in ("constant_product", "concentrated")
        if rule == "none":
            self.quote(self.bench.open(PURSE, kind=2))

    def own(self, amount: int = PURSE) -> int:
        self.owned.append(self.bench.open(amount))
        self.paid_in += usd(amount)
        return self.owned[-1]

    def hear(self) -> None:
        self.bench.send(UpdateOracle, BTC, self.price, self.price)

    def wait(self, seconds: int = 6, step: int = 1) -> None:
        """Time passes, with an oracle price every second or few: whatever waits for its turn has it."""
        for _ in range(seconds // step):
            self.bench.now += step * SECOND
            self.hear()

    def move(self, price: int) -> None:
        self.price = price
        self.hear()
        self.wait()

    def quote(self, maker: int) -> None:
        """Twenty bids and asks of 10 BTC, 5 bp apart."""
        for level, side in product(range(1, 21), (BUY, SELL)):
            away = 50 * level * (1 if side == SELL else -1)
            self.bench.send(Place, maker, BTC, side, PRICE + away, 10 * COIN, 0, POST_ONLY)
        self.wait(1)

    def send(self, account: int, lots: int, within: int = 20_000) -> None:
        """An immediate order: buys `lots`, or sells -`lots`, within so many ppm of the oracle. It may have to wait."""
        if lots:
            side = BUY if lots > 0 else SELL
            limit = self.price + (self.price * within // 1_000_000) * (1 if side == BUY else -1)
            self.bench.send(Place, account, BTC, side, limit, abs(lots), 0, IOC)

    def trade(self, account: int, lots: int, within: int = 20_000) -> None:
        self.send(account, lots, within)
        self.wait()

    def held(self, account: int) -> int:
        return self.exchange.position(account, BTC).size

    def close(self, *accounts: int, within: int = 100_000) -> None:
        for account in accounts:
            self.trade(account, -self.held(account), within)

    def add(self, account: int, amount: int) -> None:
        """Where liquidity has a range, within 2 % of the oracle."""
        bounds = (PRICE * 98 // 100, PRICE * 102 // 100) if self.ranges.curve(self.market) is not None else (0, 0)
        self.bench.send(AddLiquidity, account, BTC, usd(amount), *bounds)

    def remove(self, account: int) -> None:
        for one in self.ranges_of(account):
            self.bench.send(RemoveLiquidity, account, BTC, int(one.liquidity), int(one.number))
        if self.shares(account):
            self.bench.send(RemoveLiquidity, account, BTC, self.shares(account))

    def ranges_of(self, account: int) -> list[Range]:
        return [one for one in self.market.pool.ranges.ranges if one.owner == account]

    def shares(self, account: int) -> int:
        row = self.exchange.state.find_position(account, BTC)
        return int(self.exchange.state.positions.cells[row + P_SHARES]) if row >= 0 else 0

    def has_liquidity(self, account: int) -> bool:
        return self.shares(account) > 0 or bool(self.ranges_of(account))

    def unlock(self) -> None:
        """Until liquidity may be taken out again, if that is within the hour: else it stays in."""
        lock = self.exchange.design.markets[BTC].curve.lock_ms // 1_000
        self.bench.later(lock if lock <= 3_600 else 0)
        self.wait()

    def wealth(self, account: int) -> int:
        """[micro] at the outside price."""
        exchange = self.exchange
        market = self.market
        p = exchange.position(account, BTC)
        shares = self.shares(account)
        own = exchange.liquidity_desk.curves.curve(market)
        worth = int(least_worth(exchange.state, market, own)) if shares else 0
        cash = exchange.balance(account) + p.isolated_margin + p.size * self.price * int(market.unit) - p.entry_notional - p.unsettled
        if self.ranges.curve(market) is not None:
            cash += exchange.stake(account, BTC)
        return cash + (max(0, worth) * shares // int(market.pool.shares) if shares else 0)

    def gain(self) -> float:
        """[USD] of all that the owner has, beyond what he put in."""
        return (sum(self.wealth(account) for account in self.owned) - self.paid_in) / USD


def best(tries: Iterator[float]) -> float:
    """What pays best; who sees that nothing does leaves it."""
    return max(0.0, *tries)


# -- attacks -----------------------------------------------------------------------------------------------------------------------


def own_fees(design: str) -> float:
    """He has 10 M to 1 B USD in the pool and buys and sells 1 to 500 BTC, ten times."""

    def one(paid: int, coins: int) -> float:
        floor = Floor(design)
        provider, trader = floor.own(), floor.own()
        floor.add(provider, paid)
        floor.wait()
        for _ in range(10):
            floor.trade(trader, coins * COIN)
            floor.close(trader)
        return floor.gain()

    return best(one(paid, coins) for paid, coins in product((10_000_000, 1_000_000_000), (1, 50, 500)))


def own_move(design: str) -> float:
    """He moves the curve by 50 to 2,000 BTC and waits, buys shares, and trades back; or has shares first, and sells them between."""

    def one(coins: int, first: bool) -> float:
        floor = Floor(design)
        provider, trader = floor.own(), floor.own()
        if first:
            floor.add(provider, 500_000_000)
            floor.unlock()
        floor.trade(trader, coins * COIN)
        floor.wait(60)
        if first:
            floor.remove(provider)
        else:
            floor.add(provider, 500_000_000)
        floor.wait(60)
        floor.close(trader)
        floor.unlock()
        return floor.gain()

    return best(one(coins, first) for coins, first in product((-2_000, -500, 50, 500, 2_000), (False, True)))


def sandwich(design: str) -> float:
    """An order for 50 BTC is known before it has its turn: he buys 5 to 800 BTC just before it, and sells as many just after it from
    another account. Both positions stay."""

    def one(coins: int) -> float:
        floor = Floor(design)
        buyer, seller = floor.own(), floor.own()
        floor.send(buyer, coins * COIN)
        floor.send(floor.honest, VICTIM * COIN)
        floor.send(seller, -coins * COIN)
        floor.wait()
        floor.trade(seller, -floor.held(buyer) - floor.held(seller), 100_000)
        return floor.gain()

    return best(one(coins) for coins in (5, 20, 50, 100, 200, 400, 800))


def just_in_time(design: str) -> float:
    """The same order, and he pays 10 M to 1 B USD into the pool just before and takes it out as soon as he may. The oracle stands still."""

    def one(paid: int) -> float:
        floor = Floor(design)
        provider = floor.own()
        floor.add(provider, paid)
        floor.send(floor.honest, VICTIM * COIN)
        floor.wait()
        floor.remove(provider)
        floor.wait()
        return 0.0 if floor.has_liquidity(provider) else floor.gain()

    return best(one(paid) for paid in (10_000_000, 100_000_000, 1_000_000_000))


def late_oracle(design: str) -> float:
    """The price outside is 1 % up and the venue hears it a second later: he buys 10 to 1,000 BTC, and sells when it has."""

    def one(coins: int) -> float:
        floor = Floor(design)
        trader = floor.own()
        floor.send(trader, coins * COIN)
        floor.bench.now += SECOND
        floor.move(PRICE * 101 // 100)
        floor.close(trader)
        return floor.gain()

    return best(one(coins) for coins in (10, 50, 200, 500, 1_000))


def provider_leaves(design: str) -> float:
    """Others are 100 BTC long against the pool and the price outside is 5 % up: he takes his 100 M USD out a second before it is heard,
    which saves him what those who stay lose."""
    kept = []
    for leaves in (False, True):
        floor = Floor(design)
        provider = floor.own()
        floor.add(provider, 100_000_000)
        floor.wait()
        floor.unlock()
        floor.trade(floor.honest, 100 * COIN)
        if leaves:
            floor.remove(provider)
        floor.bench.now += SECOND
        floor.move(PRICE * 105 // 100)
        kept.append(floor.gain())
    return max(0.0, kept[1] - kept[0])


def own_quote(design: str) -> float:
    """He sells 50 to 400 BTC to the curve, and buys them back from his own quote, of which the curve may take a part: at the middle of the
    curve's quotes, or up to 0.2 % off it."""

    def one(coins: int, off: int) -> float:
        floor = Floor(design)
        seller, maker = floor.own(), floor.own()
        floor.trade(seller, -coins * COIN, 90_000)
        sold = -floor.held(seller)
        curve = floor.exchange.liquidity_desk.curves.curve(floor.market)
        middle = int(curve.middle(floor.market, floor.market.pool, sold)) if floor.market.pool.row >= 0 else PRICE
        floor.bench.send(Place, maker, BTC, SELL, middle + middle * off // 10_000, 2 * sold or 1, 0, POST_ONLY)
        floor.wait()
        floor.bench.send(Place, seller, BTC, BUY, middle + middle * off // 10_000, 2 * sold or 1, 0, IOC)
        floor.wait()
        return floor.gain()

    return best(one(coins, off) for coins, off in product((50, 150, 400), (-2, 0, 2, 20)))


def pushed_peg(design: str) -> float:
    """He buys or sells 10 to 500 BTC, the oracle goes a tick or 0.1 % there and back thirty times, and he trades back."""

    def one(coins: int, step: int) -> float:
        floor = Floor(design)
        trader = floor.own()
        floor.trade(trader, coins * COIN)
        for _ in range(30):
            floor.price += step
            floor.wait(1)
            floor.price -= step
            floor.wait(1)
        floor.close(trader)
        return floor.gain()

    return best(one(coins, step) for coins, step in product((-500, -10, 10, 100, 500), (1, 100)))


def crumbs(design: str) -> float:
    """A hundred times a micro-unit, or a little more, into the pool and out, in a range of one tick where there are ranges, and a lot
    bought and sold: what rounding gives."""

    def one(amount: int) -> float:
        floor = Floor(design)
        provider, trader = floor.own(), floor.own()
        bounds = (PRICE, PRICE + 1) if floor.ranges.curve(floor.market) is not None else (0, 0)
        for _ in range(100):
            floor.bench.send(AddLiquidity, provider, BTC, amount, *bounds)
            floor.send(trader, 1)
            floor.send(trader, -1)
            floor.wait(3 if floor.exchange.design.sequencing.rule != "continuous" else 1)
            floor.remove(provider)
        floor.wait()
        return floor.gain()

    return best(one(amount) for amount in (1, 999, 10_000_000))


def walked_away(fall_to: int) -> Callable[[str], float]:
    """He is long and short 40 BTC through the curve, the long with as little money as the venue lets it; the price falls, others bring the
    curve there within twenty minutes, and he leaves the long behind."""

    def attack_on(design: str) -> float:
        floor = Floor(design)
        short = floor.own()
        for money in range(40_000, 1_000_000, 40_000):
            floor.owned, floor.paid_in = [short], usd(PURSE)
            long = floor.own(money)
            floor.trade(long, 40 * COIN)
            if floor.held(long) == 40 * COIN:
                break
            floor.close(long)
        floor.trade(short, -40 * COIN)
        floor.price = fall_to
        floor.hear()
        for _ in range(20):
            if floor.has_own_price:
                floor.trade(floor.honest, -40 * COIN, 0)
            floor.wait(60, 3)
        floor.close(short)
        left = floor.wealth(long)
        return max(0.0, floor.gain() - min(0, left) / USD)

    return attack_on


def pushed_funding(design: str) -> float:
    """He is short 100 BTC, and in the last ten minutes before funding is paid buys 50 or 300 BTC a second before each sample that he can
    and sells them after it. What that brings in beyond doing nothing."""

    def one(coins: int) -> float:
        floor = Floor(design)
        holder, pusher = floor.own(), floor.own()
        floor.bench.later(2_980)
        floor.wait()
        floor.trade(holder, -100 * COIN)
        every = floor.exchange.design.markets[BTC].funding.sample_interval_ms * SECOND // 1_000
        end = floor.bench.now + 600 * SECOND
        while floor.bench.now < end:
            sample = ((floor.bench.now + 3 * SECOND) // every + 1) * every
            floor.bench.now = sample - 3 * SECOND
            floor.hear()
            floor.send(pusher, coins * COIN)
            floor.wait(2)
            floor.bench.now = sample + SECOND // 2
            floor.hear()
            floor.close(pusher)
        floor.wait(40)
        return floor.gain()

    base = one(0)
    return best(one(coins) - base for coins in (50, 300))


ATTACKS: Final[dict[str, Callable[[str], float]]] = {
    "trades against a pool of his own": own_fees,
    "shares bought and sold around a move of his own": own_move,
    "an honest order, known before its turn: trades around it": sandwich,
    "the same: liquidity around it": just_in_time,
    "the oracle is late by a second and 1 %: trades": late_oracle,
    "the same, by 5 %: liquidity leaves": provider_leaves,
    "the curve pushed, and met again at his own quote": own_quote,
    "small oracle moves, there and back": pushed_peg,
    "a hundred tiny payments and trades": crumbs,
    "long and short, left behind in a gap of 4 %": walked_away(96_000),
    "the same in a gap of 20 %": walked_away(80_000),
    "the curve pushed at samples of funding": pushed_funding,
}


def in_thousands(gain: float) -> str:
    return f"{round(gain / 1e3, 1) + 0.0:.1f}"


def table(designs: Sequence[str] = DESIGNS) -> str:
    """Gains in thousands of USD, one row per attack and one column per design."""
    rows = [f"| gain [k USD] | {' | '.join(f'`{design}`' for design in designs)} |", "| --- |" + " ---: |" * len(designs)]
    for name, attack in ATTACKS.items():
        rows.append(f"| {name} | {' | '.join(in_thousands(attack(design)) for design in designs)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())
