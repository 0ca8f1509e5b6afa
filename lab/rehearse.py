"""`perplab rehearse`: a timeline of faults against a running sandbox, and how one user's bot fared.

A playbook is a TOML file: steps of the operator's, each at so many seconds of the venue's time; "$USER" in a step is the user's name,
"$ACCOUNT" his first account, and a step with "$MARKET" is taken in each perpetual market that the venue has. While it runs, the user's
accounts are listened to. Reaction time is from a step to the first order that the user places, amends or cancels after it; what the venue
does to his orders, and what it sends for him (slices of a TWAP, orders of triggers), is no reaction of his. A fault that he has not met, as
nothing was sent to him meanwhile, say, is told as that: there was nothing to react to.
"""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Annotated, Any, Final

import click
from msgspec import Meta, Struct

from perplab.exchange.codes import FIRST_USER
from perplab.exchange.design.reader import DesignError, convert, read_toml
from perplab.exchange.messages import COMMAND_OF
from perplab.exchange.server.codecs import MSGPACK
from perplab.exchange.server.errors import Refusal
from perplab.exchange.server.faults import PLACING
from perplab.exchange.server.people import named
from perplab.exchange.units import MICRO, PPM, SECOND_NS

from .ctl import ask, replies_of

FOLDER: Final = Path(__file__).parent / "playbooks"
OWN: Final = ("OrderPlaced", "OrderAmended", "TriggerPlaced", "TwapPlaced")  # events that the user causes, as a rule; and for this reason:
ENDS: Final = ("OrderCancelled", "TriggerCancelled", "TwapEnded")
BY_USER: Final = "USER"
LEFT: Final = {  # what can still trade: a query, and what its list has, one and several
    "orders": ("account", "order", "orders"), "triggers": ("triggers", "trigger", "triggers"), "twaps": ("twaps", "TWAP", "TWAPs"),
    "pending": ("pending", "command that waits", "commands that wait"),
}  # fmt: skip
STAYS: Final = {  # fields of the reply to `faults`, and the kinds that they are of
    "rejects": "reject", "losses": "drop", "stall_ms": "stall", "delay_ms": "delay", "duplicates": "duplicate", "skew_ms": "skew",
    "drift_ppm": "skew",
}  # fmt: skip
TRADES: Final = frozenset(COMMAND_OF[kind].__name__ for kind in PLACING)  # commands of which orders come
REFUSES_FOR: Final = "INSUFFICIENT_MARGIN"  # orders, where a fault does not say
CALM: Final = {"oracle": "runs", "lag_ms": 0, "basis_ppm": 0, "makers": "stay", "takers": "stay"}  # a world that nobody has changed


class PlaybookError(DesignError):
    """A playbook is wrong; the text is meant for the user."""


class Step(Struct, frozen=True):
    at_s: float  # of the venue's time, from the start
    request: dict[str, Any]


class Playbook(Struct, frozen=True, forbid_unknown_fields=True):
    steps: Annotated[list[dict[str, Any]], Meta(min_length=1)]
    title: str = ""
    settle_s: Annotated[float, Meta(ge=0, le=3_600)] = 5.0  # after the last step

    def timeline(self, user: str) -> list[Step]:
        """Raises PlaybookError."""
        found = []
        for number, step in enumerate(self.steps):
            rest = {name: user if value == "$USER" else value for name, value in step.items() if name != "at_s"}
            at = step.get("at_s")
            if not isinstance(at, int | float) or at < 0 or "op" not in rest:
                raise PlaybookError(f"steps[{number}]: {step}: expected at_s (0 or more), op, and the fields of that request")
            try:
                MSGPACK.decode(MSGPACK.encode(filled(rest, FIRST_USER, "BTC")))
            except Refusal as error:
                raise PlaybookError(f"steps[{number}]: {step}: {error}") from None
            found.append(Step(float(at), rest))
        return sorted(found, key=lambda one: one.at_s)


def filled(request: dict[str, Any], account: int, market: str) -> dict[str, Any]:
    """A request of a step, for an account and a market."""
    stands_for: dict[str, Any] = {"$ACCOUNT": account, "$MARKET": market}
    return {name: stands_for.get(value, value) if isinstance(value, str) else value for name, value in request.items()}


