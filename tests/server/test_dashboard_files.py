"""The dashboard's files as the gateway serves them: types, policy, tags, and nothing beside them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

import aiohttp
import msgspec
import pytest
from sockets import served
from wire import World
from yarl import URL

from perplab.exchange.server.dashboard_files import FOLDER, files
from perplab.lab.rehearse import for_dashboard, shipped


def fetched(path: str, **headers: str) -> tuple[int, Mapping[str, str], bytes]:
    async def run() -> tuple[int, Mapping[str, str], bytes]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with (
            served(World()) as place,
            aiohttp.ClientSession() as client,
            client.get(URL(place.url(path), encoded=True), headers=sent) as answer,
        ):
            return answer.status, answer.headers, await answer.read()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "file", "kind"),
    [
        ("/", "index.html", "text/html"),
        ("/dashboard/style.css", "style.css", "text/css"),
        ("/dashboard/js/main.js", "js/main.js", "text/javascript"),
        ("/dashboard/icon.svg", "icon.svg", "image/svg+xml"),
        ("/dashboard/vendor/uplot/LICENSE", "vendor/uplot/LICENSE", "text/plain"),
    ],
)
def test_a_file_is_served_with_its_type_and_policy(path: str, file: str, kind: str) -> None:
    code, headers, body = fetched(path)
    assert (code, headers["Content-Type"], body) == (200, f"{kind}; charset=utf-8", (FOLDER / file).read_bytes())
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self';" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-cache", "nosniff")


def test_a_browser_that_has_a_file_is_told_so() -> None:
    _, headers, _ = fetched("/dashboard/js/main.js")
    code, again, body = fetched("/dashboard/js/main.js", If_None_Match=headers["ETag"])
    assert (code, again["ETag"], body) == (304, headers["ETag"], b"")
    assert fetched("/dashboard/js/main.js", If_None_Match='"another"')[0] == 200


BESIDE = ("nothing.js", "../gateway.py", "%2e%2e/gateway.py", "..%2fgateway.py", "js/../../gateway.py", "/etc/passwd", "js", "%00")


@pytest.mark.parametrize("path", BESIDE)
def test_nothing_else_is_served(path: str) -> None:
    assert fetched(f"/dashboard/{path}")[0] == 404


def test_the_page_names_only_files_that_there_are() -> None:
    found = files()
    named = re.findall(r'(?:src|href)="dashboard/([^"]+)"', found["index.html"].body.decode())
    scripts = [file.body.decode() for path, file in found.items() if path.startswith("js/")]
    named += [f"js/{name}" for script in scripts for name in re.findall(r'from "\./([\w.]+)"', script)]
    assert len(named) > 20 and set(named) <= set(found)


def test_what_the_page_cannot_ask_for_is_told() -> None:
    code, headers, body = fetched("/dashboard/about.json")
    assert (code, headers["Content-Type"]) == (200, "application/json")
    assert msgspec.json.decode(body) == {"trusts": True, "playbooks": []}


def test_shipped_playbooks_are_handed_over_with_what_takes_them_back() -> None:
    told = for_dashboard()
    assert [one["name"] for one in told] == shipped()
    (vacates,) = (one for one in told if one["name"] == "liquidity_vacates")
    first = vacates["steps"][0]
    assert vacates["title"] and first["request"] == {"op": "world", "makers": "gone"}
    assert first["undo"] == {"op": "world", "makers": "stay"}
    assert all(set(step) == {"at_s", "request", "undo"} and "op" in step["request"] for one in told for step in one["steps"])
