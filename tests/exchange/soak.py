"""Soak fuzz of the venue: many short lives of many designs, and after each command everything that must hold.

    python tests/exchange/soak.py --commands 1000000 --jobs 2          # `make soak` does this, and compares the builds
    python tests/exchange/soak.py --stretch 17 --until 345             # one stretch, up to the command that failed
    python tests/exchange/soak.py --stretch 17 --shrink debt           # the fewest commands and options that break a rule
    python tests/exchange/soak.py --list                               # the rules: whose loss each one guards

A stretch is a fresh venue of design `number % COUNT` and some hundred commands, drawn from the seed and its number. The first breach of a
rule is reported, and the stretch goes on without that rule; a raise or a failed check() ends it. `--journals DIR` keeps what each stretch
did; `--replay DIR` runs it again, in bulk, on the build at hand: state and events must be the same to the last bit.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from typing import Final

import soak_curves  # noqa: F401 - registers its rules
import soak_rules_money  # noqa: F401 - registers its rules
from exact_margin import Margin, Terms
from soak_actor import Actor
from soak_designs import COUNT, Draw, design, is_huge
from soak_report import CODED, Breach, Options, Progress, Result, report, seed_of
from soak_rules import ABOUT, EVENT_RULES, STEP_RULES, Snapshot, Step
from soak_tape import Tape
from waiting_books import WaitingBooks

from perplab.exchange import Exchange, Journal, Malformed, VenueDesign, replay
from perplab.exchange import messages as m
from perplab.exchange.build import BUILD
from perplab.exchange.design.venue import venue_of_json
from perplab.exchange.events import event_of_row
from perplab.exchange.journal import records, rows_of
from perplab.exchange.state.types import FIRST_USER, ROW

WIDTH: Final = int(ROW)
LENGTHS: Final = (400, 600, 800, 1_000, 1_200, 1_600, 2_000)
BLOCK: Final = 64  # rows of a journal's block, and so of a bulk call of its replay
TWINS: Final = 4  # every so many stretches a second venue gets a Tick for every command that the first one refused
MEMORY: Final = 3 << 30  # bytes of a process
COMPARE: Final = 10  # commands from one comparison with the books of the events to the next
SAMPLE: Final = 25  # refusals from one comparison with the twin to the next

try:
    import resource
except ImportError:  # not on every system
    resource = None  # type: ignore[assignment]


class Dead(Exception):
    """The venue is beyond use: a raise, or a failed check."""


class World:
    """A venue under test."""

    def __init__(self, venue: VenueDesign, without: Iterable[str] = (), twin: bool = False, check_every: int = 1) -> None:
        self.journal = Journal(block_rows=BLOCK)
        self.exchange = Exchange(venue, self.journal, 2, 8)  # small tables, so that they grow
        terms = [Terms(venue, number) for number in range(len(venue.markets))]
        oracles = [(market.oracle.stale_after_ms * 10**6, market.oracle.on_stale) for market in venue.markets]
        tape = Tape(terms, oracles, [market.curve.stale_after_ms * 10**6 for market in venue.markets])
        self.x = Step(self.exchange, tape, Margin(self.exchange, terms))
        self.muted = set(without)
        self.x.waits = makes_wait(venue)
        self.books = WaitingBooks(venue)
        self.twin = Exchange(venue) if twin else None
        self.check_every = check_every
        self.refusals = 0
        self.rows: list[list[int]] = []
        self.breaches: list[Breach] = []
        self.digest = hashlib.sha256()
        self.tally: Counter[str] = Counter()
        self.accounts = int(FIRST_USER)
        self.x.after = self.snapshot()

    def snapshot(self) -> Snapshot:
        return Snapshot(self.exchange, self.x.margin, self.accounts)

    def breach(self, rule: str, message: str) -> None:
        if rule not in self.muted:
            self.muted.add(rule)
            tail = [repr(m.command_of_row(row)) for row in self.rows[-12:]]
            self.breaches.append(Breach(rule, len(self.rows) - 1, message, tail))

    def do(self, row: list[int]) -> None:
        """One packed command, and everything that must hold after it. Raises Dead."""
        x = self.x
        x.command = m.command_of_row(row)
        x.ts = self.exchange.now
        x.alone = x.command.ts == x.ts
        x.before = x.after
        x.resting = len(x.tape.orders)
        x.spare = {}
        self.rows.append(row)
        if isinstance(x.command, m.TakeAuction):
            self.look_at_auctions()
        elif isinstance(x.command, m.Place | m.Amend):
            self.look_at_margin()
        try:
            packed = self.exchange.apply_rows(row)
        except Malformed:
            raise  # the sender's fault, not the venue's
        except Exception as error:
            self.breach("raised", f"{type(error).__name__}: {error}")
            raise Dead from error
        self.digest.update(bytes(memoryview(packed)))
        x.events = [event_of_row([int(value) for value in packed[at : at + WIDTH]]) for at in range(0, len(packed), WIDTH)]
        own = x.events[-1:] if x.waits else x.events  # where commands wait, others may have been refused ahead of this one
        x.refused = any(isinstance(e, m.Rejected) and e.command == x.command.KIND for e in own)  # and not an order of a ladder
        self.count()
        self.follow()
        if len(self.rows) % self.check_every == 0:
            self.check()
        if len(self.rows) % COMPARE == 0:
            self.keep_books(None)
        x.after = self.snapshot()
        for name, rule in STEP_RULES.items():
            if name not in self.muted:
                self.breach_if(name, rule(x))
        if self.twin is not None:
            self.lead_twin(row)

    def breach_if(self, rule: str, message: str) -> None:
        if message:
            self.breach(rule, message)

    def follow(self) -> None:
        """Event rules, the tape and the tally, event by event."""
        tape = self.x.tape
        tape.sizes = {key: p.size for key, p in self.x.before.positions.items()}
        for e in self.x.events:
            kind = type(e)
            for name, rule in EVENT_RULES.get(kind, ()):
                if name not in self.muted:
                    self.breach_if(name, rule(tape, e))
            tape.see(e)
            self.keep_books(e)
            self.tally[kind.__name__] += 1
            coded = CODED.get(kind)
            if coded is not None:
                self.tally[f"{coded[1].__name__}.{coded[1](getattr(e, coded[0])).name}"] += 1
            if kind is m.AccountOpened:
                self.accounts += 1

    def count(self) -> None:
        """What became of the command: carried out, refused, or told to wait for its turn."""
        kind = type(self.x.command).__name__
        waits = self.x.of(m.CommandQueued) and not self.x.refused
        self.tally[f"Command.{kind}"] += 1
        self.tally[f"{'Refused' if self.x.refused else 'Waits' if waits else 'Accepted'}.{kind}"] += 1

    def keep_books(self, e: m.Event | None) -> None:
        """Write down an event, or compare (None)."""
        if "told" in self.muted:
            return
        try:
            if e is not None:
                self.books.see(e)
            else:
                self.books.compare(self.exchange, self.accounts)
        except (AssertionError, KeyError) as error:
            self.breach("told", f"{type(error).__name__}: {error}")

    def check(self) -> None:
        try:
            self.exchange.check()
        except AssertionError as error:
            self.breach("check", str(error))
            raise Dead from error

    def look_at_auctions(self) -> None:
        """Which accounts are below maintenance ahead of a bid."""
        x = self.x
        x.below = {}
        for account, market in x.tape.liquidating:
            if market >= 0:
                p = x.before.positions[account, market]
                x.below[account, market] = x.margin.isolated_equity(p) < x.margin.row_maintenance(p)
            else:
                for asset in range(len(self.exchange.design.assets)):
                    maintenance = self.exchange.maintenance_margin(account, asset)
                    x.below[account, -1 - asset] = self.exchange.equity(account, asset) < maintenance

    def look_at_margin(self) -> None:
        """The sender's free margin ahead of an order."""
        c, x = self.x.command, self.x
        market = c.market if isinstance(c, m.Place) else x.tape.orders.get(c.order_id, [0, 0])[1]
        if c.account < self.accounts and market < len(x.terms):
            x.free = self.exchange.available_margin(c.account, x.terms[market].asset)
            if x.terms[market].is_spot:
                equity, initial = self.exchange.equity, self.exchange.initial_margin
                each = [(a, asset) for a in x.before.holders for asset in range(len(x.before.cash))]
                x.spare = {one: equity(*one) - initial(*one) for one in each}

    def lead_twin(self, row: list[int]) -> None:
        assert self.twin is not None
        free = self.x.refused and not self.x.of(m.GasPaid)  # else it has cost something
        self.twin.apply_rows(m.command_row(m.Tick(self.x.command.ts)) if free else row)
        self.refusals += free
        if free and self.refusals % SAMPLE == 0:
            self.compare_twin()

    def compare_twin(self) -> None:
        if self.twin is not None and self.twin.state_hash() != self.exchange.state_hash():
            self.breach("no_trace", f"one of the last {SAMPLE} refusals has changed the state")

    def knock(self, row: list[int]) -> None:
        """The door refuses a packed command: nothing happens."""
        hashed = self.exchange.state_hash()
        try:
            self.exchange.apply_rows(row)
        except Malformed:
            if self.exchange.state_hash() != hashed:
                self.breach("door", f"{row} left a trace")
        else:
            self.breach("door", f"the door let {row} in")
            raise Dead

    def finish(self, again: bool) -> str:
        """The state's hash; `again`: what the journal says leads there too."""
        self.check()
        self.compare_twin()
        hashed = str(self.exchange.state_hash())
        if again:
            self.breach_if("replay", "" if replay(self.journal.bytes()).state_hash() == hashed else "another state")
            same = rerun(self.journal.bytes()) == (hashed, self.digest.hexdigest())
            self.breach_if("bulk", "" if same else "other events, or another state")
        return hashed


