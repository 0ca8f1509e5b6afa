"""docs/api.md says what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from click.testing import CliRunner
from holds import hold, validator
from jsonschema import Draft202012Validator, ValidationError
from librt.vecs import vec
from msgspec.structs import fields
from mypy_extensions import i64
from test_identity import filled
from updates import Updates
from venues import venue
from wire import World

from perplab.exchange.events import EVENTS
from perplab.exchange.messages import CancelMaintenance, ScheduleMaintenance, SetGas, SetMarketStatus, UpdateOracle, column_of
from perplab.exchange.schema.codes import enums_of
from perplab.exchange.server import requests as r
from perplab.exchange.server.broadcasts import MESSAGES
from perplab.exchange.server.codecs import JSON
from perplab.exchange.server.errors import Trouble
from perplab.exchange.server.manual import page, schema
from perplab.exchange.server.routing import Router
from perplab.exchange.server.streams import OF_MARKET, SHOWN
from perplab.lab.cli import main

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "api.md"
MESSAGE_NAMES = [one.__name__ for one in MESSAGES]
EXAMPLES: dict[str, dict[str, Any]] = {  # what has no least value of its own
    "batch": {"items": [{"op": "cancel", "order_id": 1}]}, "rows": {"rows": "A" * 172}, "challenge": {"key": "k"}, "step": {"ms": 1},
    "clock": {"speed": 0}, "fault": {"user": "u", "kind": "none"}, "faults": {"user": "u"},
    "subscribe": {"channel": "book"}, "unsubscribe": {"channel": "book"},
    "cancel_on_disconnect": {"scope": "none"}, "outcome": {"request": 1}, "deposit": {"account": 8},
    "debit": {"account": 8}, "liquidate": {"account": 8}, "grant": {"user": "u"}, "block_trade": {"buyer": 8, "seller": 9},
    "set_market_status": {"status": "HALTED"}, "cancel_maintenance": {"number": 1},
}  # fmt: skip


def test_the_page_has_the_tables_of_the_code(updates: Updates) -> None:
    before = PAGE.read_text(encoding="utf-8")
    if updates.on:
        updates.put(PAGE, before, page(before))
    assert updates.on or page(before) == before, "docs/api.md is behind the code: pytest tests/server/test_manual.py --update"


def test_what_the_page_explains_there_is() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"\n### {op}\n" in text for op in r.OPS) and all(f"| {int(one)} | {one.name} |" in text for one in Trouble)
    assert all(f"| `{channel}` |" in text for channel in get_args(r.Channel))


def rows_of(text: str, head: str) -> dict[str, list[str]]:
    """First column -> names in the last one, of the table with this head."""
    table = text.split(head + "\n", 1)[1].split("\n\n", 1)[0].splitlines()[1:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return {row[0]: re.findall(r"`(\w+)`", row[-1]) for row in cells}


def test_events_reach_whom_the_page_says() -> None:
    """Every event is in one of the two tables, private streams are told of those in the first one, and of no other."""
    text = PAGE.read_text(encoding="utf-8")
    owned, public = rows_of(text, "| type | fields | told to the owners of |"), rows_of(text, "| type | fields | streams |")
    assert sorted([*owned, *public]) == sorted(event.__name__ for event in EVENTS)
    router, account = Router(), 9
    router.listen(account, 1)
    for event in EVENTS:
        for name in [field.name for field in fields(event) if field.name not in ("seq", "ts")]:
            row = [event.KIND, 1, 1, *[0] * 13]
            row[column_of(event, name)] = account
            router.route(vec[i64](row))
            assert (router.count == 1) == (name in owned.get(event.__name__, ())), (event, name)


def test_public_streams_tell_what_the_page_says() -> None:
    text = PAGE.read_text(encoding="utf-8")
    public = rows_of(text, "| type | fields | streams |")
    world = World(venue(curve={}))
    reader = world.talker()
    for channel in sorted({name for names in public.values() for name in names}):
        assert reader.ask("subscribe", channel=channel, **({"market": 0} if channel in OF_MARKET else {}))["ok"]
    world.later(0.1)
    reader.heard()
    for number, (name, streams) in enumerate(public.items()):
        event = next(event for event in EVENTS if event.__name__ == name)
        if event.KIND in SHOWN:
            changes = {
                "MarketStatusChanged": SetMarketStatus(0, 0, 4, 0), "GasSet": SetGas(0, 2_000_000),
                "MaintenanceScheduled": ScheduleMaintenance(0, 0, 2**61, 2**61 + 1, 4), "MaintenanceCancelled": CancelMaintenance(0, 1),
            }  # fmt: skip
            world.host.send([changes.get(name, UpdateOracle(0, 0, 60_100 + number))])
        else:  # as if the venue had said so
            values = [event.KIND, 1_000 + number, 1, *[0] * 13]
            for coded in enums_of(event):
                values[column_of(event, coded)] = 1
            row = vec[i64](values)
            world.host.streams.note(row, world.host.router.route(row))
        world.host.flush()
        told = reader.heard()
        assert [message["channel"] for message in told] == streams, (name, told)
        assert event.KIND in SHOWN or told[0]["items"][0]["type"] == name


def test_the_schema_is_one() -> None:
    made = json.loads(json.dumps(schema()))
    Draft202012Validator.check_schema(made)
    requests = made["$defs"]["Request"]["anyOf"]
    assert len(requests) == len(r.REQUESTS) and {one["$ref"].removeprefix("#/$defs/") for one in requests} <= set(made["$defs"])
    assert set(made["replies"]) == set(r.OPS) and set(made["replies"].values()) <= set(made["$defs"])
    channels = re.findall(r'"channel": {"enum": \["(\w+)"', json.dumps({name: made["$defs"][name] for name in MESSAGE_NAMES}))
    assert set(channels) == {*get_args(r.Channel), "heartbeat", "venue"}


@pytest.mark.parametrize("op", r.OPS)
def test_a_request_of_every_kind_is_as_the_schema_says(op: str) -> None:
    request = {**filled(r.OPS[op], id=1), **EXAMPLES.get(op, {})}
    validator("Request").validate(request)
    assert JSON.decode(msgspec.json.encode(request)).id == 1, "and the server takes it"
    for wrong in ({**request, "op": "tea"}, {**request, "tea": 1}, {**request, "id": -1}):
        with pytest.raises(ValidationError):
            validator("Request").validate(wrong)


def test_what_the_page_shows_is_as_the_schema_says() -> None:
    text = re.sub(r"\n {4}", " ", PAGE.read_text(encoding="utf-8"))
    requests, replies = ([json.loads(one) for one in re.findall(rf"^{arrow} (.*)$", text, re.M)] for arrow in ("->", "<-"))
    assert len(requests) == len(replies) == 2
    for request, reply in zip(requests, replies, strict=True):
        assert validator("Request").is_valid(request) == reply["ok"]
        hold(reply, request["op"])
    for shown in re.findall(r'`({"op": .*?})`', text):
        validator("Request").validate(json.loads(shown))


def test_the_command_prints_it() -> None:
    done = CliRunner().invoke(main, ["schema"], standalone_mode=False)
    assert json.loads(done.output) == json.loads(json.dumps(schema()))
    assert json.loads(CliRunner().invoke(main, ["schema", "Event"]).output)["$ref"] == "#/$defs/Event"


def test_every_error_can_be_met() -> None:
    """Each code is raised somewhere in the server; none is only promised."""
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "exchange" / "server").glob("*.py") if path.name != "errors.py")
    assert [one.name for one in Trouble if f"Trouble.{one.name}" not in sources] == []
