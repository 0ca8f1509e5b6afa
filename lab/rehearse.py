"""`perplab rehearse`: a timeline of faults against a running sandbox, and how one user's bot fared.

A playbook is a TOML file: steps of the operator's, each at so many seconds of the venue's time; "$USER" in a step is the user's name,
"$ACCOUNT" his first account, and a step with "$MARKET" is taken in each perpetual market that the venue has. While it runs, the user's
accounts are listened to. Reaction time is from a step to the first order that the user places, amends or cancels after it; what the venue
does to his orders is no reaction of his.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Annotated, Any, Final

import click
from msgspec import Meta, Struct

from perplab.exchange.codes import FIRST_USER
from perplab.exchange.design.reader import DesignError, convert, read_toml
from perplab.exchange.server.codecs import MSGPACK
from perplab.exchange.server.errors import Refusal
from perplab.exchange.units import MICRO, PPM, SECOND_NS

from .ctl import ask, replies_of

FOLDER: Final = Path(__file__).parent / "playbooks"
OWN: Final = ("OrderPlaced", "OrderAmended")  # events that only the user can cause; and cancellations for this reason:
BY_USER: Final = "USER"
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


def undoing(request: dict[str, Any]) -> dict[str, Any] | None:
    """The request that takes back what this one has changed for good; None: there is nothing to take back, or no way to."""
    if request["op"] == "world":
        changed = {name: calm for name, calm in CALM.items() if name in request}
        return {"op": "world", **changed} if changed else None
    if request["op"] == "fault" and request["kind"] not in ("drop", "none"):
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
    acts: list[int] = []  # [ns] when the user did something

    def see(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind in OWN or (kind == "OrderCancelled" and event["reason"] == BY_USER):
            self.acts.append(event["ts"])
        elif kind in ("Traded", "CurveTraded"):
            self.fills += 1
        elif kind == "LiquidationStarted":
            self.liquidations += 1
        elif kind == "Rejected":
            self.refused[event["reason"]] = self.refused.get(event["reason"], 0) + 1
        elif kind == "OrderCancelled":
            self.cancelled_by_venue += 1


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
        self.reactions: list[tuple[str, float | None]] = []

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
        accounts = self.send({"op": "accounts", "user": self.user})["accounts"]
        if not accounts:
            raise click.ClickException(f"{self.user} has no account")
        for account in accounts:
            self.send({"op": "subscribe", "channel": "private", "account": account})
        before = [self.send({"op": "account", "account": account}) for account in accounts]
        if not any(map(equity, before)):
            hint = f"perplab ctl grant user={self.user} usd=10000"
            self.say(f"note: {self.user} has no money, so orders will be refused: {hint}")
        times: list[tuple[str, int]] = []
        markets = [one["name"] for one in self.send({"op": "venue"})["markets"] if one["kind"] == "perpetual"]
        try:
            self.play(accounts[0], markets, times)
        except BaseException:
            self.take_back()
            raise
        after = [self.send({"op": "account", "account": account}) for account in accounts]
        self.reactions = [(name, reaction(at, self.watch.acts)) for name, at in times]
        return self.report(before, after)

    def play(self, account: int, markets: list[str], times: list[tuple[str, int]]) -> None:
        """Carry out the steps; `times`: what each was, and when [ns]."""
        start = self.now()
        for step in self.timeline:
            self.wait_until(start + int(step.at_s * SECOND_NS))
            for market in markets if "$MARKET" in step.request.values() else [""]:
                request = filled(step.request, account, market)
                self.sent.append(request)
                asked = self.now()
                at = self.send(request).get("ts", asked)  # the reply's own time: a bot may be faster than a question for the time
                told = " ".join(f"{name}={value}" for name, value in request.items() if name != "op")
                times.append((f"{request['op']} {told}", at))
                self.say(f"{step.at_s:6.1f} s  {times[-1][0]}")
        self.wait_until(start + int((self.timeline[-1].at_s + self.settle_s) * SECOND_NS))

    def take_back(self) -> None:
        """Undo what was done so far, as far as that can be."""
        for request in {str(one): one for one in map(undoing, self.sent) if one is not None}.values():
            told = " ".join(str(value) if name == "op" else f"{name}={value}" for name, value in request.items())
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

    def report(self, before: list[dict[str, Any]], after: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "equity_before": sum(map(equity, before)),
            "equity_after": sum(map(equity, after)),
            "orders_left_open": sum(len(account["orders"]) for account in after),
            "exposure": sum(abs(one["entry_notional"]) for account in after for one in account["positions"]) / MICRO,
            "fills": self.watch.fills,
            "liquidations": self.watch.liquidations,
            "orders_cancelled_by_the_venue": self.watch.cancelled_by_venue,
            "refused": self.watch.refused,
            "reactions": [{"step": name, "seconds": seconds} for name, seconds in self.reactions],
        }


def reaction(at: int, acts: list[int]) -> float | None:
    """[s] from a step to the first thing that the user did after it; None: nothing."""
    later = [ts for ts in acts if ts > at]
    return (min(later) - at) / SECOND_NS if later else None


def equity(account: dict[str, Any]) -> float:
    """[USD] of all assets, as if each were worth 1."""
    return float(sum(one["equity"] for one in account["balances"])) / MICRO


def lines(report: dict[str, Any]) -> Iterator[str]:
    gain = report["equity_after"] - report["equity_before"]
    yield f"equity            {report['equity_before']:>14,.2f} -> {report['equity_after']:,.2f} USD ({gain:+,.2f})"
    yield f"exposure left     {report['exposure']:>14,.2f} USD"
    for name in ("orders_left_open", "fills", "liquidations", "orders_cancelled_by_the_venue"):
        yield f"{name.replace('_', ' '):<30} {report[name]:>2}"
    for reason, times in sorted(report["refused"].items()):
        yield f"refused for {reason:<18} {times:>2}"
    yield "reaction, from each step to the first order placed, amended or cancelled after it:"
    for one in report["reactions"]:
        told = "none" if one["seconds"] is None else f"{one['seconds']:.3f} s"
        yield f"  {told:>10}  {one['step']}"
