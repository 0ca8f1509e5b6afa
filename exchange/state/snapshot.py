"""A snapshot of a state, and a state from a snapshot: a dump of every table, column by column, with nothing left out.

What there is to dump is read off the objects themselves, so that a new column is in the snapshot without anyone having to think of it.
Format: magic, 16 bytes of checksum, then a compressed msgpack map of the shape of the state, the design, and the state. A snapshot of
another shape, that is of another version of perplab, is refused. What one build writes the other reads.
"""

from __future__ import annotations

import hashlib
import sys
import zlib
from typing import Final

import msgpack  # type: ignore[import-untyped]
from librt.vecs import vec
from mypy_extensions import i16, i64
from sortedcontainers import SortedDict  # type: ignore[import-untyped]

from .ids import ClientIds
from .liquidations import Liquidation, Liquidations
from .log import EventLog
from .ranges import Edge, Range, Ranges
from .refill import put_column
from .schedule import Schedule
from .state import State

MAGIC: Final = b"perplab snapshot 3\n"
DERIVED: Final = {"alarms", "by_client", "requests", "told"}  # follows from the rest of the state, and is made anew
WIDE: Final = 1 << 63  # from here on an integer is told as bytes
Tree = dict[str, object]


class SnapshotError(ValueError):
    """Bytes that are no snapshot, a damaged one, or one of another version; the message is complete."""


def attributes(thing: object) -> list[str]:
    """Names of all that an object holds and that does not follow from the rest, in alphabetical order; the same on both builds."""
    names = getattr(type(thing), "__mypyc_attrs__", None)
    names = vars(thing) if names is None else [name for name in names if not name.startswith("__")]
    return sorted(name for name in names if name not in DERIVED)


def shape(thing: object, seen: dict[str, list[str]] | None = None) -> dict[str, list[str]]:
    """Class -> what its objects hold, for all classes that a state consists of."""
    seen = {} if seen is None else seen
    name = type(thing).__name__
    if type(thing).__module__.startswith(__package__) and name not in seen:
        seen[name] = attributes(thing)
        for attribute in seen[name]:
            value = getattr(thing, attribute)
            for one in (Range(0), Edge(0)) if isinstance(value, Ranges) else ():
                shape(one, seen)  # whether or not it has any
            shape(value[0] if isinstance(value, list) and value else value, seen)
    return seen


def dump(state: State, design: bytes) -> bytes:
    """The snapshot of a state, with the design that it belongs to."""
    held = {"shape": shape(state), "design": design, "state": fields_of(state)}
    payload = zlib.compress(msgpack.packb(held), 1)
    return MAGIC + hashlib.blake2b(payload, digest_size=16).digest() + payload


def opened(data: object) -> Tree:
    """What a snapshot holds: its shape, design and state. Raises SnapshotError."""
    if not isinstance(data, bytes):
        raise SnapshotError(f"a snapshot is bytes, not {type(data).__name__}")
    if not data.startswith(MAGIC):
        raise SnapshotError("not a perplab snapshot" if not data.startswith(MAGIC[:16]) else "a snapshot in a format of another version")
    body = data[len(MAGIC) :]
    if hashlib.blake2b(body[16:], digest_size=16).digest() != body[:16]:
        raise SnapshotError("the snapshot is damaged: its checksum differs")
    try:
        tree: Tree = msgpack.unpackb(zlib.decompress(body[16:]), strict_map_key=False)
    except (zlib.error, ValueError) as error:
        raise SnapshotError(f"the snapshot cannot be read: {error}") from None
    if not isinstance(tree, dict) or not isinstance(tree.get("design"), bytes) or not isinstance(tree.get("state"), dict):
        raise SnapshotError("the snapshot cannot be read: it has no design or no state")
    return tree


def load(state: State, tree: Tree) -> None:
    """Fill the state of a new venue of the same design. Raises SnapshotError."""
    if tree["shape"] != shape(state):
        raise SnapshotError("the snapshot was made by another version of perplab; replay the journal instead")
    held = tree["state"]
    assert isinstance(held, dict)
    fill(state, held)
    state.alarms.fit(state.accounts.rows, state.positions.rows)
    state.pending.by_client.anew(state.pending)
    state.pending.requests.anew(state.pending)
    state.margin_alerts.anew()
    state.taker_auctions.by_client.anew(state.taker_auctions)


# -- one object -------------------------------------------------------------------------------------------------------------------


def fields_of(thing: object) -> Tree:
    return {name: dumped(getattr(thing, name), name) for name in attributes(thing)}