def words(request: dict[str, Any]) -> str:
    return " ".join((request["op"], *(f"{name}={value}" for name, value in request.items() if name != "op")))


def fault_of(request: dict[str, Any]) -> Fault | None:
    return (request["user"], request["kind"]) if request["op"] == "fault" else None


def is_felt(request: dict[str, Any]) -> bool:
    """Can a fault be met? Without a time, a stall or a delay is taken back, and a clock is right."""
    times = {"stall": ("ms",), "delay": ("ms",), "skew": ("ms", "drift_ppm"), "none": ()}.get(request["kind"])
    return times is None or any(request.get(name) for name in times)


def undoing(request: dict[str, Any]) -> dict[str, Any] | None:
    """The request that takes back what this one has changed for good; None: there is nothing to take back, or no way to."""
    if request["op"] == "world":
        changed = {name: calm for name, calm in CALM.items() if name in request}
        return {"op": "world", **changed} if changed else None
    if request["op"] == "fault" and request["kind"] != "none":
        return {"op": "fault", "user": request["user"], "kind": "none"}
    if request["op"] == "set_market_status" and request["status"] != "SETTLED":
        return {"op": "set_market_status", "market": request["market"], "status": "ACTIVE"}
    if request["op"] == "set_funding":
        return {"op": "set_funding", "market": request["market"], "mode": "RULE"}
    if request["op"] == "set_gas":
        return {"op": "set_gas", "multiplier_ppm": PPM}
    return None


def shipped() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_playbook(name: str) -> Playbook:
    """A shipped playbook by name, or a TOML file. Raises PlaybookError."""
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.exists():
        raise PlaybookError(f"{name}: there is no such playbook; known are {', '.join(shipped())}, and TOML files")
    try:
        return convert(read_toml(path), Playbook, path.name)
    except DesignError as error:
        raise PlaybookError(str(error)) from None


def for_dashboard() -> list[dict[str, Any]]:
    """The shipped playbooks, as a gateway's dashboard plays them: exchange/server/dashboard_files.py says what is in them."""
    found = []
    for name in shipped():
        playbook = load_playbook(name)
        steps = [{"at_s": one.at_s, "request": one.request, "undo": undoing(one.request)} for one in playbook.timeline("$USER")]
        found.append({"name": name, "title": playbook.title, "steps": steps})
    return found


