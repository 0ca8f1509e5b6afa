"""When and in which order commands about orders are carried out: rules, and what a rule is told of a command.

`continuous`, the base: each as it comes. `blocks`: together, at multiples of an interval, in an order of the rule's. `batch_auction`: the
same, and all new orders of a block meet at one price (batch.py). `dutch_auction`: an order that would take is auctioned first
(taker_auctions.py). `request_execute`: a command waits for the first oracle price from its time on (sequencer.py). How the commands are
kept meanwhile is in state/pending.py.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from ..state.hashing import hash64

ARRIVAL: Final[i64] = 0  # orders of a block
CANCELS_FIRST: Final[i64] = 1
HASH: Final[i64] = 2
PRIORITY_FEE: Final[i64] = 3

PASSIVE: Final[i64] = 0  # classes of commands
CANCEL: Final[i64] = 1
AGGRESSIVE: Final[i64] = 2


class WaitingCommand:
    """What a rule is told of a command when its block has come."""

    def __init__(self, ticket: i64, kind: i64, account: i64, market: i64, group: i64, fee: i64) -> None:
        self.ticket: i64 = ticket  # numbers commands in the order in which they came
        self.kind: i64 = kind  # a CommandKind
        self.account: i64 = account
        self.market: i64 = market  # number, -1: several
        self.group: i64 = group  # 0: cannot trade (post-only orders, liquidity), 1: takes orders back, 2: may trade
        self.fee: i64 = fee  # [micro] that it offers for an earlier place


@mypyc_attr(allow_interpreted_subclasses=True)
class Sequencing:
    """The base carries out every command as it comes; with an interval [ns], in blocks at its multiples. A rule of one's own subclasses
    this, hands the interval of its blocks to `__init__`, and ranks their commands."""

    def __init__(self, interval: i64 = 0, sells_places: bool = False) -> None:
        self.interval: i64 = interval  # [ns] of blocks; 0: none
        self.sells_places: bool = sells_places  # are priority fees paid?

    def rank(self, command: WaitingCommand, block: i64) -> int:
        """Of the commands of block number `block` (its time / interval), the lowest come first; ties in the order of their coming."""
        return 0


class Blocks(Sequencing):
    """Commands are carried out in blocks, each in the order that the design says.

    `cancels_first` is Hyperliquid's (docs, order book, "block order"): first what sends no GTC or IOC order, post-only ones included,
    then cancels, then the others; an amendment counts as its new order does.
    """

    def __init__(self, interval: i64, order: i64, seed: i64) -> None:
        super().__init__(interval, order == PRIORITY_FEE)
        self.order: i64 = order
        self.seed: i64 = seed

    def rank(self, command: WaitingCommand, block: i64) -> int:
        if self.order == CANCELS_FIRST:
            return int(command.group)
        if self.order == HASH:
            return hash64(self.seed, block, command.ticket)
        return -int(command.fee) if self.order == PRIORITY_FEE else 0


class BatchAuction(Sequencing):
    """Blocks whose new orders trade at one price: first cancels, then what cannot trade and amendments, then new orders."""

    def rank(self, command: WaitingCommand, block: i64) -> int:
        return 0 if command.group == CANCEL else 1 if command.group == PASSIVE else 2


class TakerAuction(Sequencing):
    """An order that would take is auctioned first, as Drift does (protocol-v2, math/auction.rs)."""

    def __init__(self, duration: i64, step: i64, fraction: i64) -> None:
        super().__init__()
        self.duration: i64 = duration  # [ns]
        self.step: i64 = step  # [ns]
        self.fraction: i64 = fraction  # 1 / of the price: how far the limit goes


class RequestExecute(Sequencing):
    """Commands are requests: each is carried out at the first oracle price from `delay` on, or gone after `expiry` (GMX, Synthetix)."""

    def __init__(self, delay: i64, expiry: i64) -> None:
        super().__init__()
        self.delay: i64 = delay  # [ns]
        self.expiry: i64 = expiry  # [ns] after it came


class Latencies:
    """How much later than it came a command is due [ns], by its class."""

    def __init__(self, taker: i64, retail_taker: i64, maker: i64, cancel: i64) -> None:
        self.taker: i64 = taker
        self.retail_taker: i64 = retail_taker
        self.maker: i64 = maker
        self.cancel: i64 = cancel

    @property
    def any(self) -> bool:
        return self.taker + self.retail_taker + self.maker + self.cancel > 0