def dumped(value: object, name: str) -> object:
    if isinstance(value, int):
        return int(value) if -WIDE <= value < WIDE else wide_bytes(value)
    if isinstance(value, Liquidations):
        return {"under_way": [fields_of(one) for one in value.listed()], "last_auction": int(value.last_auction)}
    if isinstance(value, EventLog):
        return {"seq": int(value.seq)}  # its rows are those of the last command
    if isinstance(value, Schedule):
        return [list(entry) for entry in value.entries]
    if isinstance(value, SortedDict):
        return [[int(price), int(level)] for price, level in value.items()]
    if isinstance(value, list):
        return [dumped(one, name) for one in value]
    if type(value).__module__.startswith(__package__):
        if isinstance(value, ClientIds) and name == "client_ids" and value.closed == 0 and value.count == 0:
            return None  # of an account that has not had any, as far as anyone can tell
        return fields_of(value)
    return columns_of(value)


def wide_bytes(value: int) -> bytes:
    """An integer that msgpack has no form for, signed, least significant byte first."""
    return value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)


def whole(held: object) -> object:
    """The integer that `dumped` has told."""
    return int.from_bytes(held, "little", signed=True) if isinstance(held, bytes) else held


def columns_of(column: object) -> list[object]:
    """A packed column: the type of its cells, and its bytes, least significant first."""
    view = memoryview(column)  # type: ignore[arg-type]
    data = bytes(view)
    if sys.byteorder == "big":
        data = swapped(data, view.itemsize)
    return [view.format, data]


def swapped(data: bytes, size: int) -> bytes:
    return b"".join(data[at : at + size][::-1] for at in range(0, len(data), size))


def fill(thing: object, tree: Tree) -> None:
    """Give an object what its dump holds."""
    for name in attributes(thing):
        value, held = getattr(thing, name), tree[name]
        if isinstance(value, bool):
            setattr(thing, name, bool(held))
        elif isinstance(value, int):
            setattr(thing, name, whole(held))
        elif isinstance(value, Liquidations):
            assert isinstance(held, dict)
            fill_liquidations(value, held)
        elif isinstance(value, Ranges):
            assert isinstance(held, dict)
            fill_ranges(value, held)
        elif isinstance(value, EventLog):
            assert isinstance(held, dict)
            value.seq = held["seq"]
        elif isinstance(value, Schedule):
            assert isinstance(held, list)
            for ts, rank, number in held:
                value.set(rank, number, ts)
        elif isinstance(value, SortedDict):
            value.clear()
            value.update(held)
        elif isinstance(value, list):
            assert isinstance(held, list)
            fill_list(value, held)
        elif type(value).__module__.startswith(__package__):
            assert isinstance(held, dict)
            fill(value, held)
        else:
            assert isinstance(held, list)
            put_column(thing, name, column_of(*held))


def column_of(form: str, data: bytes) -> object:
    if sys.byteorder == "big":
        data = swapped(data, {"q": 8, "h": 2}[form])
    cells = memoryview(data).cast(form)  # type: ignore[call-overload]
    return vec[i16]([i16(cell) for cell in cells]) if form == "h" else vec[i64](cells)


def fill_ranges(ranges: Ranges, held: Tree) -> None:
    for name in attributes(ranges):
        records, value = held[name], getattr(ranges, name)
        if isinstance(value, list):
            assert isinstance(records, list)
            value.clear()
            for tree in records:
                value.append(Range(0) if name == "ranges" else Edge(0))
                fill(value[-1], tree)
        else:
            setattr(ranges, name, whole(records))


def fill_list(values: list[object], held: list[Tree | None]) -> None:
    """Records of markets are there already; client ids of accounts are made, where an account has had any."""
    shared = values[-1]  # the record of accounts without client ids
    for number, tree in enumerate(held):
        if number == len(values):
            values.append(shared)
        if tree is not None:
            if isinstance(values[number], ClientIds):
                values[number] = ClientIds()
            fill(values[number], tree)


def fill_liquidations(liquidations: Liquidations, held: Tree) -> None:
    under_way = held["under_way"]
    assert isinstance(under_way, list)
    for tree in under_way:
        liquidation = Liquidation(0, 0, 0, 0)
        fill(liquidation, tree)
        liquidations.add(liquidation)
        if liquidation.auction != 0:
            liquidations.auctions[int(liquidation.auction)] = liquidation
    last = held["last_auction"]
    assert isinstance(last, int)
    liquidations.last_auction = last
