"""The world around a sandbox: outside prices, an oracle, and a house that keeps the books alive. It is carried by a server, not by a run.

Rules: everything is drawn from (seed, market, second), so that what happens depends on the venue's time alone and not on how often anyone
looks. What the house does are commands like anyone's, journaled with all others: a replay needs no world. A house that has lost half of its
money, or of its coins, is topped up, by a Deposit.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
from msgspec import Meta, Struct

from perplab.clients.bots.base import Ints, Seat, pack_many
from perplab.exchange import Exchange, VenueDesign
from perplab.exchange.codes import FIRST_USER
from perplab.exchange.design.reader import DesignError, convert, read_toml
from perplab.exchange.design.structs import SequencingDesign
from perplab.exchange.messages import (
    AccountKind,
    AddLiquidity,
    Cancel,
    CancelAll,
    Command,
    Deposit,
    OpenAccount,
    Place,
    RemoveLiquidity,
    Side,
    TimeInForce,
    UpdateOracle,
    column_of,
    command_row,
)
from perplab.exchange.units import BP, MICRO, MS_NS, PPM, SECOND_NS
from perplab.oracle.keyed import generator

FOLDER: Final = Path(__file__).parent / "worlds"
MINUTES: Final = 4  # of an outside price: now and, for an oracle that is late, then
HOUSE: Final = -1  # the owner of the house's accounts: no user has it

Positive = Annotated[float, Meta(gt=0, le=1e12)]
Basis = Annotated[float, Meta(gt=0, le=5_000)]
Milliseconds = Annotated[int, Meta(ge=10, le=3_600_000)]


class WorldError(DesignError):
    """A world file is wrong; the text is meant for the user."""


class MarketWorld(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    price_usd: Annotated[float, Meta(ge=0, le=1e12)] = 0.0
    volatility_bp: Annotated[float, Meta(ge=0, le=5_000)] = 0.0  # [bp per square root of a second]
    follows: str = ""  # a market of the same world, whose outside price this one has: then it has no price and volatility of its own
    levels: Annotated[int, Meta(ge=1, le=100)] = 20
    nearest_bp: Basis = 0.5
    farthest_bp: Basis = 50.0
    depth_usd: Positive = 1_000_000.0  # of each maker and side
    takers_per_s: Annotated[float, Meta(ge=0, le=50)] = 1.0
    taker_usd: Positive = 2_000.0  # median of an order


class OracleWorld(Struct, frozen=True, forbid_unknown_fields=True):
    interval_ms: Milliseconds = 3_000
    noise_bp: Annotated[float, Meta(ge=0, le=1_000)] = 0.0


class House(Struct, frozen=True, forbid_unknown_fields=True):
    makers: Annotated[int, Meta(ge=0, le=20)] = 2
    maker_usd: Positive = 5_000_000.0
    taker_usd: Positive = 20_000_000.0
    coins_usd: Positive = 5_000_000.0  # in coins of each spot market, that each of the house begins with besides
    interval_ms: Milliseconds = 500


class WorldDesign(Struct, frozen=True, forbid_unknown_fields=True):
    markets: Annotated[tuple[MarketWorld, ...], Meta(min_length=1, max_length=64)]
    oracle: OracleWorld = OracleWorld()
    house: House = House()


def load_world(name: str) -> WorldDesign:
    """A shipped world by name, or a TOML file. Raises WorldError."""
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.exists():
        known = ", ".join(sorted(one.stem for one in FOLDER.glob("*.toml")))
        raise WorldError(f"{name}: there is no such world; known are {known}, and TOML files")
    try:
        return checked(convert(read_toml(path), WorldDesign, path.name), path.name)
    except DesignError as error:
        raise WorldError(str(error)) from None


def checked(world: WorldDesign, file: str) -> WorldDesign:
    """Raises WorldError where it is not known what the price of a market is."""
    own = {market.name for market in world.markets if not market.follows}
    for market in world.markets:
        if market.follows and (market.follows not in own or market.price_usd or market.volatility_bp):
            known = ", ".join(sorted(own))
            wanted = f"expected one of {known}, and no price_usd or volatility_bp beside it"
            raise WorldError(f"{file}: the market {market.name!r} follows {market.follows!r}: {wanted}")
        if not market.follows and not (market.price_usd and market.volatility_bp):
            raise WorldError(f"{file}: the market {market.name!r} needs price_usd and volatility_bp above 0, or the market that it follows")
    return world


def fitting_world(venue: VenueDesign) -> str:
    """The shipped world for a venue: of those of which it has all markets, the one with the most. Raises WorldError if there is none."""
    fits = {path.stem: load_world(path.stem) for path in sorted(FOLDER.glob("*.toml"))}
    fits = {name: world for name, world in fits.items() if not missing(world, venue)}
    if not fits:
        held = ", ".join(market.name for market in venue.markets)
        raise WorldError(
            f"no shipped world fits the venue {venue.name}, which has {held}: say --world FILE with one of its own, or --world none"
        )
    return max(fits, key=lambda name: len(fits[name].markets))


def missing(world: WorldDesign, venue: VenueDesign) -> list[str]:
    """The markets of a world that a venue does not have."""
    known = {market.name for market in venue.markets}
    return [market.name for market in world.markets if market.name not in known]


def misfit(name: str, lacks: str, venue: VenueDesign) -> WorldError:
    """Says which world does not fit, and which would."""
    try:
        instead = f"--world {fitting_world(venue)} fits it"
    except WorldError:
        instead = "say --world FILE with one of its own, or --world none"
    held = ", ".join(market.name for market in venue.markets)
    has_not = f"the world {name} is for a market {lacks!r}; the venue {venue.name} has no market {lacks!r}, it has {held}"
    return WorldError(f"{has_not}; {instead}")


class Price:
    """An outside price: a random walk, drawn a minute at a time, straight between two seconds. Of the past, ends of minutes are kept."""

    def __init__(self, seed: int, market: MarketWorld, start: int) -> None:
        self.seed, self.market, self.start = seed, market, start
        self._ends = array("d", [math.log(market.price_usd)])  # log price where each minute begins
        self._drawn: dict[int, np.ndarray] = {}  # the minutes that were looked at last: log price at every second, and at the end

    def at(self, ts: int) -> float:
        """[USD]"""
        minute, second = divmod(max(0, ts - self.start) / SECOND_NS, 60.0)
        logs = self._minute(int(minute))
        below = int(second)
        return math.exp(float(logs[below]) + (second - below) * float(logs[below + 1] - logs[below]))

    def _minute(self, number: int) -> np.ndarray:
        if number not in self._drawn:
            while len(self._ends) <= number:
                self._ends.append(float(self._walk(len(self._ends) - 1)[-1]))
            if len(self._drawn) == MINUTES:
                del self._drawn[next(iter(self._drawn))]
            self._drawn[number] = self._walk(number)
        return self._drawn[number]

    def _walk(self, number: int) -> np.ndarray:
        draws = generator(self.seed, "world", self.market.name, number).standard_normal(60)
        walk: np.ndarray = self._ends[number] + np.concatenate([[0.0], np.cumsum(draws * self.market.volatility_bp * BP)])
        return walk


class World:
    """Carried by a server: `next` says when it wants to act, `act` what it does then. Times are the venue's, in ns."""

    def __init__(self, design: WorldDesign, venue: Exchange, seed: int, start: int, name: str = "given") -> None:
        """`name`: of the world, for the message if it does not fit. Raises WorldError."""
        known = {market.name: number for number, market in enumerate(venue.design.markets)}
        if unknown := missing(design, venue.design):
            raise misfit(name, unknown[0], venue.design)
        self.design, self.venue, self.seed = design, venue, seed
        own = {market.name: Price(seed, market, start) for market in design.markets if not market.follows}
        self.markets = [(known[market.name], market, own[market.follows or market.name]) for market in design.markets]
        self.coins = dict(self._coins())
        self.ticks = {number: float(venue.design.markets[number].tick) for number, _, _ in self.markets}
        self.highest = {number: float(venue.design.markets[number].max_price) / self.ticks[number] for number, _, _ in self.markets}
        curves = {number: venue.design.markets[number].curve for number, _, _ in self.markets}
        self.bookless = {number for number, curve in curves.items() if curve.rule != "none" and curve.role == "separate"}
        self.waits = venue.design.sequencing != SequencingDesign()
        self.levels = max(1, venue.design.max_open_orders // (2 * len(self.markets)))  # of a maker and side, that the venue lets rest
        self.interval = design.house.interval_ms * MS_NS
        self.oracle_ns = design.oracle.interval_ms * MS_NS
        self.start = self.next = start
        self.turn = 0  # of the makers
        self.lag = 0  # [ns] how late the venue hears of the outside price
        self.is_frozen = False  # the venue hears nothing
        self.has_makers = self.has_takers = True
        self.shift = {number: 1.0 for number, _, _ in self.markets}  # of the outside price, by shocks
        self.basis = 1.0  # what makers quote around, over the outside price
        self._leaving = False  # quotes are still to be cancelled
        self._startled: list[int] = []  # markets of a shock, whose old quotes go before anything else happens
        self.makers: list[int] = []
        self.taker = -1

    def _coins(self) -> Iterator[tuple[int, tuple[int, int]]]:
        """Of each spot market: the asset that is traded in it, and how much of that each of the house begins with [micro]."""
        design = self.venue.design
        for number, _, price in self.markets:
            if design.markets[number].is_spot:
                amount = int(self.design.house.coins_usd / price.market.price_usd * MICRO)
                yield number, (design.assets.index(design.markets[number].base_asset), amount)

    def open(self) -> list[Command]:
        """The house's accounts, to be opened before anything else."""
        house = self.design.house
        accounts = self.venue.state.accounts
        known = [account for account in range(FIRST_USER, accounts.count) if accounts.owner[account] == HOUSE]
        if known:  # of a venue that goes on
            *self.makers, self.taker = known
            return []
        first = int(accounts.count)
        self.makers = list(range(first, first + house.makers))
        self.taker = first + house.makers
        capital = {**dict.fromkeys(self.makers, house.maker_usd), self.taker: house.taker_usd}
        kinds = [AccountKind.MAKER] * house.makers + [AccountKind.TRADER]
        opened: list[Command] = [OpenAccount(0, kind, HOUSE) for kind in kinds]
        opened += [Deposit(0, account, 0, int(usd * MICRO)) for account, usd in capital.items()]
        return opened + [Deposit(0, account, *coins) for account in capital for coins in self.coins.values()]

    def act(self, ts: int) -> Ints:
        """What happens at `ts`, as packed commands, flat; `next` moves on."""
        self.next = ts + self.interval
        rows = [self._cancels(maker, number) for number in self._startled if number not in self.bookless for maker in self.makers]
        self._startled = []
        if not self.is_frozen and (ts - self.start) % self.oracle_ns < self.interval:
            rows.append(self._oracles(ts))
        for number, market, price in self.markets:
            if self.has_makers:
                rows += self._liquidity(number, market) if number in self.bookless else []
                rows += self._quotes(number, market, self._ticks(number, price, ts) * self.basis) if number not in self.bookless else []
            if self.has_takers:
                rows.append(self._takers(number, market, self._ticks(number, price, ts), ts))
        if self._leaving:
            rows.append(_rows(*(CancelAll(0, maker, -1) for maker in self.makers)))
            rows += [self._withdrawal(maker) for maker in self.makers]
            self._leaving = False
        self.turn += 1
        rows.append(self._top_ups())
        return np.concatenate(rows).reshape(-1)

    def change(self, ts: int, changes: dict[str, Any]) -> dict[str, Any]:
        """Change what happens, from `ts` on; what is None stays. Returns all of it. A shock or a departure is carried out at once: makers
        hear of a shock first, and take back what they quote in its markets before the venue hears of it.
        Raises ValueError, and changes nothing, where a shock would take a price out of what its market can have."""
        shift = dict(self.shift) if changes["shock_ppm"] is None else self._shocked(ts, changes["shock_ppm"], changes["market"])
        if changes["oracle"] is not None:
            self.is_frozen = changes["oracle"] == "frozen"
        if changes["lag_ms"] is not None:
            self.lag = changes["lag_ms"] * MS_NS
        self._startled = sorted({*self._startled, *(number for number, value in shift.items() if value != self.shift[number])})
        self.shift = shift
        if changes["basis_ppm"] is not None:
            self.basis = 1.0 + changes["basis_ppm"] / PPM
        if changes["makers"] is not None:
            self._leaving = self.has_makers and changes["makers"] == "gone"
            self.has_makers = changes["makers"] == "stay"
        if changes["takers"] is not None:
            self.has_takers = changes["takers"] == "stay"
        if any(value is not None for value in changes.values()):  # a question alone changes nothing
            self.next = ts
        return {
            "oracle": "frozen" if self.is_frozen else "runs",
            "lag_ms": self.lag // MS_NS,
            "basis_ppm": round((self.basis - 1.0) * PPM),
            "makers": "stay" if self.has_makers else "gone",
            "takers": "stay" if self.has_takers else "gone",
            "prices_usd": {market.name: round(price.at(ts) * self.shift[number], 6) for number, market, price in self.markets},
        }

    def _shocked(self, ts: int, ppm: int, only: int | None) -> dict[int, float]:
        """The shifts behind a shock. Raises ValueError."""
        shift = dict(self.shift)
        for number, market, price in self.markets:
            if only in (None, number):
                shift[number] *= 1.0 + ppm / PPM
                usd, terms = price.at(ts) * shift[number], self.venue.design.markets[number]
                if not terms.tick <= usd <= terms.max_price:
                    beyond = f"a shock of {ppm} ppm would take {market.name} to {usd:g} USD"
                    raise ValueError(f"{beyond}; its market has prices from {terms.tick} to {terms.max_price}")
        return shift

    def _ticks(self, number: int, price: Price, ts: int) -> float:
        """The outside price [ticks], within what the market can have: it may walk out of it."""
        return min(max(price.at(ts) * self.shift[number] / self.ticks[number], 1.0), self.highest[number])

    def state(self) -> dict[str, Any]:
        """What of the world is not drawn from the time: to be kept."""
        return {
            "next": self.next, "turn": self.turn, "lag": self.lag, "is_frozen": self.is_frozen, "has_makers": self.has_makers,
            "has_takers": self.has_takers, "shift": list(self.shift.items()), "basis": self.basis, "leaving": self._leaving,
            "startled": self._startled,
        }  # fmt: skip

    def go_back(self, venue: Exchange, ts: int, state: dict[str, Any] | None) -> None:
        """Go on at `ts` around a venue in an earlier state, as the world was then; None: there was none, and `open` begins it."""
        fresh = World(self.design, venue, self.seed, self.start).state()
        self.venue = venue
        self.set_state({**fresh, "next": ts} if state is None else state)

    def set_state(self, state: dict[str, Any]) -> None:
        """What `state` has given out."""
        self.next, self.turn, self.lag, self.basis = state["next"], state["turn"], state["lag"], state["basis"]
        self.is_frozen, self.has_makers, self.has_takers = state["is_frozen"], state["has_makers"], state["has_takers"]
        self.shift, self._leaving = dict(state["shift"]), state["leaving"]
        self._startled = list(state.get("startled", ()))

    def _oracles(self, ts: int) -> Ints:
        """The prices of all markets are of one moment: whoever hedges in one what he has in another is looked at when all have come."""
        prices = [self._oracle(number, market, self._ticks(number, price, ts - self.lag), ts) for number, market, price in self.markets]
        rows = np.concatenate(prices)
        rows[:-1, column_of(UpdateOracle, "more")] = 1
        return rows

    def _oracle(self, number: int, market: MarketWorld, outside: float, ts: int) -> Ints:
        noise = generator(self.seed, "oracle", market.name, ts // MS_NS).standard_normal() * self.design.oracle.noise_bp * BP
        reported = min(max(1, round(outside * (1.0 + noise))), int(self.highest[number]))
        return _rows(UpdateOracle(0, number, reported, reported))

    def _quotes(self, number: int, market: MarketWorld, outside: float) -> list[Ints]:
        """The maker whose turn it is, in this market: its quotes anew, leant against what it holds."""
        if not self.makers:
            return []
        maker = self.makers[self.turn % len(self.makers)]
        if self.waits and self.venue.pending(maker):  # its last quotes still wait for their turn
            return []
        seat = Seat(maker, number, self.venue.design.markets[number].unit)
        held = seat.notional(self._held(maker, number), outside) / MICRO
        lean = max(-1.0, min(1.0, held / market.depth_usd))
        levels = min(market.levels, self.levels)
        offsets = np.geomspace(market.nearest_bp, market.farthest_bp, levels) * BP
        fair = outside * (1.0 - lean * market.nearest_bp * 2.0 * BP)
        prices = np.concatenate([fair * (1.0 - offsets), fair * (1.0 + offsets)])
        shares = offsets / offsets.sum()
        room = np.array([1.0 - max(0.0, lean), 1.0 + min(0.0, lean)])
        usd = market.depth_usd * np.concatenate([shares * room[0], shares * room[1]])
        lots = (usd * MICRO / (prices * seat.unit)).astype(np.int64)
        sides = np.repeat(np.array([int(Side.BUY), int(Side.SELL)], dtype=np.int64), levels)
        ticks = self._rounded(number, prices, sides)
        wanted = (lots > 0) & (ticks > 0)
        quotes = pack_many(
            Place, int(wanted.sum()), account=maker, market=number, side=sides[wanted], price=ticks[wanted], size=lots[wanted],
            tif=int(TimeInForce.POST_ONLY),
        )  # fmt: skip
        return [self._cancels(maker, number), quotes]

    def _held(self, maker: int, number: int) -> int:
        """What a maker has taken on in a market [lots]: its position, or the coins that it has more, or less, than at first."""
        if number not in self.coins:
            return self.venue.position(maker, number).size
        asset, begun = self.coins[number]
        return (self.venue.balance(maker, asset) - begun) // self.venue.design.markets[number].base_lot

    def _cancels(self, maker: int, number: int) -> Ints:
        """Of the maker's quotes in a market: one by one where commands may change their order, since a cancel of all might come behind the
        new ones."""
        if not self.waits:
            return _rows(CancelAll(0, maker, number))
        resting = [order.order_id for order in self.venue.open_orders(maker) if order.market == number]
        return pack_many(Cancel, len(resting), account=maker, order_id=np.array(resting, dtype=np.int64))

    def _liquidity(self, number: int, market: MarketWorld) -> list[Ints]:
        """The maker whose turn it is, in a market that has only a curve: what it would quote goes into the pool instead, once. A pool that
        takes none, since it is virtual or has ranges, is left alone."""
        if not self.makers or self.venue.design.markets[number].curve.capital == 0:
            return []
        maker = self.makers[self.turn % len(self.makers)]
        if self.venue.liquidity(maker, number).shares or self.venue.pending(maker) or not self.venue.mark_price(number):
            return []
        return [_rows(AddLiquidity(0, maker, number, int(market.depth_usd * MICRO)))]

    def _withdrawal(self, maker: int) -> Ints:
        """What a maker has in pools, taken back."""
        held = [self.venue.liquidity(maker, number) for number in sorted(self.bookless)]
        rows = [RemoveLiquidity(0, maker, one.market, one.shares) for one in held if one.shares]
        return _rows(*rows) if rows else np.zeros((0, 16), dtype=np.int64)

    def _rounded(self, number: int, prices: np.ndarray, sides: Ints) -> Ints:
        """Whole ticks of as many significant figures as the market takes, away from the other side."""
        figures = self.venue.design.markets[number].significant_figures
        step = 10.0 ** np.maximum(0.0, np.floor(np.log10(np.maximum(prices, 1.0))) + 1 - figures) if figures else np.ones_like(prices)
        ticks: Ints = (np.where(sides == Side.BUY, np.floor(prices / step), np.ceil(prices / step)) * step).astype(np.int64)
        return ticks

    def _takers(self, number: int, market: MarketWorld, outside: float, ts: int) -> Ints:
        """Market orders of this interval: a Poisson number, sides at random, sizes with a heavy tail."""
        draws = generator(self.seed, "takers", market.name, ts // MS_NS)
        count = int(draws.poisson(market.takers_per_s * self.interval / SECOND_NS))
        sides = draws.integers(0, 2, count)
        usd = market.taker_usd * np.exp(draws.standard_normal(count) * 1.2)
        unit = self.venue.design.markets[number].unit
        lots = np.maximum(1, (usd * MICRO / (outside * unit)).astype(np.int64))
        return pack_many(
            Place, count, account=self.taker, market=number, side=sides, price=0, size=lots, order_type=1, tif=int(TimeInForce.IOC)
        )

    def _top_ups(self) -> Ints:
        """Deposits for those of the house who have lost half of their money."""
        house = self.design.house
        rows = [np.zeros((0, 16), dtype=np.int64)]
        for account in [*self.makers, self.taker]:
            capital = int((house.taker_usd if account == self.taker else house.maker_usd) * MICRO)
            worth = self.venue.equity(account)
            if self.coins:  # which count as margin perhaps, and buy nothing
                worth = min(worth, self.venue.balance(account))
            if worth < capital // 2:
                rows.append(_rows(Deposit(0, account, 0, capital - worth)))
            rows += [_rows(Deposit(0, account, *short)) for short in self._short(account)]
        return np.concatenate(rows)

    def _short(self, account: int) -> list[tuple[int, int]]:
        """Coins of which less than half is left, and how many are missing [micro]."""
        left = {asset: (self.venue.balance(account, asset), begun) for asset, begun in self.coins.values()}
        return [(asset, begun - has) for asset, (has, begun) in left.items() if has < begun // 2]


def _rows(*commands: Command) -> Ints:
    return np.array([command_row(command) for command in commands], dtype=np.int64)
