"""The orders of the load generator: mix M1 of streams.py, encoded before the clock starts, and as often as they are needed.

Orders of one connection are carried out in the order in which they are sent, those of two are not. So each connection has a market and
accounts of its own: no cancel overtakes its order, and none is refused. A lap begins and ends with an empty book: the orders that rest
before the mix starts, the mix, and the cancels of what is left. The next lap is the same with other client ids, which are written into
the encoded requests.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgpack  # type: ignore[import-untyped]
import numpy as np
from load_wire import LENGTH, request
from streams import ACCOUNTS, CalmMakers

from perplab.exchange import Exchange, load_venue
from perplab.exchange import messages as m
from perplab.exchange.messages import column_of
from perplab.exchange.server.store import begin

NAME: Final = "load"  # of the user who has all accounts
OWNER: Final = 1
SEED: Final = 20251010
MARKETS: Final = 8  # and connections
DESIGN: Final = Path(__file__).with_name("venue.toml")
HI: Final = {m.Place.KIND: column_of(m.Place, "client_hi"), m.CancelClient.KIND: column_of(m.CancelClient, "client_hi")}
LAP_SHIFT: Final = 40  # client ids of single orders are (lap << 40) + the number of the order in it: nine bytes of msgpack


def table(rows: array[int]) -> np.ndarray:
    return np.frombuffer(rows, dtype=np.int64).reshape(-1, m.ROW).copy()


class Makers(CalmMakers):
    """Mix M1 of one market: an eighth of the accounts and of the resting orders, in each of eight markets."""

    accounts = ACCOUNTS // MARKETS
    resting = CalmMakers.resting // MARKETS


def moved(rows: array[int], market: int) -> np.ndarray:
    """Rows of the first market and its accounts, as those of another one."""
    found = table(rows)
    for command in (m.Deposit, m.Place, m.CancelClient, m.BlockTrade, m.UpdateOracle):
        chosen = found[:, 0] == command.KIND
        for field in command.__struct_fields__:
            if field in ("account", "buyer", "seller"):
                found[chosen, column_of(command, field)] += market * Makers.accounts
            elif field == "market":
                found[chosen, column_of(command, field)] = market
    found[found[:, 0] == m.OpenAccount.KIND, column_of(m.OpenAccount, "owner")] = OWNER
    return found


def lap_of(flow: Makers, market: int, commands: int) -> np.ndarray:
    """From an empty book to an empty book."""
    rows = flow.filling() + flow.take(commands)
    for order in list(flow.live):
        flow.cancel(order)
    return moved(rows + flow.taken(), market)


def prepared(folder: Path, commands: int) -> tuple[Path, list[np.ndarray]]:
    """Write the design of a venue, and a journal in which all accounts are one user's and have money and positions.

    Returns the file of the design, and the laps of the markets.
    """
    flows = [Makers(1, SEED + market) for market in range(MARKETS)]
    design = folder / "venue.toml"
    head, market = DESIGN.read_text(encoding="utf-8").split("[[markets]]")
    markets = (market.replace("BTC-PERP", f"M{number}") for number in range(MARKETS))
    design.write_text("[[markets]]".join([head, *markets]), encoding="utf-8")
    settings = np.concatenate([moved(flow.setting(), number) for number, flow in enumerate(flows)])
    settings[:, 1] = time.time_ns()
    store = begin(folder / "prepared", "none")
    exchange = Exchange(load_venue(design), store)
    store.name(OWNER, NAME)
    exchange.apply_rows(settings.ravel().tolist())
    store.close()
    return design, [lap_of(flow, number, commands // MARKETS) for number, flow in enumerate(flows)]


class Blocks:
    """The mix as `rows` requests of `size` orders."""

    def __init__(self, lap: np.ndarray, size: int) -> None:
        self.rows = lap.copy()
        self.size = size
        self._ids = [(self.rows[:, m.KIND_COLUMN] == kind, column) for kind, column in HI.items()]

    def __iter__(self) -> Iterator[tuple[bytes, int, int]]:
        """Bytes, how many replies they get, and how many orders they are."""
        while True:
            for at in range(0, len(self.rows), self.size):
                block = self.rows[at : at + self.size]
                yield request(id=at, op="rows", rows=block.tobytes()), 1, len(block)
            for chosen, column in self._ids:
                self.rows[chosen, column] += 1


class Singles:
    """The mix as single requests: `ends` are where the frames in `data` end."""

    def __init__(self, lap: np.ndarray) -> None:
        frames = list(singles(lap))
        self.data = np.frombuffer(b"".join(frames), dtype=np.uint8).copy()
        self.ends = [0, *np.cumsum([len(frame) for frame in frames]).tolist()]
        self._ids = np.array(self.ends[1:]) - 8  # where client ids begin: they are the last field of all requests
        self._lap = 1
        self._at = 0

    def take(self, count: int) -> tuple[bytes, int]:
        """Up to `count` frames, and how many they are."""
        begin, end = self._at, min(self._at + count, len(self.ends) - 1)
        data = self.data[self.ends[begin] : self.ends[end]].tobytes()
        self._at = end
        if end == len(self.ends) - 1:
            self._at = 0
            self._lap += 1
            self.data[self._ids + 1] = self._lap >> 8
            self.data[self._ids + 2] = self._lap & 255
        return data, end - begin

    def blocks(self, size: int) -> Iterator[tuple[bytes, int, int]]:
        """As of Blocks: `size` frames at once."""
        while True:
            data, count = self.take(size)
            yield data, count, count


def singles(lap: np.ndarray) -> Iterator[bytes]:
    """Each order of a lap as the request that a client would send."""
    sides, types, tifs = ([one.name for one in enum] for enum in (m.Side, m.OrderType, m.TimeInForce))
    numbers: dict[tuple[int, ...], int] = {}
    for number, row in enumerate(lap.tolist()):
        hi = HI[row[0]]
        client_id = (1 << LAP_SHIFT) + numbers.setdefault(tuple(row[hi : hi + 2]), len(numbers))
        fields: dict[str, object] = {"id": number, "op": "cancel_client", "account": row[2]}
        if row[0] == m.Place.KIND:
            names = {"side": sides[row[4]], "order_type": types[row[7]], "tif": tifs[row[8]]}
            fields |= {"op": "place", "market": row[3], "price": row[5], "size": row[6], **names}
        packed: bytes = msgpack.packb({**fields, "client_id": client_id})
        yield LENGTH.pack(len(packed)) + packed
