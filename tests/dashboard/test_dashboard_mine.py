"""One's own things in the dashboard: all that may trade later is there, and each button does what it says however slowly it is pressed."""

from __future__ import annotations

import pytest
from browser import Open, Visit, pause

PLACE = """async ([op, fields]) => {
    const where = op === "link_oco" ? {} : {market: 0};
    return (await perplab.wire.ask(op, {account: perplab.session.account, ...where, ...fields})).order_id;
}"""
SHOWN = """() => [...document.querySelectorAll("#mine tbody tr")]
    .map(row => [...row.querySelectorAll("td")].map(cell => cell.textContent).filter(Boolean).join(" | "))"""


def placed(one: Visit, op: str, **fields: object) -> int:
    """The id of what was placed."""
    return one.page.evaluate(PLACE, [op, fields])  # type: ignore[no-any-return]


def bought(one: Visit) -> None:
    placed(one, "place", side="BUY", size=100_000, price=0, order_type="MARKET", tif="IOC")
    one.until_text("#mine", "BTC long")


def slowly(one: Visit, place: str, ms: int = 600) -> None:
    """Press a button and let go of it later, as people do."""
    one.page.locator(place).scroll_into_view_if_needed()
    box = one.page.locator(place).bounding_box()
    assert box
    one.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    one.page.mouse.down()
    one.page.wait_for_timeout(ms)
    one.page.mouse.up()


@pytest.mark.parametrize("width", [1600, 900, 400])
def test_all_that_may_trade_later_is_shown_and_is_cancelled(visit: Open, width: int) -> None:
    one = visit(width=width)
    one.as_guest()
    bought(one)
    stop = placed(one, "place_trigger", side="SELL", size=0, trigger="STOP", source="MARK", trigger_price=40_000, reduce_only=1)
    profit = placed(one, "place_trigger", side="SELL", size=500, trigger="TAKE_PROFIT", source="LAST", trigger_price=90_000, price=89_000,
                    reduce_only=1)  # fmt: skip
    placed(one, "place_trigger", side="SELL", size=0, trigger="TRAILING_PPM", source="MARK", trigger_price=0, trail=300_000,
           reduce_only=1)  # fmt: skip
    later = placed(one, "place_trigger", side="BUY", size=200, trigger="TRAILING_TICKS", source="ORACLE", trigger_price=40_000, trail=500)
    placed(one, "link_oco", first=stop, second=profit)
    twap = placed(one, "place_twap", side="BUY", size=1_000_000, slices=100, interval=60_000_000_000, take_profit=90_000)
    one.until("document.querySelectorAll('#mine tbody tr').length === 7")
    shown = [line.removesuffix(" | Cancel") for line in one.page.evaluate(SHOWN)]
    assert shown[1] == f"BTC stop, sell | whole position | mark ≤ 40,000 | market order | goes when {profit} trades"
    assert shown[2] == f"BTC take-profit, sell | 0.00500 | last price ≥ 90,000 | limit 89,000 | goes when {stop} trades, reduce only"
    assert shown[3].startswith("BTC trailing stop, sell | whole position | mark ≤ 4") and "trails the mark by 30 %" in shown[3]
    assert shown[4] == "BTC trailing stop, buy | 0.00200 | trails from oracle ≤ 40,000 on | market order | trails the oracle by 500"
    assert shown[5].endswith(f"mark ≥ 90,000 | market order | of the bracket of {twap}, reduce only")
    assert shown[6].startswith("BTC TWAP, buy | 10.00000 | 0.10000 | 1 of 100 | ")
    cut = one.page.evaluate("""() => [...document.querySelectorAll("#mine *")].filter(one => one.offsetParent &&
        one.tagName !== "CAPTION" && (one.getBoundingClientRect().right > one.closest(".panel").getBoundingClientRect().right ||
        (one.clientWidth && one.scrollWidth > one.clientWidth + 1))).map(one => one.outerHTML)""")
    assert cut == []
    one.page.click("#mine button:text-is('Close')")
    one.until_text("#told", "A TWAP that runs may open it again")
    one.page.click(f"[aria-label='Cancel TWAP {twap}']")
    one.until("!document.querySelector('#mine').textContent.includes('BTC TWAP')")
    one.page.click(f"[aria-label='Cancel trigger {later}']")
    one.until(f"!document.querySelector('[aria-label=\"Cancel trigger {later}\"]')")
    one.until("document.querySelectorAll('#mine tbody tr').length === 0")  # the others went with the position
    one.until_text("#mine", "No positions.*No open orders.")


def test_what_a_bracket_will_place_is_told_beside_its_entry(visit: Open) -> None:
    one = visit()
    one.as_guest()
    one.until_text("#mine", "No open orders")
    entry = placed(one, "place_bracket", side="BUY", size=1_000, price=50_000, order_type="LIMIT", tif="GTC", take_profit=90_000,
                   stop=40_000)  # fmt: skip
    one.until_text("#mine", "then take-profit at 90,000, stop at 40,000")
    one.page.click(f"[aria-label='Cancel order {entry}']")
    one.until("document.querySelectorAll('#mine tbody tr').length === 0")


def test_a_button_that_is_pressed_slowly_is_pressed(visit: Open) -> None:
    """The mark moves all the time, and with it what is told of the row; so do the TWAP's slices."""
    one = visit()
    one.as_guest()
    bought(one)
    placed(one, "place_twap", side="BUY", size=1_000_000, slices=1000, interval=1_000_000_000)
    for price in (40_000, 41_000, 42_000):
        placed(one, "place", side="BUY", size=1_000, price=price, order_type="LIMIT", tif="GTC")
    one.until("document.querySelectorAll('#mine tbody tr').length === 5")
    for left in (4, 3, 2):
        slowly(one, "#mine [aria-label^='Cancel order'] >> nth=0")
        one.until(f"document.querySelectorAll('#mine tbody tr').length === {left}")
    slowly(one, "#add-money")
    one.until_text("#told", "100,000 USD of play money added")
    slowly(one, "#mine [aria-label^='Cancel TWAP']", 1_300)
    one.until("!document.querySelector('#mine').textContent.includes('BTC TWAP')")
    slowly(one, "#mine button:text-is('Close')", 1_300)
    one.until_text("#mine", "No positions")


def test_a_row_and_its_button_stay_while_what_is_told_of_them_changes(visit: Open, operator: Visit) -> None:
    one = visit()
    one.as_guest()
    bought(one)
    pause(operator)
    button = "document.querySelector('#mine button')"
    one.page.evaluate(f"globalThis.first = {button}; first.focus()")
    placed(one, "place", side="BUY", size=50_000, price=0, order_type="MARKET", tif="IOC")
    one.until_text("#mine", r"BTC long 40×1\.50000")
    assert one.page.evaluate(f"{button} === first && document.activeElement === first")
    one.page.click("#mine button:text-is('Close')")
    one.until_text("#mine", "No positions")  # all of it, not what there was when the button was made
