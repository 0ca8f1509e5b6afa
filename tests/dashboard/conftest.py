"""A browser, a server that trusts, and pages of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from browser import OPERATOR, Open, Server, Visit, chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def server(browser: Browser) -> Iterator[Server]:
    server = Server("--trust")
    yield server
    server.stop()


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Open]:
    """Opens pages; at the end none of them has complained, or asked another machine for anything."""
    pages: list[Visit] = []

    def open_page(fragment: str = "", **how: object) -> Visit:
        pages.append(Visit(browser, server, fragment, **how))  # type: ignore[arg-type]
        return pages[-1]

    yield open_page
    for one in pages:
        one.close()


@pytest.fixture
def operator(visit: Open) -> Iterator[Visit]:
    """Whose time runs again at the end."""
    found = visit(OPERATOR)
    found.until_text("#control", "Pause")
    yield found
    found.page.click("#run")
    found.until_text("#done", "runs")