class Watch(Struct):
    """What was seen of the user's account."""

    fills: int = 0
    liquidations: int = 0
    cancelled_by_venue: int = 0
    refused: dict[str, int] = {}  # commands of the user's that the venue refused, by reason
    placed: dict[int, int] = {}  # [ns] by order: when it came in; those that the venue sends for the user are taken out again
    fired: set[int] = set()  # orders of triggers
    traded: int = 0  # [ns] when something filled last
    others: list[int] = []  # [ns] when the user did something else

    @property
    def acts(self) -> list[int]:
        """[ns] when the user did something, the first first."""
        return sorted([*self.others, *self.placed.values()])

    def see(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind == "OrderPlaced":
            if event["order_id"] not in self.fired:
                self.placed[event["order_id"]] = event["ts"]
        elif kind == "TriggerFired":
            self.fired.add(event["order_id"])
        elif kind == "TwapSliced":
            self.placed.pop(event["slice_order_id"], None)
        elif kind == "TriggerPlaced" and event["ts"] == self.traded:
            pass  # of a bracket, for what has just filled
        elif kind in OWN or (kind in ENDS and event["reason"] == BY_USER):
            self.others.append(event["ts"])
        elif kind in ("Traded", "CurveTraded"):
            self.fills += 1
            self.traded = event["ts"]
        elif kind == "LiquidationStarted":
            self.liquidations += 1
        elif kind == "Rejected":
            self.refused[event["reason"]] = self.refused.get(event["reason"], 0) + 1
        elif kind == "OrderCancelled":
            self.cancelled_by_venue += 1


Fault = tuple[str, str]  # the user whom it is for, and its kind


class Taken(Struct):
    """A step that was taken."""

    words: str
    at: int  # [ns]
    fault: Fault | None  # None: it sets none
    before: int  # how often that was met before
    met: int | None = None  # and since, as long as it was there; None: that is not known yet
    reason: str = ""  # for which it refuses orders


class Rehearsal:
    """One run of a playbook, over the operator's connection: it may listen to every account, and no fault of the user's falls on it."""

    def __init__(self, playbook: Playbook, user: str, connection: socket.socket, say: Callable[[str], None]) -> None:
        self.timeline = playbook.timeline(user)
        self.settle_s = playbook.settle_s
        self.user = user
        self.connection, self.messages = connection, replies_of(connection)
        self.say = say
        self.numbers = count(1)
        self.watch = Watch()
        self.sent: list[dict[str, Any]] = []
        self.taken: list[Taken] = []

    def send(self, request: dict[str, Any]) -> dict[str, Any]:
        """The reply; what else comes is looked at. Raises click.ClickException if the server refuses."""
        number = next(self.numbers)
        reply = ask(self.connection, self.messages, {**request, "id": number})
        while reply.get("id") != number:  # or of a request whose reply nobody waited for
            for event in reply.get("events", ()) if reply.get("channel") == "private" else ():
                self.watch.see(event)
            reply = next(self.messages)
        if not reply["ok"]:
            raise click.ClickException(f"{request}: {reply['message']}")
        return reply

    def now(self) -> int:
        return int(self.send({"op": "ping"})["ts"])

    def run(self) -> dict[str, Any]:
        """Play it; what there is to report. Where it is broken off, what it has changed so far is taken back."""
        found = self.send({"op": "accounts", "user": self.user})
        accounts = found["accounts"]
        if found["user"] != named(self.user):
            self.say(f"note: {self.user} is of {found['user']}, whose faults these are")
        if not accounts:
            raise click.ClickException(f"{self.user} has no account")
        for account in accounts:
            self.send({"op": "subscribe", "channel": "private", "account": account})
        before = [self.send({"op": "account", "account": account}) for account in accounts]
        if not any(map(equity, before)):
            hint = f"perplab ctl grant user={self.user} usd=10000"
            self.say(f"note: {self.user} has no money, so orders will be refused: {hint}")
        markets = [one["name"] for one in self.send({"op": "venue"})["markets"] if one["kind"] == "perpetual"]
        try:
            self.play(accounts[0], markets)
        except BaseException:
            self.take_back()
            raise
        after = [self.send({"op": "account", "account": account}) for account in accounts]
        self.tell_what_stays()
        left = {name: sum(self.count(name, account) for account in accounts) for name in LEFT}
        return self.report(before, after, left)

    def count(self, name: str, account: int) -> int:
        """How many of something that can still trade an account has."""
        reply = self.send({"op": LEFT[name][0], "account": account})
        return sum(one["command"] in TRADES for one in reply[name]) if name == "pending" else len(reply[name]) + int(reply["more"])

    def tell_what_stays(self) -> None:
        """Faults that go on behind the last step."""
        now = self.send({"op": "faults", "user": self.user})
        stays = dict.fromkeys(kind for name, kind in STAYS.items() if now[name])
        if stays:
            self.say(f"note: still to come: {', '.join(stays)}; perplab ctl fault user={self.user} kind=none takes it back")

    def play(self, account: int, markets: list[str]) -> None:
        """Carry out the steps."""
        start = self.now()
        for step in self.timeline:
            self.wait_until(start + int(step.at_s * SECOND_NS))
            for market in markets if "$MARKET" in step.request.values() else [""]:
                request = filled(step.request, account, market)
                self.sent.append(request)
                self.take(request, f"{step.at_s:6.1f} s  ")
        self.wait_until(start + int((self.timeline[-1].at_s + self.settle_s) * SECOND_NS))
        for one in self.taken:
            self.close(one)

    def take(self, request: dict[str, Any], when: str) -> None:
        """Carry out a step."""
        fault = fault_of(request)
        if fault is not None:
            for one in self.taken:
                self.close(one, fault)
        is_there = fault is not None and is_felt(request)
        taken = Taken(words(request), self.now(), fault if is_there else None, self.met(fault) if fault is not None and is_there else 0)
        taken.reason = request.get("reason", REFUSES_FOR) if fault is not None and fault[1] == "reject" else ""
        reply = self.send(request)
        taken.at = reply.get("ts", taken.at)  # the reply's own time: a bot may be faster than a question for the time
        self.taken.append(taken)
        self.say(f"{when}{taken.words}")
        if "note" in reply:
            self.say(f"{'':>{len(when)}}{reply['note']}")

    def close(self, one: Taken, by: Fault | None = None) -> None:
        """A step's fault is over, for another one of its user's has taken its place, or the playbook is: how often it was met is known."""
        if one.fault is not None and one.met is None and (by is None or (one.fault[0] == by[0] and by[1] in ("none", one.fault[1]))):
            one.met = self.met(one.fault) - one.before

    def met(self, fault: Fault) -> int:
        """How often the user has met this kind of fault since the server began."""
        return int(self.send({"op": "faults", "user": fault[0]})["met"][fault[1]])

    def take_back(self) -> None:
        """Undo what was done so far, as far as that can be."""
        for request in {str(one): one for one in map(undoing, self.sent) if one is not None}.values():
            told = words(request)
            try:
                self.send(request)
            except (OSError, StopIteration, click.ClickException) as error:
                self.say(f"not taken back: {told}: {error}")
            else:
                self.say(f"taken back: {told}")

    def wait_until(self, ts: int) -> None:
        """Let the venue's time come to `ts`, listening meanwhile."""
        while self.now() < ts:
            time.sleep(0.02)

    def report(self, before: list[dict[str, Any]], after: list[dict[str, Any]], left: dict[str, int]) -> dict[str, Any]:
        acts, by_faults = self.watch.acts, Counter[str]()
        for one in self.taken:
            by_faults.update({one.reason: one.met} if one.reason and one.met else {})
        return {
            "equity_before": sum(map(equity, before)),
            "equity_after": sum(map(equity, after)),
            "left_open": left,
            "exposure": sum(abs(one["entry_notional"]) for account in after for one in account["positions"]) / MICRO,
            "fills": self.watch.fills,
            "liquidations": self.watch.liquidations,
            "orders_cancelled_by_the_venue": self.watch.cancelled_by_venue,
            "refused": self.watch.refused,
            "refused_by_faults": dict(by_faults),  # which are none of the venue's, and no events
            "reactions": [{"step": one.words, "seconds": reaction(one.at, acts), "met": one.met} for one in self.taken],
        }


def reaction(at: int, acts: list[int]) -> float | None:
    """[s] from a step to the first thing that the user did after it; None: nothing."""
    later = [ts for ts in acts if ts > at]
    return (min(later) - at) / SECOND_NS if later else None


def equity(account: dict[str, Any]) -> float:
    """[USD] of all assets, as if each were worth 1."""
    return float(sum(one["equity"] for one in account["balances"])) / MICRO


def left_open(left: dict[str, int]) -> str:
    """How much can still trade: "4: 2 orders, 1 trigger, 1 TWAP"."""
    told = [f"{count} {LEFT[name][1 if count == 1 else 2]}" for name, count in left.items() if count]
    return f"{sum(left.values()):>2}" + (f": {', '.join(told)}" if told else "")


def lines(report: dict[str, Any]) -> Iterator[str]:
    gain = report["equity_after"] - report["equity_before"]
    yield f"equity            {report['equity_before']:>14,.2f} -> {report['equity_after']:,.2f} USD ({gain:+,.2f})"
    yield f"exposure left     {report['exposure']:>14,.2f} USD"
    yield f"{'orders left open':<30} {left_open(report['left_open'])}"
    for name in ("fills", "liquidations", "orders_cancelled_by_the_venue"):
        yield f"{name.replace('_', ' '):<30} {report[name]:>2}"
    for reason, times in sorted(report["refused"].items()):
        yield f"refused for {reason:<18} {times:>2}"
    for reason, times in sorted(report["refused_by_faults"].items()):
        yield f"refused for {reason:<18} {times:>2}, by a fault"
    yield "reaction, from each step to the first order placed, amended or cancelled after it:"
    for one in report["reactions"]:
        told = "not met" if one["met"] == 0 else "none" if one["seconds"] is None else f"{one['seconds']:.3f} s"
        met = f", met {one['met']} time{'s' if one['met'] > 1 else ''}" if one["met"] else ""
        yield f"  {told:>10}  {one['step']}{met}"
    if any(one["met"] == 0 for one in report["reactions"]):
        yield "not met: nothing came to the bot, or from it, that the fault could have met; `perplab docs api` says what each does, where"
