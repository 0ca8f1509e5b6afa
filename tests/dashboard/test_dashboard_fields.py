"""What people type and press: the largest size, what is wrong with a field and where that is said, and where money comes from."""

from __future__ import annotations

import pytest
from browser import Open, Visit, pause

LOTS = 100_000  # of a BTC
PREVIEW = """size => {
    const side = document.querySelector("[name=side]:checked").value, account = perplab.session.account;
    return perplab.wire.ask("preview", {account, market: 0, side, price: 0, size, order_type: "MARKET", tif: "IOC"})
        .then(({reason, cancelled}) => reason ?? (cancelled ? "CUT" : null));
}"""  # what is in the way of a market order


def lots(one: Visit) -> int:
    return round(float(one.page.input_value("[name=size]")) * LOTS)


def at_most(one: Visit, side: str) -> int:
    """Press max; lots."""
    one.page.click(f"label:has-text('{side}')")
    one.page.fill("[name=size]", "")
    one.page.click("[data-share='100']")
    one.until("document.querySelector('[name=size]').value !== ''")
    return lots(one)


def with_leverage(one: Visit, leverage: int) -> None:
    one.page.locator("[name=leverage]").evaluate("""(slider, leverage) => {
        slider.value = leverage;
        for (const kind of ["input", "change"]) slider.dispatchEvent(new Event(kind, {bubbles: true}));
    }""", leverage)  # fmt: skip
    one.until_text("#told", f"Leverage is {leverage}×")


