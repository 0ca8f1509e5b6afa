"""docs/clients.md: its blocks that are marked `python` run as they stand, and its tables of fields are made from the structs."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from updates import Updates

from perplab.clients import types
from perplab.clients.types import (
    Account,
    AccountEvent,
    Balance,
    Event,
    Fill,
    NewBracket,
    NewLadder,
    NewOrder,
    NewTrigger,
    NewTwap,
    Order,
    Position,
    Preview,
    PublicEvent,
    Ticker,
)
from perplab.testing import local_exchange

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "clients.md"
SHOWN = {
    "fields": (Order, Fill, Position, Balance, Account, Ticker, Preview),
    "what is asked for": (NewOrder, NewTrigger, NewBracket, NewTwap, NewLadder),
}
EVENTS_BEGIN, EVENTS_END = "<!-- events -->\n", "<!-- end of events -->\n"


def test_the_blocks_of_the_page_run() -> None:
    client = local_exchange(world="sandbox")
    client.faucet("100000")
    names: dict[str, object] = {"client": client}
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, PAGE.name, "exec"), names)


def rows_of(struct: type) -> Iterator[str]:
    """A row for each field: name, type, with its default where it is asked for, and the comment beside it."""
    for base in (one for one in reversed(struct.__mro__) if one.__module__.startswith("perplab.clients.")):
        lines = inspect.getsource(base).splitlines()
        (found,) = ast.parse("\n".join(lines)).body
        assert isinstance(found, ast.ClassDef)
        for node in found.body:
            if isinstance(node, ast.AnnAssign):
                kind, comment = ast.unparse(node.annotation).replace(" | ", " or "), lines[node.lineno - 1].partition("  # ")[2]
                assert comment, f"{base.__name__}: what is {ast.unparse(node.target)}?"
                if struct in SHOWN["what is asked for"]:
                    kind += "" if node.value is None else f" = {ast.unparse(node.value)}"
                yield f"| `{ast.unparse(node.target)}` | {kind} | {comment} |\n"


@pytest.mark.parametrize("name", SHOWN)
def test_the_page_has_the_fields_of_the_structs(name: str, updates: Updates) -> None:
    before = PAGE.read_text(encoding="utf-8")
    about = {one: " ".join((one.__doc__ or "").split()) for one in SHOWN[name]}
    tables = [f"| `{one.__name__}` | is | {about[one]} |\n| --- | --- | --- |\n{''.join(rows_of(one))}\n" for one in SHOWN[name]]
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    head, rest = before.split(begin)
    after = head + begin + "\n" + "".join(tables) + end + rest.split(end)[1]
    if updates.on:
        updates.put(PAGE, before, after)
    assert updates.on or after == before, "docs/clients.md is behind the code: pytest tests/clients/test_page.py --update"


def event_rows(base: type[Event]) -> Iterator[str]:
    """A row for each kind of event with this base: its name, its own fields and what it says."""
    bases = (Event, AccountEvent, PublicEvent)
    kinds = [one for one in vars(types).values() if isinstance(one, type) and issubclass(one, Event) and one not in bases]
    for kind in sorted(kinds, key=lambda one: one.__name__):
        if next(one for one in kind.__mro__ if one in bases) is base:
            own = ", ".join(f"`{name}`" for name in kind.__struct_fields__ if name not in base.__struct_fields__)
            about = " ".join((vars(kind).get("__doc__") or "").split())
            yield f"| `{kind.__name__}` | {own} | {about} |\n"


def test_the_page_lists_all_events(updates: Updates) -> None:
    before = PAGE.read_text(encoding="utf-8")
    heads = {
        AccountEvent: "of the private stream; with `account`, `seq` and `ts`", PublicEvent: "of public streams; with `ts` and `is_past`",
        Event: "other events",
    }  # fmt: skip
    tables = [f"| {head} | fields | |\n| --- | --- | --- |\n{''.join(event_rows(base))}\n" for base, head in heads.items()]
    head, rest = before.split(EVENTS_BEGIN)
    after = head + EVENTS_BEGIN + "\n" + "".join(tables) + EVENTS_END + rest.split(EVENTS_END)[1]
    if updates.on:
        updates.put(PAGE, before, after)
    assert updates.on or after == before, "docs/clients.md is behind the code: pytest tests/clients/test_page.py --update"


@pytest.mark.parametrize("struct", [one for shown in SHOWN.values() for one in shown])
def test_the_fields_of_a_table_are_those_of_the_struct(struct: type) -> None:
    told = {re.findall(r"`(\w+)`", row)[0] for row in rows_of(struct)}
    assert told == set(struct.__struct_fields__)  # type: ignore[attr-defined]


def test_what_is_handed_out_prints_codes_by_name() -> None:
    client = local_exchange()
    client.faucet("10000")
    order = client.buy("BTC", "0.01", "59000")
    assert ", side=BUY, price=Decimal('59000')," in repr(order) and ", state=OPEN, " in str(order) and "tif=GTC" in f"{order}"
    assert client.cancel(order).state.name == "CANCELLED"
    assert client.credentials == (client.credentials.key, client.credentials.secret)
