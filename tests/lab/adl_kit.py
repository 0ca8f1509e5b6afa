"""Venues with a crowd whose losers are deleveraged, as journals: no book, so that a jump of the price closes positions against winners."""

from __future__ import annotations

from pathlib import Path

from perplab.exchange import Exchange, Journal, load_venue
from perplab.exchange.codes import MarginMode
from perplab.exchange.design.structs import VenueDesign
from perplab.exchange.messages import AccountKind, BlockTrade, Command, Deposit, OpenAccount, SetMarginMode, UpdateOracle
from perplab.exchange.units import MICRO, SECOND_NS
from perplab.oracle.keyed import generator

START = 100_000  # [ticks] of 1 USD


def design(rank: str, selection: str, patience_ms: int = 0, **adl: object) -> VenueDesign:
    """Nobody pays but winners, at once or when the book has been tried for so long."""
    terms = {"rank": rank, "selection": selection, "trigger": "negative_equity", **adl}
    changes = {"backstops": ["auto_deleverage"], "auto_deleverage": terms, "liquidation": {"book": {"patience_ms": patience_ms}}}
    return load_venue("book_fund_adl", changes)


class Crowd:
    """`people` accounts who trade with each other as the price wanders, before it jumps."""

    def __init__(self, venue: VenueDesign, people: int, seed: int) -> None:
        self.journal = Journal()
        self.exchange = Exchange(venue, self.journal)
        self.now = 0
        self.dice = generator(seed, "crowd")
        self.people = range(8, 8 + people)
        for account in self.people:
            self.send(OpenAccount(0, AccountKind.TRADER, account))
            self.deposit(account, int(self.dice.integers(2_000, 60_000)))

    def send(self, command: Command) -> None:
        self.exchange.apply(command)

    def deposit(self, account: int, usd: int) -> None:
        self.send(Deposit(self.now, account, 0, usd * MICRO))

    def price(self, ticks: int, market: int = 0) -> None:
        self.now += 3 * SECOND_NS
        self.send(UpdateOracle(self.now, market, ticks))

    def trade(self, buyer: int, seller: int, lots: int, ticks: int, market: int = 0) -> None:
        self.send(BlockTrade(self.now, buyer, seller, market, lots, ticks))

    def two(self) -> list[int]:
        """Two of the people."""
        return [int(one) for one in self.dice.choice(self.people, 2, replace=False)]

    def live(self) -> None:
        """Trades at prices around the start; every third account holds an isolated position."""
        for account in self.people:
            if account % 3 == 0:
                self.send(SetMarginMode(self.now, account, 0, MarginMode.ISOLATED))
        for _ in range(60):
            at = START + int(self.dice.integers(-1_500, 1_500))
            self.price(at)
            self.trade(*self.two(), int(self.dice.integers(20, 800)), at)

    def jump(self, ppm: int) -> None:
        self.price(START * (1_000_000 + ppm) // 1_000_000)

    def written(self, folder: Path) -> Path:
        file = folder / "crowd.journal"
        file.write_bytes(self.journal.bytes())
        return file


def crashed(rank: str, selection: str, seed: int, people: int = 24, ppm: int = -90_000, **adl: object) -> Crowd:
    crowd = Crowd(design(rank, selection, **adl), people, seed)
    crowd.live()
    crowd.jump(ppm)
    return crowd


def crashed_in_three(selection: str, seed: int) -> Crowd:
    """The same in the three markets of the sandbox, all of an account's positions behind each other; each market falls by a tenth."""
    terms = {"rank": "profit_leverage", "selection": selection, "trigger": "negative_equity"}
    steps = {"steps": ["book"], "book": {"patience_ms": 0}}
    crowd = Crowd(load_venue("sandbox", {"backstops": ["auto_deleverage"], "auto_deleverage": terms, "liquidation": steps}), 24, seed)
    starts = (60_000, 30_000, 150_000)  # [ticks]
    for number, start in enumerate(starts):
        crowd.price(start, number)
    for _ in range(80):
        number = int(crowd.dice.integers(len(starts)))
        at = int(starts[number] * (1 + 0.01 * crowd.dice.standard_normal()))
        crowd.price(at, number)
        unit = crowd.exchange.design.markets[number].unit
        crowd.trade(*crowd.two(), int(crowd.dice.uniform(1_000, 40_000)) * MICRO // (at * unit), at, number)
    for number, start in enumerate(starts):
        crowd.price(start * 9 // 10, number)
    return crowd
