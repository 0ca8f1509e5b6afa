"""A request that is a command, as the packed row of that command: for every command that does not come packed."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from ..state.types import ROW

FIRST_COLUMN: Final[i64] = 2  # of a row, behind kind and ts
HALF: Final = 1 << 64


class RowPlan:
    """How one kind of request becomes a row.

    `client`: the number of the field that is a client id, which takes two columns; 0: it has none. `codes`: by field, what its names stand
    for; None for a field that is never a name.
    """

    def __init__(self, kind: int, client: int, codes: list[dict[str, int] | None]) -> None:
        self.kind: int = kind
        self.client: i64 = client
        self.codes: list[dict[str, int] | None] = codes

    def row(self, values: tuple[object, ...], account: int | None) -> list[int] | None:
        """The row of a request whose fields have these values, the first being its id; its ts is 0. None: it has a name that nothing has.

        `account` stands for what the first field behind the id says, if it is given.
        """
        row: list[int] = [0] * int(ROW)
        row[0] = self.kind
        count: i64 = len(values)
        client = self.client
        column = FIRST_COLUMN
        at: i64 = 1
        while at < count:
            value = values[at]
            if at == 1 and account is not None:
                value = account
            if at == client:
                hi, lo = client_halves(value)
                row[column] = hi
                column += 1
                row[column] = lo
            elif isinstance(value, int):
                row[column] = value
            else:
                found = self.code(at, value)
                if found < 0:
                    return None
                row[column] = found
            column += 1
            at += 1
        return row

    def code(self, at: i64, name: object) -> int:
        """What a name stands for; -1: nothing."""
        codes = self.codes[at]
        assert codes is not None and isinstance(name, str), "a field that is neither a number nor a name"
        return codes.get(name, -1)


def client_halves(client_id: object) -> tuple[int, int]:
    """The two signed 64-bit halves of a client id, as commands have them. It is a number of 63 bits, or "0x" and hex digits."""
    if isinstance(client_id, int):
        return 0, client_id
    assert isinstance(client_id, str)
    number = int(client_id, 16)
    return signed(number >> 64), signed(number & (HALF - 1))


def signed(half: int) -> int:
    return half - HALF if half >> 63 else half
