"""Replies to commands that the venue has carried out at once, by compiled code: as a map (`named`), and as msgpack (`packed`).

The two say the same, byte for byte once MSGPACK has encoded the map; a test compares them. A server that is sent one order per frame would
spend more time on maps and their encoding than the venue on orders.

`told` is what the commands of a block came to (`outcomes` of routing.py); it comes as an object for the reason that is given there.
"""

from __future__ import annotations

from typing import Final, cast

from librt.strings import BytesWriter, write_i64_be
from librt.vecs import vec
from mypy_extensions import i64, u8

from ..schema.codes import CancelReason, OrderState
from .routing import FILLED, LEFT, MARKET, ORDER_ID, PAID, REASON, REPEATED, SEQ, STATE, TICKET, VALUE, WHY, WIDTH

LENGTH: Final[i64] = 4  # [bytes] of the length in front of a frame
MAP: Final[i64] = 0x80  # first bytes of msgpack: of a map of up to 15 pairs, with their number,
TEXT: Final[i64] = 0xA0  # of a text of up to 31 bytes, with their number,
NONE: Final[i64] = 0xC0
STATES: Final[tuple[str, ...]] = tuple(state.name for state in OrderState)  # by number
REASONS: Final[dict[int, str]] = {int(reason): reason.name for reason in CancelReason}
PACKED_REASONS: Final[dict[int, bytes]] = {
    number: bytes([int(TEXT) + len(name)]) + name.encode() for number, name in REASONS.items()
}  # fmt: skip
PACKED_STATES: Final[tuple[bytes, ...]] = tuple(bytes([int(TEXT) + len(name)]) + name.encode() for name in STATES)


def named(told: object, number: i64, is_order: bool, ts: i64, unit: i64) -> dict[str, object]:
    """What the command of this number came to, at `ts` [ns]; `unit`: of its market, [micro] per tick x lot."""
    row = cast(vec[i64], told)
    at = number * WIDTH
    found: dict[str, object] = {"ok": True, "ts": int(ts), "seq": int(row[at + SEQ])}
    if is_order:
        found["order_id"] = int(row[at + ORDER_ID])
        found["market"] = int(row[at + MARKET])
        found["state"] = STATES[row[at + STATE]]
        found["filled"] = int(row[at + FILLED])
        found["open"] = int(row[at + LEFT])
        if row[at + WHY] != 0:
            found["cancel_reason"] = REASONS[int(row[at + WHY])]
        if row[at + REPEATED] != 0:
            found["filled_notional"] = None
            found["repeated"] = True
        else:
            found["filled_notional"] = int(row[at + PAID] * unit + row[at + VALUE])
    return found


def packed(
    told: object, number: i64, request: object, is_order: bool, ts: i64, tokens: i64, is_framed: bool, unit: i64
) -> bytes | None:  # fmt: skip
    """The whole reply to `request`, which is the id that it gave; None if the command was refused, or waits, or has taken back what did."""
    row = cast(vec[i64], told)
    at = number * WIDTH
    if row[at + REASON] != 0 or row[at + TICKET] != 0 or (is_order and row[at + ORDER_ID] == 0):
        return None
    pairs: i64 = 5
    if is_order:
        pairs = 11 + row[at + REPEATED]
        if row[at + WHY] != 0:
            pairs += 1
    out = BytesWriter()
    if is_framed:
        out.write(b"\0\0\0\0")
    out.append(u8(MAP + pairs))
    out.write(b"\xa2id")
    write_id(out, request)
    out.write(b"\xa2ok\xc3\xa2ts")
    write_int(out, ts)
    out.write(b"\xa3seq")
    write_int(out, row[at + SEQ])
    if is_order:
        write_order(out, row, at, unit)
    out.write(b"\xa6tokens")
    write_int(out, tokens)
    if is_framed:
        size = len(out) - LENGTH  # a few hundred bytes at most: an id has up to 64 characters
        out[2] = u8(size >> 8)
        out[3] = u8(size & 255)
    return out.getvalue()


def write_order(out: BytesWriter, row: vec[i64], at: i64, unit: i64) -> None:
    """What became of the order."""
    out.write(b"\xa8order_id")
    write_int(out, row[at + ORDER_ID])
    out.write(b"\xa6market")
    write_int(out, row[at + MARKET])
    out.write(b"\xa5state")
    out.write(PACKED_STATES[row[at + STATE]])
    out.write(b"\xa6filled")
    write_int(out, row[at + FILLED])
    out.write(b"\xa4open")
    write_int(out, row[at + LEFT])
    if row[at + WHY] != 0:
        out.write(b"\xadcancel_reason")
        out.write(PACKED_REASONS[int(row[at + WHY])])
    out.write(b"\xaffilled_notional")
    if row[at + REPEATED] != 0:
        out.append(u8(NONE))
        out.write(b"\xa8repeated\xc3")
    else:
        write_int(out, row[at + PAID] * unit + row[at + VALUE])  # each is at most MAX_NOTIONAL


def write_id(out: BytesWriter, request: object) -> None:
    if isinstance(request, int):
        write_int(out, request)
    elif isinstance(request, str):
        data = request.encode()
        size: i64 = len(data)
        if size < 32:
            out.append(u8(TEXT + size))
        else:
            write_sized(out, 0xD8, size)
        out.write(data)
    else:
        out.append(u8(NONE))


def write_int(out: BytesWriter, value: i64) -> None:
    """In as few bytes as msgpack can."""
    assert value >= 0, "nothing that a reply counts is below zero"
    if value < 128:
        out.append(u8(value))
    elif value < 1 << 16:
        write_sized(out, 0xCB, value)
    elif value < 1 << 32:
        out.append(u8(0xCE))
        out.append(u8(value >> 24))
        out.append(u8(value >> 16 & 255))
        out.append(u8(value >> 8 & 255))
        out.append(u8(value & 255))
    else:
        out.append(u8(0xCF))
        write_i64_be(out, value)


def write_sized(out: BytesWriter, head: i64, value: i64) -> None:
    """A number in one byte behind `head` + 1, or in two behind `head` + 2."""
    if value < 256:
        out.append(u8(head + 1))
    else:
        out.append(u8(head + 2))
        out.append(u8(value >> 8))
    out.append(u8(value & 255))
