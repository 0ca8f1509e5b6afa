"""The dashboard where the connection breaks, where a key is asked for, and at venues of other kinds."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from browser import Server, Visit, free_pair

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_a_lost_connection_is_shown_and_comes_back(browser: Browser) -> None:
    port = free_pair()
    server = Server("--trust", port=port)
    one = Visit(browser, server)
    one.as_guest()
    server.stop(signal.SIGKILL)
    one.until_text("#lost", "Connection lost")
    one.page.wait_for_selector("#lost", state="visible")
    again = Server("--trust", port=port)
    one.page.wait_for_selector("#lost", state="hidden")
    for place in ("#time", "#bids", "#trades"):
        one.until_other(place)
    one.until_text("#told", "Not logged in")  # this server has begun anew, and does not know the guest
    one.as_guest()
    one.context.close()  # its complaints are those of the browser's about the sockets that were refused
    expected = ("WebSocket", "ERR_CONNECTION_REFUSED", "Failed to load")
    assert [text for text in one.complaints if not any(part in text for part in expected)] == []
    assert one.outside == []
    again.stop()


def test_what_was_missed_is_caught_up_with_by_a_snapshot(browser: Browser) -> None:
    server = Server("--trust")
    one = Visit(browser, server)
    one.until_text("#bids", r"\d")
    one.page.evaluate("""() => {
        const hear = perplab.wire.hear.bind(perplab.wire);
        let lost = 0;
        perplab.wire.hear = message => {
            if (message.channel === "book" && message.type === "delta" && lost < 1) return void (lost += 1);
            if (message.channel === "book" && message.type === "snapshot") globalThis.caughtUp = true;
            hear(message);
        };
    }""")
    one.until("globalThis.caughtUp")
    one.until_other("#bids")
    one.close()
    server.stop()


def test_the_operator_comes_with_a_key_in_the_address(browser: Browser) -> None:
    server = Server()
    key, secret = server.key
    one = Visit(browser, server, f"#key={key}&secret={secret}")
    one.until_text("#who", "admin")
    one.until_text("#control", "Pause")
    assert one.page.url == server.url, "the secret does not stay in the address bar"
    one.page.reload()
    one.until_text("#who", "admin")  # this tab remembers
    one.page.click("#show-login")
    one.until("document.querySelector('#who').textContent === ''")
    one.until_text("#control", "The operator stops the time")
    other = Visit(browser, server, f"#key={key}&secret=wrong")
    other.until_text("#told", "Not logged in")
    other.as_guest()
    assert "Pause" not in (other.page.locator("#control").text_content() or "")
    one.close()
    other.close()
    server.stop()


@pytest.mark.parametrize("design", ["gmx_v2", "portfolio", "perp_v1", "injective_fba"])
def test_other_venues_are_shown(browser: Browser, design: str) -> None:
    server = Server("--trust", "--venue", design)
    one = Visit(browser, server, "#name=operator")
    one.until_other("#time")
    one.until_text("#control", "Pause")
    if design == "gmx_v2":  # where orders cannot rest, none that would is offered at first, and no empty ladder is shown
        assert one.page.locator("[name=kind]:checked").get_attribute("value") == "MARKET"
        assert not one.page.locator("#asks").is_visible() and one.page.locator("#no-book").is_visible()
    for at in range(one.page.locator("#markets button").count()):
        one.page.locator("#markets button").nth(at).click()
        is_spot = one.page.evaluate("perplab.venue.market.kind === 'spot'")  # where there is no funding, leverage, nor position
        assert one.page.locator("[name=reduce_only]").is_visible() != is_spot
        one.page.click("#show-rules")
        text = one.until_text("#rules-text", "Orders")
        assert "undefined" not in text and "NaN" not in text and "[object" not in text, text
        one.page.keyboard.press("Escape")
        one.page.wait_for_timeout(300)
    one.close()
    server.stop()