def rerun(journal: bytes) -> tuple[str, str]:
    """(hash of the state, digest of all events) of a journal that is carried out in blocks."""
    found = records(journal, "journal")
    exchange = Exchange(venue_of_json(next(found)[1]))
    digest = hashlib.sha256()
    for rows, payload in found:
        if rows:
            digest.update(bytes(memoryview(exchange.apply_rows(memoryview(rows_of(payload)).cast("q")))))
    return str(exchange.state_hash()), digest.hexdigest()


def makes_wait(venue: VenueDesign) -> bool:
    """Do commands wait for their turn?"""
    terms = venue.sequencing
    latencies = terms.taker_latency_ms, terms.retail_taker_latency_ms, terms.maker_latency_ms, terms.cancel_latency_ms
    return terms.rule != "continuous" or max(latencies) > 0


# -- stretches --------------------------------------------------------------------------------------------------------------------


def length_of(options: Options, number: int) -> int:
    return options.length or Draw(seed_of(options, number)).pick(LENGTHS)


def live(options: Options, number: int) -> World:
    """Run a stretch; its world at the end, or at the command that killed it."""
    draw = Draw(seed_of(options, number))
    length = length_of(options, number)
    draw.pick(LENGTHS)
    world = World(design(number % COUNT), options.without, number % TWINS == 0, options.check_every)
    actor = Actor(draw, world.x, draw.integer(6, 10), length, is_huge(number % COUNT))
    end = min(options.until or length, length)
    with suppress(Dead):
        for row in commands(world, actor, length):
            if len(world.rows) >= end:
                break
            world.do(row)
    return world


