"""What the owner of both sides of a trade can gain on a shipped design: attacks as functions of the design, each returning USD.

`python tests/exchange/attacks.py` prints the table of docs/rules.md. The owner's accounts are worth, at the end and at the outside price,
what they were given, plus the gain. Honest bystanders hold 1,000 BTC of each side, so that there is someone to take it from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kit import BTC, SECOND, USD, Bench, usd

from perplab.exchange import compared_venues, load_venue
from perplab.exchange.messages import CancelAll, TakeAuction, UpdateOracle, Withdraw

BUY, SELL = 0, 1
PRICE: Final = 100_000
RICH: Final = 2_000_000_000


class Attack:
    """A venue with bystanders and the accounts of one owner, who trades 500 BTC, 50 M USD, with himself."""

    def __init__(self, design: str, capital: int | None = None) -> None:
        purse = {} if capital is None else {"insurance_fund": {"capital": capital}, "vault": {"capital": capital}}
        self.bench = Bench(load_venue(design, purse))
        self.price = PRICE
        self.paid_in = self.taken_out = 0
        honest = [self.bench.open(RICH), self.bench.open(RICH)]
        self.owned: list[int] = []
        self.hear()
        self.bench.block(*honest, 1_000, PRICE)

    def hear(self) -> None:
        """The oracle's price, and outside perpetuals at the same."""
        self.bench.send(UpdateOracle, BTC, self.price, self.price)

    def own(self, amount: int) -> int:
        account = self.bench.open(amount)
        self.owned.append(account)
        self.paid_in += usd(amount)
        return account

    def withdraw(self, account: int) -> None:
        """All that the venue lets go."""
        free = self.bench.exchange.free_margin(account)
        if free > 0 and type(self.bench.send(Withdraw, account, 0, free)[-1]).__name__ == "Withdrawn":
            self.taken_out += free

    def wait(self, seconds: int) -> None:
        """The oracle keeps reporting the price."""
        for _ in range(seconds // 3):
            self.bench.now += 3 * SECOND
            self.hear()

    def gain(self) -> float:
        """What the owner has now, at the outside price, beyond what he put in. [USD]"""
        exchange = self.bench.exchange
        equity = sum(exchange.equity(account) for account in self.owned)
        off = (self.price - exchange.mark_price(BTC)) * exchange.state.markets[BTC].unit
        equity += sum(exchange.position(account, BTC).size * off for account in self.owned)
        return (equity + self.taken_out - self.paid_in) / USD


def hedged(design: str, fall_to: int, bid: int) -> Attack:
    """A long of 500 BTC with 1.3 M behind it against a short with enough, and the owner's bid for all of it; then the price falls."""
    attack = Attack(design)
    long, short, bidder = attack.own(1_300_000), attack.own(30_000_000), attack.own(60_000_000)
    attack.bench.block(long, short, 500, PRICE)
    attack.bench.place(bidder, BUY, 500, bid)
    attack.price = fall_to
    attack.hear()
    return attack


def own_bid(fall_to: int) -> Callable[[str], float]:
    """The owner bids 0.1, 0.4, 1.2, 2, 5 or 20 % below the new price, whichever pays best, and nobody else does."""

    def attack_on(design: str) -> float:
        gains = [0.0]
        for below in (1, 4, 12, 20, 50, 199):
            attack = hedged(design, fall_to, fall_to - fall_to * below // 1000)
            attack.wait(120)
            gains.append(attack.gain())
        return max(gains)

    return attack_on


def own_auction(fall_to: int) -> Callable[[str], float]:
    """The owner bids for the long in its auction, at the time that pays best; nobody else does."""

    def attack_on(design: str) -> float:
        gains = [0.0]
        for seconds in (0, 15, 29, 45, 59):
            attack = hedged(design, fall_to, 79_500)
            for _ in range(seconds):
                attack.bench.later(1)
            for auction in attack.bench.exchange.auctions():
                attack.bench.send(TakeAuction, attack.owned[2], auction.auction, 1_000_000, -usd(10**9))
                gains.append(attack.gain())
        return max(gains)

    return attack_on


def pushed_mark(design: str) -> float:
    """Nothing falls outside. A far bid, a near ask and a trade of 0.001 BTC, all the owner's, are the only book for ten minutes."""
    attack = Attack(design)
    long, short, bidder, small = attack.own(1_350_000), attack.own(30_000_000), attack.own(60_000_000), attack.own(1_000_000)
    attack.wait(600)
    attack.bench.block(long, short, 500, PRICE)
    attack.bench.place(bidder, BUY, 520, 80_000)
    attack.bench.place(bidder, SELL, "0.001", 100_010)
    attack.bench.place(small, SELL, "0.001", 80_000)
    attack.wait(600)
    attack.bench.send(CancelAll, bidder, BTC)
    return attack.gain()


def dodged_deleveraging(design: str) -> float:
    """No fund, no vault, a fall of 10 %: the winner takes out what it can before it is deleveraged. What it saves by that."""
    kept = []
    for dodge in (False, True):
        attack = Attack(design, 1)
        loser, winner, other = attack.bench.open(2_600_000), attack.own(2_600_000), attack.bench.open(RICH)
        attack.bench.block(loser, winner, 500, PRICE)
        attack.bench.block(attack.bench.open(RICH), other, 500, PRICE)
        attack.price = 90_000
        attack.hear()
        if dodge:
            attack.withdraw(winner)
        attack.wait(90)
        kept.append(attack.gain())
    return kept[1] - kept[0]


ATTACKS: Final[dict[str, Callable[[str], float]]] = {
    "own bid under the own liquidation, fall of 1.4 %": own_bid(98_600),
    "the same in a gap of 4 %": own_bid(96_000),
    "own bid in the own auction, fall of 1.4 %": own_auction(98_600),
    "the same in a gap of 4 %, auction": own_auction(96_000),
    "mark pushed by a far bid and a small trade": pushed_mark,
    "profit taken out before deleveraging": dodged_deleveraging,
}


def in_millions(gain: float) -> str:
    return f"{round(gain / 1e6, 2) + 0.0:.2f}"


def table() -> str:
    """Gains in M USD, one row per attack and one column per design that is compared."""
    designs = sorted(compared_venues())
    rows = [f"| gain [M USD] | {' | '.join(f'`{design}`' for design in designs)} |", "| --- |" + " ---: |" * len(designs)]
    for name, attack in ATTACKS.items():
        rows.append(f"| {name} | {' | '.join(in_millions(attack(design)) for design in designs)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())
