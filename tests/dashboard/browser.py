"""A browser for the dashboard, and a server of its own: `perplab serve` in another process."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from weakref import finalize

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
BROUGHT = ROOT / "build" / "browser" / "chromium"  # by `make browser`
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip
PATIENCE_MS: Final = 60_000  # for what happens soon: only a test that fails waits so long
LOOK_MS: Final = 40
OPERATOR: Final = "#name=operator"
SERVE: Final = (sys.executable, "-m", "perplab.lab.cli", "serve")


def executable() -> str | None:
    """Of a Chromium: the one that is named, one on the path, or the one that `make browser` brings."""
    named = os.environ.get("PERPLAB_CHROMIUM")
    if named:
        return named
    return next(filter(None, map(shutil.which, NAMES)), str(BROUGHT) if BROUGHT.exists() else None)


def missing(what: str) -> None:
    """Without a browser these tests are skipped, but not where they were asked for."""
    assert not os.environ.get("PERPLAB_BROWSER"), f"{what}, and PERPLAB_BROWSER says that the dashboard must be tried: make browser"
    pytest.skip(f"{what}: make browser")


@contextmanager
def chromium() -> Iterator[Browser]:
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        missing("no playwright")
    path = executable()
    if path is None:
        missing("no Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(FLAGS))
        yield browser
        browser.close()


class Server:
    """`perplab serve` with these words; `url` is where the dashboard is, `greeting` what it said."""

    def __init__(self, *words: str, port: int = 0) -> None:
        self.process = subprocess.Popen([*SERVE, "--port", str(port), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        finalize(self, self.process.kill)  # a test that fails before it stops its server leaves none behind
        assert self.process.stdout is not None
        self.greeting = "".join(self.process.stdout.readline() for _ in range(4))
        found = re.search(r"dashboard for people is (http://127\.0\.0\.1:\d+/)", self.greeting)
        assert found, (self.greeting, self.process.stderr.read() if self.process.stderr else "")
        self.url = found[1]

    @property
    def key(self) -> tuple[str, str]:
        """The operator's key and its secret."""
        found = re.search(r"operator's key is (\w+), its secret (\w+)", self.greeting)
        assert found, self.greeting
        return found[1], found[2]

    def stop(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.communicate(timeout=60)


def free_pair() -> int:
    """A port that is free together with the one after it."""
    for port in range(20_000, 32_000, 2):
        with socket.socket() as first, socket.socket() as second:
            try:
                first.bind(("127.0.0.1", port))
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    raise AssertionError("no two ports are free")


class Visit:
    """One page, and all that it complained of or asked of other machines."""

    def __init__(self, browser: Browser, server: Server, fragment: str = "", width: int = 1600, theme: str = "dark") -> None:
        self.complaints: list[str] = []
        self.outside: list[str] = []
        look = {"viewport": {"width": width, "height": 1000}, "color_scheme": theme, "locale": "en-US"}  # the machine may have none
        self.context = browser.new_context(**look)  # type: ignore[arg-type]
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", lambda message: self.complaints.append(message.text) if message.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.look(request.url, server))
        self.page.goto(server.url + fragment)
        self.until("document.querySelectorAll('#markets button').length > 0 && document.querySelector('#time').textContent !== '–'")

    def look(self, url: str, server: Server) -> None:
        if not url.startswith((server.url, server.url.replace("http", "ws"), "data:", "blob:")):
            self.outside.append(url)

    def until(self, script: str, argument: object = None) -> None:
        """Wait until an expression of the page's, or a function of the argument, is true. The page's policy forbids to wait inside it."""
        for _ in range(PATIENCE_MS // LOOK_MS):
            if self.page.evaluate(script, argument):
                return
            self.page.wait_for_timeout(LOOK_MS)
        raise AssertionError(f"{script} {argument}: not so, and the page says {self.page.locator('main').inner_text()!r}")

    def until_text(self, place: str, pattern: str) -> str:
        """Wait until the text at a place has a pattern in it; the text."""
        self.until("([place, pattern]) => new RegExp(pattern).test(document.querySelector(place)?.textContent ?? '')", [place, pattern])
        return self.page.locator(place).text_content() or ""

    def until_other(self, place: str) -> None:
        """Wait until the text at a place is another one."""
        before = self.page.locator(place).text_content()
        self.until("([place, before]) => document.querySelector(place).textContent !== before", [place, before])

    def as_guest(self) -> str:
        """Be a guest with money; the name."""
        self.page.click("#guest")
        return self.until_text("#who", "guest-").strip()

    def close(self) -> None:
        self.context.close()
        assert (self.complaints, self.outside) == ([], [])


Open = Callable[..., Visit]


def pause(operator: Visit) -> None:
    operator.page.click("#pause")
    operator.until_text("#done", "stands")
    operator.until_text("#clock-speed", "paused")
