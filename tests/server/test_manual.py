"""docs/api.md says what the code does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

from updates import Updates

from perplab.exchange.server import requests as r
from perplab.exchange.server.errors import Trouble
from perplab.exchange.server.manual import page, schema

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "api.md"


def test_the_page_has_the_tables_of_the_code(updates: Updates) -> None:
    before = PAGE.read_text(encoding="utf-8")
    if updates.on:
        updates.put(PAGE, before, page(before))
    assert updates.on or page(before) == before, "docs/api.md is behind the code: pytest tests/server/test_manual.py --update"


def test_what_the_page_explains_there_is() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"\n### {op}\n" in text for op in r.OPS) and all(f"| {int(one)} | {one.name} |" in text for one in Trouble)
    assert all(f"| `{channel}` |" in text for channel in get_args(r.Channel))


def test_the_schema_is_one() -> None:
    made = json.loads(json.dumps(schema()))
    assert len(made["anyOf"]) == len(r.REQUESTS) and {one["$ref"].removeprefix("#/$defs/") for one in made["anyOf"]} <= set(made["$defs"])


def test_every_error_can_be_met() -> None:
    """Each code is raised somewhere in the server; none is only promised."""
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "exchange" / "server").glob("*.py") if path.name != "errors.py")
    assert [one.name for one in Trouble if f"Trouble.{one.name}" not in sources] == []