def commands(world: World, actor: Actor, length: int) -> Iterator[list[int]]:
    """Packed commands of a stretch. Before most that let time pass goes a Tick, so that what is due and what is asked can be told apart."""
    while len(world.rows) < length:
        actor.number = len(world.rows)
        found = actor.next()
        if actor.bad_row:
            world.knock(actor.bad_row)
            actor.bad_row = []
        for command in found:
            if command.ts > world.exchange.now and not isinstance(command, m.Tick) and actor.draw.chance(80):
                yield m.command_row(m.Tick(command.ts))
            yield m.command_row(command)


def stretch(options: Options, number: int) -> Result:
    world = live(options, number)
    hashed = ""
    if not any(breach.rule in ("raised", "check", "door") for breach in world.breaches):
        with suppress(Dead):
            hashed = world.finish(BUILD == "compiled" or number % 5 == 0)
    if hashed:
        keep(options, number, world, hashed)
    return Result(number, len(world.rows), hashed, world.digest.hexdigest(), dict(world.tally), world.breaches)


def keep(options: Options, number: int, world: World, hashed: str) -> None:
    """Write down what the stretch did; compare it with what it did on the other build."""
    journal, sums = world.journal.bytes(), json.dumps([hashed, world.digest.hexdigest()])
    if options.journals:
        path = Path(options.journals) / f"{number:05}.journal"
        path.write_bytes(journal)
        path.with_suffix(".json").write_text(sums)
    if options.against:
        path = Path(options.against) / f"{number:05}.journal"
        same = path.is_file() and path.read_bytes() == journal and path.with_suffix(".json").read_text() == sums
        world.breach_if("builds", "" if same else f"{path} has other commands, events or states")