@pytest.mark.parametrize("leverage", [40, 5, 1])
def test_max_of_a_market_order_is_the_largest_size_that_passes(visit: Open, operator: Visit, leverage: int) -> None:
    """With fees and slippage: at 40 times what the account has, they take a part of it that no fixed share would cover."""
    one = visit()
    one.as_guest()
    pause(operator)
    with_leverage(one, leverage)
    one.page.click("label:has-text('Market')")
    for side in ("Buy / long", "Sell / short"):
        size = at_most(one, side)
        assert one.page.evaluate(PREVIEW, size) is None
        assert one.page.evaluate(PREVIEW, size + size // 1_000) is not None
        one.until_text("#whatif", "Fills at once")
    one.page.click("[data-share='50']")
    one.until("most => Math.abs(document.querySelector('[name=size]').value * 2e5 - most) < 10", size)
    size = at_most(one, "Buy / long")
    one.page.click("#send")
    one.until_text("#told", rf"Filled {size / LOTS:,.5f} at")
    turned = at_most(one, "Sell / short")  # closes the position and opens another one
    assert turned > size and one.page.evaluate(PREVIEW, turned) is None
    one.page.click("#mine button:text-is('Close')")


def test_max_goes_with_the_market_until_the_order_is_sent(visit: Open, operator: Visit) -> None:
    one = visit()
    one.as_guest()
    pause(operator)
    one.page.click("label:has-text('Market')")
    size = at_most(one, "Buy / long")
    one.page.evaluate("""() => {  // as if the market had moved since: twice what there is does not pass
        document.querySelector("[name=size]").value *= 2;
    }""")
    one.page.click("#send")
    one.until_text("#told", "Filled")
    assert 0.9 * size < one.page.evaluate("perplab.wire.ask('account', {account: perplab.session.account}).then(told => "
                                          "told.positions[0].size)") <= size  # fmt: skip
    one.page.click("#mine button:text-is('Close')")


def test_what_came_of_an_order_is_not_told_beside_what_the_next_one_would_come_to(visit: Open, operator: Visit) -> None:
    one = visit()
    one.as_guest()
    pause(operator)
    one.page.fill("[name=price]", "66000")
    size = at_most(one, "Sell / short")
    one.page.click("#send")
    one.until_text("#told", r" rest in the book")
    for _ in range(6):  # though the page asks every second what the same would come to
        assert one.page.locator("#why").text_content() == "" and one.page.locator("#whatif").text_content() == ""
        one.page.wait_for_timeout(500)
    one.until("document.querySelector('#told').textContent === ''")
    one.until_text("#why", "^The same order once more would be refused: insufficient margin")
    assert "bad" not in (one.page.get_attribute("#why", "class") or "").split()
    one.page.fill("[name=size]", str(size / LOTS))
    one.until_text("#why", "^It would be refused: insufficient margin")
    assert "bad" in (one.page.get_attribute("#why", "class") or "").split()
    one.page.click("#mine button:text-is('Cancel')")


def test_values_at_an_axis_differ_and_a_sign_in_trades_is_explained(visit: Open) -> None:
    one = visit()
    told = one.page.evaluate("""async () => {
        const {apart} = await import("/dashboard/js/gauges.js"), {compact} = await import("/dashboard/js/numbers.js");
        return [apart([9998100, 9998150, 9998200], compact), apart([0, 1000, 2000], compact), apart([null, 1.5], compact)];
    }""")
    assert told == [["9.9981M", "9.99815M", "9.9982M"], ["0", "1K", "2K"], ["", "1.5"]]
    one.until_text("section[aria-labelledby=trades-title] .head", "⚡ a liquidation")
    one.page.evaluate("""() => {
        const {venue} = perplab, last = venue.trades.at(-1);
        venue.hearTrades({type: "delta", items: [{...last, liquidation: 1}]});
    }""")
    one.until("[...document.querySelectorAll('#trades [title*=liquidated]')].some(one => one.textContent.includes('⚡'))")


def test_max_of_an_order_that_cannot_be_says_why(visit: Open, operator: Visit) -> None:
    one = visit()
    one.page.click("[data-share='100']")
    one.until_text("#why", "Log in to trade: a size goes by what you have")
    one.as_guest()
    pause(operator)
    one.page.fill("[name=price]", "1")
    one.page.click("label:has-text('Sell / short')")
    one.page.click("[data-share='100']")
    one.until_text("#why", r"No size would pass: price band \(sells are at most 20 % below the mark\)")
    one.page.click("label:has-text('Market')")
    one.page.click("label:has-text('Reduce only')")
    one.page.click("[data-share='100']")
    one.until_text("#why", r"No size would pass: reduce only \(there is no position that it would reduce\)")


def test_bounds_of_the_ticket_are_told_in_its_units(visit: Open) -> None:
    one = visit()
    one.as_guest()
    one.page.fill("[name=size]", "100000000")
    one.until_text("#wrong-size", r"The size is at most [\d,]+\.\d{5} BTC")
    one.page.fill("[name=size]", "0.01")
    one.page.fill("[name=price]", "100000000000")
    one.until_text("#wrong-price", r"The price is at most [\d,]+ USD\.$")


def test_a_decimal_comma_is_refused_and_never_dropped(visit: Open) -> None:
    """A comma groups three digits of the whole part; dropped elsewhere it would make an order 10 to 1,000 times too large."""
    one = visit()
    one.as_guest()
    one.page.click("label:has-text('Limit')")
    grouped = "Commas only group the thousands, as in 60,000."
    for typed, meant in (("0,01", "0.01"), ("0,5", "0.5"), ("0,001", "0.001"), (",5", "0.5"), ("1.234,5", "1234.5"), ("60,00", "60.00")):
        for name in ("size", "price"):
            one.page.fill("[name=size]", "0.01")
            one.page.fill("[name=price]", "55000")
            one.page.fill(f"[name={name}]", typed)
            one.until("([name, said]) => document.querySelector(`#wrong-${name}`).textContent === said",
                      [name, f"“{typed}”: write {meant}. {grouped}"])  # fmt: skip
            assert one.page.get_attribute(f"[name={name}]", "aria-invalid") == "true"
            one.page.click("#send")
    one.page.fill("[name=size]", "")
    one.page.fill("[name=price]", "5,50")
    one.until_text("#wrong-price", "“5,50”: write 5.50")  # before there is a size
    one.page.fill("[name=size]", "0,5")
    one.until_text("#wrong-size", "“0,5”: write 0.5")
    assert one.page.is_visible("#wrong-price"), "each field says what is wrong with it"
    one.page.fill("[name=price]", "5,5000")
    one.until_text("#wrong-price", "“5,5000”: write 5.5000")
    one.page.fill("[name=price]", "55,000")
    for typed in ("1,23,456", "1,000.5,0"):
        one.page.fill("[name=size]", typed)
        one.until_text("#wrong-size", f"“{typed}”: commas only group the thousands, as in 1,234,567.5.")
    assert one.page.evaluate("perplab.wire.ask('account', {account: perplab.session.account}).then(told => told.orders)") == []
    one.page.fill("[name=size]", "1,000.5")
    one.until_text("#why", "insufficient margin")  # as large as it says
    one.page.fill("[name=size]", "0.01")
    one.until_text("#whatif", "Rests in the book0.01000")
    assert one.page.get_attribute("[name=size]", "aria-invalid") == "false"


def test_what_is_wrong_in_the_ticket_is_said_at_its_field_with_the_unit(visit: Open) -> None:
    one = visit()
    one.as_guest()
    one.page.fill("[name=price]", "55000")
    for typed, said in (
        ("abc", "“abc” is not a number such as 0.00001 BTC."), ("-1", "The size is at least 0.00001 BTC: to sell, choose that above."),
        ("0", "The size is at least 0.00001 BTC."), ("0.01 ETH", "“0.01 ETH”: the unit here is BTC."),
        ("0.5.5", "“0.5.5” has more than one point."), ("1e5", "“1e5” is not a number such as 0.00001 BTC."),
        ("0.000001", "The size is a multiple of 0.00001 BTC: “0.000001” is not."),
    ):  # fmt: skip
        one.page.fill("[name=size]", typed)
        one.until("said => document.querySelector('#wrong-size').textContent === said", said)
    one.page.fill("[name=size]", "0.01 BTC")  # with its unit, as the operator's fields take it
    one.until_text("#whatif", "Rests in the book0.01000")
    for typed, said in (
        ("", "The price is missing: a number of USD."), ("abc", "“abc” is not a number such as 1 USD."),
        ("-1", "The price is at least 1 USD."), ("0.5", "The price is a multiple of 1 USD: “0.5” is not."),
    ):  # fmt: skip
        one.page.fill("[name=price]", typed)
        one.until("said => document.querySelector('#wrong-price').textContent === said", said)
    one.page.click("label:has-text('Market')")
    one.until_text("#whatif", "Fills at once")  # which has no price
    one.page.fill("[name=size]", "")
    one.page.click("#send")
    one.until_text("#wrong-size", "The size is missing: a number of BTC")


def refused(operator: Visit, field: str, typed: str, button: str) -> str:
    """What is said at a field when the button is pressed."""
    operator.page.fill(field, typed)
    operator.page.click(button)
    said = operator.page.locator(f"#{operator.page.get_attribute(field, 'aria-describedby')}")
    operator.until("place => document.querySelector(place).getAttribute('aria-invalid') === 'true'", field)
    assert operator.page.evaluate("place => document.activeElement === document.querySelector(place)", field), "where he goes on"
    assert operator.page.locator("#done").text_content() == ""
    return said.text_content() or ""


def test_fields_of_the_operator_say_what_is_wrong_in_their_units(operator: Visit) -> None:
    fields = (
        ("#shock", "#do-shock", "From −90 to 900 %.", ("-150", "1000")),
        ("[aria-label='Lag in seconds']", "button:text-is('Lag')", "From 0 to 3,600 s.", ("-1", "4000")),
        ("#step-seconds", "#step", "More than 0 and at most 86,400 s.", ("0", "90000")),
        ("[aria-label*='maintenance']", "button:text-is('Maintenance')", "More than 0 and at most 525,600 min.", ("-1", "1000000")),
        ("[aria-label='Funding rate, percent an hour']", "button:text-is('Set funding')", "From −100 to 100 % / h.", ("-101", "500")),
    )
    for field, button, bounds, (low, high) in fields:
        assert refused(operator, field, "", button) == f"A number is missing here. {bounds}"
        assert refused(operator, field, "1e1", button).startswith("“1e1” is not a number such as ")
        assert refused(operator, field, low, button).endswith(f" is too little. {bounds}")
        assert refused(operator, field, high, button).endswith(f" is too much. {bounds}")
        assert refused(operator, field, "0,5", button) == f"“0,5”: write 0.5. Commas only group the thousands, as in 60,000. {bounds}"
    assert refused(operator, "#step-seconds", "90,000", "#step").startswith("90,000 s is too much.")
    assert refused(operator, "#shock", "0", "#do-shock") == "At 0 % the price does not jump."
    assert refused(operator, "#shock", "0.00001", "#do-shock") == "At most 4 digits behind the point."
    assert refused(operator, "#kept-as", "", "#keep") == "Under which name? At most 32 letters."
    operator.page.fill("#shock", "−1 %")  # with its unit, and a minus as people write it
    assert operator.page.get_attribute("#shock", "aria-invalid") == "false", "what was wrong is typed anew"
    operator.page.click("#do-shock")
    operator.until_text("#done", "The price of BTC jumps by -1 %")
    operator.page.fill("#shock", "1")
    operator.page.click("#do-shock")
    operator.until_text("#done", "The price of BTC jumps by 1 %")


def test_a_playbook_asks_whose_bot_it_is_for(operator: Visit) -> None:
    user = "#control input[placeholder='name or address']"
    operator.page.select_option("#playbook", "clock_skew")
    assert refused(operator, user, "", "#play") == "Whose bot? The name that it logs in with, or its address."
    assert refused(operator, user, "no-such-bot", "#play") == "Nobody is called “no-such-bot” here."


def test_what_a_playbook_does_is_told_in_words(operator: Visit) -> None:
    told = operator.page.evaluate("""async () => {
        const {inWords} = await import("/dashboard/js/spoken.js");
        const {playbooks} = await (await fetch("/dashboard/about.json")).json();
        return playbooks.flatMap(({steps}) => steps.flatMap(({request, undo}) => [request, undo].filter(Boolean)))
            .map(request => inWords(request, perplab.venue.markets));
    }""")
    assert not [line for line in told if "_p" in line or "=" in line or "undefined" in line], told
    for line in (
        "the outside price jumps by −10 %", "the makers leave", "the oracle freezes", "BTC is cancel only",
        "gas costs 20 times what the venue's design says", "the next 5 orders of $USER are refused",
        "longs pay shorts 0.1 % in $MARKET, at every payment of funding", "funding of $MARKET goes by the venue's rule",
        "the times that $USER is told are 2 s behind",
    ):  # fmt: skip
        assert line in told


def test_where_money_comes_from_is_said(visit: Open) -> None:
    """A guest is a new user who begins with some; the button adds as much to the account of who is logged in."""
    one = visit()
    one.until_text("#guest-box", "a guest is a new user with 100,000 USD of play money")
    name = one.as_guest()
    one.until_text("#told", f"You are {name}, with 100,000 USD of play money")
    one.until_text("#available", "^100,000.00 USD available")
    one.page.click("#add-money:text-is('Add 100,000 USD')")
    one.until_text("#told", "100,000 USD of play money added")
    one.until_text("#available", "^200,000.00 USD available")
    other = visit("#name=somebody-new")
    other.until_text("#available", "^0.00 USD available")  # who logs in by a name begins with nothing
    other.page.click("#add-money")
    other.until_text("#available", "^100,000.00 USD available")
    assert "aucet" not in (other.page.locator("body").text_content() or "")
