"""What a soak tells: how often each command, event and code came, which rule broke where, and how to see it again."""

from __future__ import annotations

import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from soak_designs import COUNT

from perplab.exchange import messages as m
from perplab.exchange.build import BUILD
from perplab.exchange.codes import CancelReason, Method, Outcome, Payer, Reason

CODED: Final[dict[type[m.Event], tuple[str, type[Reason | CancelReason | Payer | Method | Outcome]]]] = {
    m.Rejected: ("reason", Reason), m.OrderCancelled: ("reason", CancelReason), m.DeficitPaid: ("payer", Payer),
    m.TriggerCancelled: ("reason", CancelReason), m.TwapEnded: ("reason", CancelReason), m.QuoteRefused: ("reason", Reason),
    m.Liquidated: ("method", Method), m.LiquidationEnded: ("outcome", Outcome), m.AuctionEnded: ("outcome", Outcome),
}  # fmt: skip
CODES: Final = (Reason, CancelReason, Payer, Method, Outcome)


class Breach(NamedTuple):
    rule: str
    at: int  # number of the command
    message: str
    tail: list[str]  # the last commands


class Options(NamedTuple):
    seed: int = 1
    length: int = 0  # of every stretch, 0: its own
    until: int = 0  # 0: to its end
    without: tuple[str, ...] = ()
    check_every: int = 1
    journals: str = ""
    against: str = ""


class Result(NamedTuple):
    number: int
    commands: int
    hash: str
    digest: str
    tally: dict[str, int]
    breaches: list[Breach]


def seed_of(options: Options, number: int) -> int:
    return options.seed * 1_000_003 + number


def command_line(options: Options, breach: Breach, number: int) -> str:
    length = f" --length {options.length}" if options.length else ""
    return f"python tests/exchange/soak.py --stretch {number} --seed {options.seed}{length} --until {breach.at + 1}"


def told(options: Options, result: Result) -> Iterator[str]:
    """The lines of a stretch's breaches."""
    for breach in result.breaches:
        yield f"BROKEN {breach.rule}: {breach.message}"
        seed = seed_of(options, result.number)
        yield f"  stretch {result.number} (seed {seed}), design {result.number % COUNT}, command {breach.at}; the last commands:"
        yield from (f"    {text}" for text in breach.tail)
        yield f"  again: {command_line(options, breach, result.number)}"


def never(tally: Counter[str]) -> list[str]:
    """Kinds of events and codes that have not occurred; a backstop of one's own is in no design of the soak."""
    expected = [e.__name__ for e in m.EVENTS]
    expected += [f"{codes.__name__}.{code.name}" for codes in CODES for code in codes if code is not Payer.OTHER]
    return [name for name in expected if not tally[name]]


def commands_told(tally: Counter[str]) -> Iterator[str]:
    """How often each kind of command came, and what became of it."""
    yield f"{'Command':<24}{'sent':>12}{'carried out':>14}{'waits':>12}{'refused':>12}"
    for kind in m.COMMANDS:
        name = kind.__name__
        sent, done, waits, refused = (tally[f"{what}.{name}"] for what in ("Command", "Accepted", "Waits", "Refused"))
        yield f"  {name:<22}{sent:>12,}{done:>14,}{waits:>12,}{refused:>12,}"


def never_done(tally: Counter[str]) -> list[str]:
    """Kinds of commands none of which was carried out when it came: the actor does not draw them, or only what is refused."""
    return [kind.__name__ for kind in m.COMMANDS if not tally[f"Accepted.{kind.__name__}"]]


def table(tally: Counter[str]) -> Iterator[str]:
    """How often each kind of event and each code occurred, in columns."""
    columns = max(1, shutil.get_terminal_size((110, 24)).columns // 36)
    groups = [("Event", [e.__name__ for e in m.EVENTS])]
    groups += [(codes.__name__, [f"{codes.__name__}.{code.name}" for code in codes]) for codes in CODES]
    for title, names in groups:
        yield title
        cells = [f"  {name.split('.')[-1]:<22}{tally[name]:>10,}" for name in names]
        yield from (" ".join(cells[at : at + columns]) for at in range(0, len(cells), columns))


class Progress:
    """A line to stderr every few seconds."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.begun = self.told = time.monotonic()

    def tell(self, done: int, of: int, more: str = "") -> None:
        now = time.monotonic()
        if now - self.told >= 5 or done >= of:
            self.told = now
            print(f"{self.what}: {done:,} of {of:,}{more}, {now - self.begun:.0f} s", file=sys.stderr, flush=True)


def report(options: Options, results: Sequence[Result], complete: bool) -> int:
    """Print what happened; how many things are wrong."""
    tally: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    shown: Counter[str] = Counter()
    for result in results:
        tally.update(result.tally)
        rules.update(breach.rule for breach in result.breaches)
    print("\n".join([*commands_told(tally), *table(tally)]))
    for result in results:
        fresh = [breach for breach in result.breaches if shown[breach.rule] < 2]
        shown.update(breach.rule for breach in fresh)
        print("\n".join(told(options, result._replace(breaches=fresh))), end="\n" if fresh else "")
    designs = len({result.number % COUNT for result in results})
    missing = never_done(tally) if designs == COUNT else []  # each design leaves some out
    missing += never(tally) if complete else []
    if missing:
        print(f"NEVER: {', '.join(missing)}")
    commands = sum(result.commands for result in results)
    print(f"{commands:,} commands in {len(results):,} stretches over {designs} designs, {BUILD} core: ", end="")
    print(", ".join(f"{rule} broken in {count}" for rule, count in rules.most_common()) or "no rule broken")
    return len(rules) + len(missing)
