"""What is written once and runs over every client: a program asks, and lets time pass, by `yield from`. `run` carries it over a SyncClient
or a LocalClient, `run_async` over a Client. Programs know neither sockets nor `await`.

    def spread(client):
        ticker = yield from ask(client, client.calls.ticker("BTC"))
        return ticker.ask.price - ticker.bid.price

    run(client, spread(client))
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import ExitStack, closing
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from .asking import Asking
from .blocking import Blocking, Shared
from .calls import Call
from .errors import ClientError, Refused, TimedOut, Unknown
from .paging import Listing, pages

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Effect: TypeAlias = tuple[Shared, Call[Any]] | float  # a call to be made, or seconds to let pass
Program: TypeAlias = Generator[Effect, Any, T]
NOT_STEPPED: Final = ("NOT_STEPPED", "SCOPE")  # refusals: the clock runs, or only the operator may step it
ATTEMPTS: Final = 5  # at a call whose reply is lost: each waits for a connection as long as the client's `timeout` says


class Task(Protocol[T_co]):
    """What can be run: it has a program."""

    def program(self, client: Any) -> Program[T_co]: ...


def ask(client: Shared, call: Call[T]) -> Program[T]:
    """A call, and its answer. Raises what the client's own methods raise."""
    answer: T = yield client, call
    return answer


def wait(seconds: float) -> Program[None]:
    """Let time pass."""
    yield seconds


def insist(client: Shared, call: Call[T]) -> Program[T]:
    """Ask again when the reply is lost: for questions, for orders with a client id, and for what does no more when it is done twice."""
    for _ in range(ATTEMPTS - 1):
        try:
            return (yield from ask(client, call))
        except (TimedOut, Unknown):
            pass
    return (yield from ask(client, call))


def insist_all(client: Shared, listing: Listing[T]) -> Program[tuple[T, ...]]:
    """All of a list that may not fit a message, as `client.calls.pending` is one; each question as by `insist`."""
    asking = pages(listing)
    call = next(asking)
    while True:
        part = yield from insist(client, call)
        try:
            call = asking.send(part)
        except StopIteration as end:
            found: tuple[T, ...] = end.value
            return found


def once(client: Shared, call: Call[T]) -> Program[T | None]:
    """A command that must not be done twice: when its reply is lost, it is asked for. None: it never came, as far as the server
    remembers."""
    try:
        return (yield from ask(client, call))
    except Unknown as lost:
        try:
            return (yield from insist(client, client.calls.outcome(lost.request, call)))
        except Refused as error:
            if error.reason == "UNKNOWN_REQUEST":
                return None
            raise


def together(*programs: Program[Any]) -> Program[list[Any]]:
    """Several at the same time over one client that blocks: while one waits, the others go on. What they return, in their order.

    When one raises, the others are ended where they are, and the error goes on."""
    results: list[Any] = [None] * len(programs)
    left = dict.fromkeys(range(len(programs)), 0.0)  # [s] until each goes on
    with ExitStack() as stack:
        for program in programs:
            stack.enter_context(closing(program))
        while left:
            number = min(left, key=lambda one: left[one])
            pause = left[number]
            if pause > 0:
                yield pause
                left = {one: max(0.0, seconds - pause) for one, seconds in left.items()}
            is_done, value = yield from _until_it_waits(programs[number])
            if is_done:
                results[number] = value
                del left[number]
            else:
                left[number] = value
    return results


def _until_it_waits(program: Program[Any]) -> Program[tuple[bool, Any]]:
    """Carry out what a program asks until it waits, and for how many seconds; or (True, what it returns), if it has ended."""
    try:
        effect = next(program)
        while isinstance(effect, tuple):
            try:
                answer = yield effect
            except ClientError as error:
                effect = program.throw(error)
            else:
                effect = program.send(answer)
    except StopIteration as end:
        return True, end.value
    return False, effect


def run(client: Blocking, task: Task[T] | Program[T], wait: Callable[[float], object] | None = None) -> T:
    """Carry a task to its end; what it returns. `wait` lets seconds pass, by default the client's own; see `stepped`."""
    program = task if isinstance(task, Generator) else task.program(client)
    resume: Callable[[Any], Effect] = program.send
    value: Any = None
    with closing(program):
        while True:
            try:
                effect = resume(value)
            except StopIteration as end:
                result: T = end.value
                return result
            try:
                resume, value = program.send, _do(effect, wait or client.wait)
            except ClientError as error:
                resume, value = program.throw, error


def _do(effect: Effect, wait: Callable[[float], object]) -> object:
    if isinstance(effect, tuple):
        client, call = effect
        if not isinstance(client, Blocking):
            raise TypeError("an asyncio client is for run_async")
        return client._do(call)
    return wait(effect)


async def run_async(client: Asking, task: Task[T] | Program[T], wait: Callable[[float], Awaitable[object]] | None = None) -> T:
    """The same with an asyncio client. If this is cancelled, nothing more is sent and what rests stays: `task.cancel()` takes it back."""
    program = task if isinstance(task, Generator) else task.program(client)
    resume: Callable[[Any], Effect] = program.send
    value: Any = None
    with closing(program):
        while True:
            try:
                effect = resume(value)
            except StopIteration as end:
                result: T = end.value
                return result
            try:
                resume, value = program.send, await _do_async(effect, wait or client.wait)
            except ClientError as error:
                resume, value = program.throw, error


async def _do_async(effect: Effect, wait: Callable[[float], Awaitable[object]]) -> object:
    if isinstance(effect, tuple):
        client, call = effect
        if not isinstance(client, Asking):
            raise TypeError("a client that blocks is for run")
        return await client._do(call)
    return await wait(effect)


def stepped(client: Blocking) -> Callable[[float], object]:
    """A `wait` that steps the server's clock (`perplab serve --clock step --trust`), so that a session repeats to the last byte. Of a
    server whose clock runs by itself, or is not this user's to step, it is the client's own `wait`."""
    is_stepped = True

    def wait(seconds: float) -> object:
        nonlocal is_stepped
        if is_stepped:
            try:
                return client.ask("step", ms=max(1, round(seconds * 1000)))
            except Refused as error:
                if error.reason not in NOT_STEPPED:
                    raise
                is_stepped = False
        return client.wait(seconds)

    return wait