def again(path: Path) -> str:
    """Run a kept journal on this build; what differs, or ""."""
    expected = json.loads(path.with_suffix(".json").read_text())
    found = rerun(path.read_bytes())
    pairs = zip(("state", "events"), expected, found, strict=True)
    differ = [f"{name} {other[:16]}, the other build had {one[:16]}" for name, one, other in pairs if one != other]
    return f"stretch {int(path.stem)}: {differ[0]}" if differ else ""


def numbers_of(options: Options, total: int) -> list[int]:
    """The stretches that hold `total` commands."""
    found: list[int] = []
    while total > 0:
        total -= length_of(options, len(found))
        found.append(len(found))
    return found


def soak(options: Options, numbers: Sequence[int], jobs: int) -> list[Result]:
    """Run stretches in processes of their own."""
    total = sum(length_of(options, number) for number in numbers)
    progress = Progress(f"soak, {BUILD} core")
    results: list[Result] = []
    if jobs == 1:
        for number in numbers:
            results.append(stretch(options, number))
            progress.tell(sum(r.commands for r in results), total)
        return results
    with ProcessPoolExecutor(jobs, initializer=bound_memory) as pool:
        for future in as_completed([pool.submit(stretch, options, number) for number in numbers]):
            results.append(future.result())
            broken = sum(bool(r.breaches) for r in results)
            progress.tell(sum(r.commands for r in results), total, f" commands, {broken} stretches broken")
    return sorted(results)


def bound_memory() -> None:
    """A command that never comes to an end then raises, and is a breach like any other."""
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def replay_all(folder: Path, jobs: int) -> int:
    """Run all kept journals on this build; how many differ."""
    paths = sorted(folder.glob("*.journal"))
    progress, wrong = Progress(f"replay, {BUILD} core"), list[str]()
    with ProcessPoolExecutor(jobs) as pool:
        for done, line in enumerate(pool.map(again, paths), 1):
            wrong += [line] if line else []
            progress.tell(done, len(paths), " stretches")
    print("\n".join(wrong[:20]), end="\n" if wrong else "")
    print(f"{len(paths):,} stretches replayed in bulk on the {BUILD} core: {len(wrong)} differ")
    return len(wrong) + (not paths)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Soak fuzz of the venue.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--commands", type=int, default=20_000, help="how many in all (20,000)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--length", type=int, default=0, help="commands of every stretch (0: 400 to 2,000, drawn)")
    parser.add_argument("--stretch", type=int, help="only this one")
    parser.add_argument("--every", type=int, default=1, help="only every so many stretches")
    parser.add_argument("--until", type=int, default=0, help="commands of the stretch (0: all)")
    parser.add_argument("--without", action="append", default=[], choices=sorted(ABOUT), help="leave a rule out (may be repeated)")
    parser.add_argument("--journals", default="", help="folder for the journal of every stretch")
    parser.add_argument("--against", default="", help="a folder of journals of the other build: every stretch must be the same there")
    parser.add_argument("--replay", default="", help="run the journals of this folder on the build at hand, and nothing else")
    parser.add_argument("--shrink", default="", metavar="RULE", help="the fewest commands of --stretch that break the rule")
    parser.add_argument("--list", action="store_true", help="the rules")
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    if asked.list:
        print("\n".join(f"{name:<22}{about}" for name, about in ABOUT.items()))
        return 0
    print(f"perplab soak: {BUILD} core, Python {sys.version.split()[0]}, seed {asked.seed}", file=sys.stderr)
    if asked.replay:
        return int(replay_all(Path(asked.replay), asked.jobs) > 0)
    if asked.journals:
        Path(asked.journals).mkdir(parents=True, exist_ok=True)
    options = Options(asked.seed, asked.length, asked.until, tuple(asked.without), 1, asked.journals, asked.against)
    if asked.shrink:
        from soak_shrink import shrunk

        print(shrunk(live(options, asked.stretch), asked.stretch % COUNT, asked.shrink))
        return 0
    numbers = [asked.stretch] if asked.stretch is not None else numbers_of(options, asked.commands)[:: asked.every]
    results = soak(options, numbers, 1 if asked.stretch is not None else asked.jobs)
    return int(report(options, results, asked.commands >= 1_000_000 and asked.stretch is None and asked.every == 1) > 0)


if __name__ == "__main__":
    sys.exit(main())
