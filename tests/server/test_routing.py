"""What is compiled and looks at every row: it lets go of the blocks that it is handed."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable

import pytest
from librt.vecs import vec
from mypy_extensions import i64

from perplab.exchange import events
from perplab.exchange.messages import column_of
from perplab.exchange.schema import event_columns
from perplab.exchange.server.history.recording import TO_LIQUIDATIONS, Recorder
from perplab.exchange.server.replies import named, packed
from perplab.exchange.server.ring import Ring
from perplab.exchange.server.routing import Owners, Router, block_of, outcomes, stamp

BLOCK = [0] * 65_536  # 512 KiB
CALLS = 200
ALLOWED = 30 << 20  # [bytes] of the 100 MiB that all blocks together are

RECORDER = Recorder([1], Owners(), 1_024, (64, 64, 64, 64), 64)  # one for all calls: what it keeps are copies
RECORDER.want(0, TO_LIQUIDATIONS, [], -1)
USES: dict[str, Callable[[vec[i64]], object]] = {
    "outcomes": lambda block: outcomes(block, [4_096], block),
    "stamp": lambda block: stamp(block, 1),
    "barred": lambda block: Owners().barred(block, 1),
    "route": lambda block: Router().route(block),
    "ring": lambda block: Ring(4_096, Router()).add(block, []),
    "recorder": lambda block: RECORDER.read(block),
    "named": lambda block: named(block, 0, True, 1, 1),
    "packed": lambda block: packed(block, 0, 1, True, 1, 1, True, 1),
}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere ru_maxrss has another unit")
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_block_that_was_looked_at_is_freed(use: Callable[[vec[i64]], object]) -> None:
    use(vec[i64](BLOCK))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(CALLS):
        use(vec[i64](BLOCK))
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10 < ALLOWED


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere ru_maxrss has another unit")
def test_a_block_that_was_made_is_freed() -> None:
    assert block_of(BLOCK[:16]) == vec[i64](BLOCK[:16])
    block_of(BLOCK)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(CALLS):
        block_of(BLOCK)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10 < ALLOWED


def test_the_columns_of_events_are_those_of_the_structs() -> None:
    """What compiled code reads as constants."""
    structs = {
        "REJECTED": events.Rejected, "PLACED": events.OrderPlaced, "REPEATED": events.OrderRepeated, "AMENDED": events.OrderAmended,
        "CANCELLED": events.OrderCancelled, "TRADED": events.Traded, "CURVE_TRADED": events.CurveTraded, "ADDED": events.LiquidityAdded,
        "REMOVED": events.LiquidityRemoved, "QUEUED": events.CommandQueued, "OPENED": events.AccountOpened,
        "SCHEDULED": events.MaintenanceScheduled, "EVENT": events.Event,
        "REDUCED": events.OrderReduced,
        "TRIGGER_PLACED": events.TriggerPlaced, "FIRED": events.TriggerFired, "TRIGGER_CANCELLED": events.TriggerCancelled,
        "TWAP_PLACED": events.TwapPlaced, "TWAP_ENDED": events.TwapEnded, "ORACLE_UPDATED": events.OracleUpdated,
        "MARK_MOVED": events.MarkMoved, "SAMPLED": events.FundingSampled, "CHARGED": events.FundingCharged,
        "STATUS_CHANGED": events.MarketStatusChanged, "LIQUIDATED": events.Liquidated, "AUCTION_TAKEN": events.AuctionTaken,
    }  # fmt: skip
    for name, column in vars(event_columns).items():
        if name.isupper():
            prefix = max((one for one in structs if name.startswith(one + "_")), key=len)
            assert column_of(structs[prefix], name.removeprefix(prefix + "_").lower()) == column, name
