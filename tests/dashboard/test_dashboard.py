"""The dashboard in a browser, against a server that runs: what people see and do there."""

from __future__ import annotations

import pytest
from browser import OPERATOR, Open, Visit, pause


def test_numbers_change_by_themselves(visit: Open) -> None:
    one = visit()
    for place in ("#time", "#bids", "#asks", "#trades", "#last"):
        one.until_other(place)
    one.until_text("#stats", r"Mark\d\d,\d{3}Oracle\d\d,\d{3}")
    one.until("document.querySelectorAll('#gauges canvas').length === 4 && document.querySelectorAll('#chart canvas').length > 0")


def test_another_market_is_shown(visit: Open) -> None:
    one = visit()
    one.page.click("#markets button:has-text('ETH')")
    one.until_text("#bids", r"\d,\d{3}\.\d")
    assert one.page.get_attribute("#markets button:has-text('ETH')", "aria-pressed") == "true"
    one.until_text("#size-unit", "ETH")


@pytest.mark.parametrize("interval", ["1m", "1h"])
def test_candles_of_the_venue_are_shown(visit: Open, interval: str) -> None:
    one = visit()
    with one.page.expect_event("console", predicate=lambda message: message.text == "candles", timeout=60_000):
        one.page.evaluate("""() => {
            const ask = perplab.wire.ask.bind(perplab.wire);
            const heard = (op, reply) => { if (op === "candles" && reply.candles.length) console.log(op); return reply; };
            perplab.wire.ask = (op, fields) => ask(op, fields).then(reply => heard(op, reply));
        }""")
        one.page.click(f"#intervals button:text-is('{interval}')")
    assert one.page.get_attribute(f"#intervals button:text-is('{interval}')", "aria-pressed") == "true"


def test_an_order_by_hand_rests_in_the_book_and_fills(visit: Open, operator: Visit) -> None:
    buyer, seller = visit(), visit()
    buyer.as_guest()
    seller.as_guest()
    pause(operator)  # so that nobody else moves
    buyer.page.click("#bids button >> nth=0")
    buyer.page.fill("[name=size]", "0.01")
    buyer.until_text("#whatif", "Rests in the book0.01000")
    buyer.page.click("#send")
    buyer.until_text("#told", r"0\.01000 rest in the book")
    buyer.until("document.querySelector('#bids .line.own') !== null")
    buyer.until_text("#mine", r"BTC buy0\.01000")
    seller.page.click("label:has-text('Sell / short')")
    seller.page.click("label:has-text('Market')")
    seller.page.fill("[name=size]", "5")
    seller.until_text("#whatif", "Fills at once5.00000")
    seller.page.click("#send")
    seller.until_text("#told", r"Filled 5\.00000 at")
    buyer.until_text("#mine", r"BTC long 40×0\.01000")
    buyer.page.click("#mine button:text-is('Close')")
    buyer.until_text("#mine", "No positions")


def test_an_order_is_cancelled(visit: Open) -> None:
    one = visit()
    one.as_guest()
    one.page.fill("[name=price]", "55000")
    one.page.fill("[name=size]", "0.01")
    one.page.click("#send")
    one.until_text("#mine", "BTC buy")
    one.page.click("#mine button:text-is('Cancel')")
    one.until_text("#mine", "No open orders")


def test_what_would_be_refused_says_why(visit: Open) -> None:
    one = visit()
    one.as_guest()
    one.page.fill("[name=size]", "5000")
    one.until_text("#why", "It would be refused: insufficient margin")
    one.page.fill("[name=size]", "0.000001")
    one.until_text("#wrong-size", r"The size is a multiple of 0\.00001 BTC")
    one.page.fill("[name=size]", "0.01")
    one.page.fill("[name=price]", "1.5")
    one.until_text("#wrong-price", "The price is a multiple of 1 USD")


def test_leverage_is_set_and_shown(visit: Open) -> None:
    one = visit()
    one.as_guest()
    one.page.locator("[name=leverage]").evaluate("""slider => {
        slider.value = 5;
        for (const kind of ["input", "change"]) slider.dispatchEvent(new Event(kind, {bubbles: true}));
    }""")
    one.until_text("#told", "Leverage is 5×")
    one.page.click("label:has-text('Market')")
    one.page.click("[data-share='50']")
    one.until_text("#whatif", "Fills at once")
    one.page.click("#send")
    one.until_text("#mine", "BTC long 5×")


def test_a_shock_liquidates_and_the_feed_says_who_paid(visit: Open, operator: Visit) -> None:
    one = visit()
    name = one.as_guest()
    one.page.click("label:has-text('Market')")
    one.page.fill("[name=size]", "40")
    one.until_text("#whatif", "Liquidation price after")
    one.page.click("#send")
    one.until_text("#mine", "BTC long 40×")
    operator.until_text("#risk", name)
    operator.page.fill("#shock", "-8")
    operator.page.click("#do-shock")
    told = operator.until_text("#feed", f"{name}: long .* closed .* against .*Deficit [0-9,.]+ USD: the backstop vault paid")
    assert "house bot" in told or "the backstop vault" in told
    one.until_text("#mine", "No positions")
    one.until_text("#feed", name)
    visit().until_text("#feed", "somebody: long .* BTC closed")  # others are not told who it was
    operator.page.fill("#shock", "8")
    operator.page.click("#do-shock")


def bought(one: Visit, size: str = "0.5") -> None:
    one.page.click("label:has-text('Market')")
    one.page.fill("[name=size]", size)
    one.until_text("#whatif", "Fills at once")
    one.page.click("#send")
    one.until_text("#mine", "BTC long")


def test_a_guest_who_takes_the_controls_keeps_what_he_has(visit: Open) -> None:
    one = visit()
    name = one.as_guest()
    bought(one)
    one.page.click("#take-control")
    one.until_text("#control", "Pause")
    assert one.page.locator("#who").text_content() == name
    one.until_text("#mine", "BTC long")
    one.page.reload()
    one.until_text("#control", "Pause")
    one.page.click("#give-back:text-is('Give the controls back')")
    one.until_text("#control", "this server trusts whoever asks")
    assert one.page.locator("#who").text_content() == name
    one.until_text("#mine", "BTC long")
    one.page.wait_for_selector("#give-back", state="hidden")


def test_a_guest_who_was_somebody_else_is_himself_again(visit: Open) -> None:
    one = visit()
    name = one.as_guest()
    bought(one)
    one.page.click("#show-login")  # logs out
    one.until("document.querySelector('#who').textContent === ''")
    one.page.click("#show-login")
    one.page.fill("#by-name [name=name]", "operator")
    one.page.click("#by-name button")
    one.until_text("#who", "operator")
    one.until("!document.querySelector('#mine').textContent.includes('BTC long')")
    one.page.click(f"#give-back:text-is('Be {name} again')")
    one.until_text("#who", name)
    one.until_text("#mine", "BTC long")
    one.page.click("#show-login")
    one.page.click(f"#again:text-is('Be {name} again')")
    one.until_text("#mine", "BTC long")
    one.until_text("#told", f"You are {name} again")
    assert one.page.evaluate("sessionStorage.getItem('perplab.earlier')") is None


def test_what_is_available_afterwards_is_for_trading(visit: Open, operator: Visit) -> None:
    """And not what may be withdrawn, of which the transfer margin takes 10 % of a position."""
    one = visit()
    one.as_guest()
    operator.page.click("#pause")
    bought(one)
    one.page.click("label:has-text('Limit')")
    one.page.fill("[name=price]", "55000")
    one.page.fill("[name=size]", "1")
    told = one.until_text("#whatif", r"Rests in the book1\.00000.*Available after[\d,]+\.\d\d USD")
    expected = one.page.evaluate("""perplab.wire.ask("preview", {account: perplab.session.account, market: 0, side: "BUY", price: 55000,
        size: 100000}).then(({available_margin: available, free_margin: free}) => [available, free].map(Number))""")
    assert expected[0] > expected[1] + 10**6
    assert f"Available after{expected[0] // 10_000 / 100:,.2f} USD" in told and "Free" not in told
    one.page.click("#send")
    one.until_text("#available", f"{expected[0] // 10_000 / 100:,.2f} USD available")


def test_what_was_told_of_an_order_goes_when_it_is_old_news(visit: Open, operator: Visit) -> None:
    buyer, seller = visit(), visit()
    buyer.as_guest()
    seller.as_guest()
    pause(operator)
    buyer.page.click("#bids button >> nth=0")
    buyer.page.fill("[name=size]", "0.01")
    buyer.page.click("#send")
    buyer.until_text("#told", r"0\.01000 rest in the book")
    buyer.page.wait_for_timeout(1_500)
    buyer.until_text("#told", r"0\.01000 rest in the book")
    seller.page.click("label:has-text('Sell / short')")
    seller.page.click("label:has-text('Market')")
    seller.page.fill("[name=size]", "5")
    seller.until_text("#whatif", "Fills at once")
    seller.page.click("#send")
    seller.until_text("#told", "Filled")
    buyer.until("document.querySelector('#told').textContent === ''")  # it rests no more
    seller.page.fill("[name=size]", "4")
    assert seller.page.locator("#told").text_content() == "", "of the order before"
    seller.page.click("#send")
    seller.until_text("#told", "Filled|Nothing")
    seller.until("document.querySelector('#told').textContent === ''")  # by itself


def test_all_of_a_position_is_in_sight_on_a_phone(visit: Open, operator: Visit) -> None:
    one = visit(width=400)
    one.as_guest()
    bought(one)
    one.page.click("label:has-text('Limit')")
    one.page.fill("[name=price]", "55000")
    one.page.click("#send")
    one.until_text("#mine", "BTC buy")
    operator.page.set_viewport_size({"width": 400, "height": 1000})
    operator.until("document.querySelectorAll('#risk td').length > 0")
    for page in (one.page, operator.page):
        cut = page.evaluate("""() => [...document.querySelectorAll("#mine *, #risk *")].filter(one => one.offsetParent &&
            one.tagName !== "CAPTION" && (one.getBoundingClientRect().right > innerWidth - 8 ||
            (one.clientWidth && one.scrollWidth > one.clientWidth + 1))).map(one => one.outerHTML)""")
        assert cut == []
    for word in ("size", "entry", "profit", "liquidation"):
        assert one.page.evaluate("word => [...document.querySelectorAll('#mine td')].some(one => one.dataset.head === word && "
                                 "getComputedStyle(one, '::before').content === `\"${word}\"`)", word)  # fmt: skip
    one.page.click("#mine button:text-is('Close')")
    one.until_text("#mine", "No positions")


def test_a_chart_is_not_empty_for_long(visit: Open) -> None:
    one = visit()
    one.until("[...document.querySelectorAll('#intervals button')].some(one => one.getAttribute('aria-pressed') === 'true')")
    pressed = one.page.evaluate("document.querySelector('#intervals [aria-pressed=true]').textContent")
    assert pressed in ("1s", "1m")
    one.until("perplab.chart.candles.all.size >= 10")
    one.page.click("#intervals button:text-is('5s')")
    assert one.page.evaluate("perplab.chart.candles.all.size") >= 2, "made of the same trades"
    sums = one.page.evaluate("""() => Object.values(perplab.chart.candles.made)
        .map(candles => [...candles.values()].reduce((sum, one) => sum + one.size, 0))""")
    assert abs(sums[0] - sums[1]) < 1e-6


def test_time_stands_and_is_stepped(operator: Visit) -> None:
    pause(operator)
    before = operator.page.evaluate("perplab.wire.ask('ping').then(reply => reply.ts)")
    operator.page.fill("#step-seconds", "10")
    operator.page.click("#step")
    operator.until_text("#done", "10 s have passed")
    after = operator.page.evaluate("perplab.wire.ask('ping').then(reply => reply.ts)")
    assert int(after) - int(before) == 10_000_000_000


def test_the_oracle_freezes(operator: Visit) -> None:
    operator.page.click("#freeze")
    operator.until_text("#done", "frozen")
    assert operator.page.evaluate("perplab.wire.ask('world').then(reply => reply.world.oracle)") == "frozen"
    operator.page.click("text=Let it run")
    operator.until_text("#done", "without a lag")


def test_what_is_changed_around_the_venue_stays_in_sight(visit: Open, operator: Visit) -> None:
    """Also for who comes later; and an empty book says that it is."""
    operator.page.click("#freeze")
    operator.page.click("button:text-is('Makers leave')")
    operator.until_text("#control", "Outside price the oracle is frozen.*Bots makers are gone")
    later = visit(OPERATOR)
    later.until_text("#control", "Outside price the oracle is frozen.*Bots makers are gone")
    later.page.wait_for_selector("#no-book", state="visible")
    assert later.page.locator("#no-book").text_content() == "The book is empty: nobody bids or offers at the moment."
    operator.page.click("text=Let it run")
    operator.page.click("[aria-label='makers return']")
    operator.until("!document.querySelector('#control').textContent.match(/is frozen|are gone/)")
    later.page.wait_for_selector("#no-book", state="hidden")


def test_a_market_is_halted_for_a_while(operator: Visit) -> None:
    operator.page.click("#control button:text-is('Maintenance')")
    operator.until_text("#done", "halted for 1 min")
    operator.until_text("#stats", "halted")
    operator.page.click("#control button:text-is('100×')")
    operator.until_text("#stats", "active")


def test_a_playbook_is_played(operator: Visit) -> None:
    operator.page.click("#control button:text-is('100×')")
    operator.page.select_option("#playbook", "oracle_frozen")
    operator.page.click("#play")
    operator.until_text("#done", "oracle_frozen: done")


def test_a_playbook_is_for_every_market(operator: Visit) -> None:
    rates = """Promise.all([0, 1, 2].map(market => perplab.wire.ask("ticker", {market})))
        .then(all => all.map(one => Number(one.funding_rate_ppt)))"""
    operator.page.click("#control button:text-is('1×')")
    operator.page.select_option("#playbook", "funding_flip")
    operator.page.click("#play")
    operator.until_text("#done", "step 2 of 3")
    assert operator.page.evaluate(rates) == [10**9] * 3
    operator.page.click("#stop")
    operator.until_text("#done", "stopped, and taken back")
    assert 10**9 not in operator.page.evaluate(rates)


def test_a_playbook_that_is_stopped_is_taken_back(operator: Visit) -> None:
    pause(operator)
    operator.page.select_option("#playbook", "liquidity_vacates")
    operator.page.click("#play")
    operator.until_text("#done", "step 1 of")
    operator.page.click("#stop")
    operator.until_text("#done", "stopped, and taken back")


def test_a_state_is_kept_and_gone_back_to(visit: Open, operator: Visit) -> None:
    one = visit()
    one.as_guest()
    pause(operator)
    operator.page.click("#keep")
    operator.until_text("#done", "Kept as before")
    kept = operator.page.evaluate("perplab.wire.ask('ping').then(reply => reply.ts)")
    one.page.click("label:has-text('Market')")
    one.page.fill("[name=size]", "0.5")
    one.page.click("#send")
    one.until_text("#mine", "BTC long")
    operator.page.click("#step")
    operator.until_text("#done", "have passed")
    operator.page.click("#rewind")
    operator.until_text("#done", "Back at before")
    assert operator.page.evaluate("perplab.wire.ask('ping').then(reply => reply.ts)") == kept
    one.until_text("#mine", "No positions")


def test_rules_are_told_in_words(visit: Open) -> None:
    one = visit()
    one.page.click("#show-rules")
    text = one.until_text("#rules-text", "Who pays what is left")
    assert "buyany up to 20 % above the mark" in text and "sellany down to 20 % below the mark" in text
    assert "Taker pays0.045 %" in text and "Winners are deleveraged" in text and "{" not in text and "undefined" not in text
    one.page.keyboard.press("Escape")
    one.until("!document.querySelector('#rules').open")


def test_names_are_text(visit: Open) -> None:
    name = "<b id=bold>x</b>"
    one = visit()
    one.page.click("#show-login")
    one.page.fill("#by-name [name=name]", name)
    one.page.click("#by-name button")
    assert name in one.until_text("#who", "bold")
    assert one.page.locator("#bold").count() == 0


def test_a_user_is_named_by_an_address(visit: Open, operator: Visit) -> None:
    """As those of Hyperliquid's API are: 42 characters, in letters of any case."""
    address = "0x14791697260E4c9A71f18484C9f997B308e59325"
    one = visit(width=400)
    one.page.click("#show-login")
    one.page.fill("#by-name [name=name]", "")
    one.page.type("#by-name [name=name]", address)  # key by key: what is filled in at once may be longer than a field takes
    one.page.click("#by-name button")
    assert one.until_text("#who", "0x").strip() == address.lower()
    assert one.page.evaluate("document.documentElement.scrollWidth") <= 400
    one.page.click("#add-money")
    one.until_text("#told", "100,000 USD of play money added")
    operator.page.click("#control button:text-is('100×')")
    operator.page.select_option("#playbook", "clock_skew")
    operator.page.type("#control input[placeholder='name or address']", address)
    operator.page.click("#play")
    operator.until_text("#done", f"the times that {address} is told are")
    operator.page.click("#stop")
    operator.until_text("#done", "clock_skew: (stopped, and taken back|done)")  # at this speed it may end by itself before


def test_the_page_fits_a_phone(visit: Open) -> None:
    for fragment, width in (("", 400), (OPERATOR, 400), (OPERATOR, 900)):
        one = visit(fragment, width=width)
        one.until_other("#bids")
        one.page.wait_for_timeout(500)
        assert one.page.evaluate("document.documentElement.scrollWidth") <= width, f"{width} px scroll to the side"


@pytest.mark.parametrize("width", [400, 900, 1600])
def test_no_figure_is_out_of_sight(visit: Open, operator: Visit, width: int) -> None:
    """Neither at the side of the page nor of its panel; and each says what it is counted in."""
    one = visit(width=width)
    one.as_guest()
    bought(one)
    operator.page.set_viewport_size({"width": width, "height": 1000})
    operator.until("document.querySelectorAll('#risk td').length > 0")
    for page in (one.page, operator.page):
        cut = page.evaluate("""() => [...document.querySelectorAll("#stats *, .panel *")]
            .filter(one => one.offsetParent && !one.closest("caption, option, label:has([type=radio])"))
            .filter(one => one.getBoundingClientRect().right > one.closest(".panel, .stats").getBoundingClientRect().right)
            .map(one => one.outerHTML.slice(0, 200))""")  # fmt: skip
        assert cut == []
    one.until_text("#stats", r"Funding−?0\.\d{5} % / hNext funding.*Open interest[\d.]+ BTC.*Backstop vault[\d,.]+ USD")
    one.until_text("#money", r"equity [\d,.]+ USD")
    one.until_text("#book-head", "price USDsize BTCsum BTC")
    one.until_text("#mine", r"[+−][\d,.]+ USD")
    one.page.click("#mine button:text-is('Close')")
    one.until_text("#mine", "No positions")


def test_what_is_missing_for_a_login_is_said(visit: Open) -> None:
    one = visit()
    one.page.click("#show-login")
    one.page.fill("#by-name [name=name]", " ")
    one.page.click("#by-name button")
    one.until_text("#login-why", "The name is missing")
    one.page.click("#by-key button")
    one.until_text("#login-why", "The key is missing")
    one.page.fill("#by-key [name=key]", "0123")
    one.page.click("#by-key button")
    one.until_text("#login-why", "The secret is missing")


def test_dark_and_light(visit: Open) -> None:
    one = visit(theme="light")
    theme = "document.documentElement.dataset.theme"
    assert one.page.evaluate(theme) == "light"
    one.page.click("#theme")
    assert one.page.evaluate(theme) == "dark"
    one.page.reload()
    one.until_text("#markets", "BTC")
    assert one.page.evaluate(theme) == "dark"


def test_all_that_can_be_used_has_a_name(operator: Visit) -> None:
    operator.until("document.querySelector('#bids .price').textContent !== ''")
    nameless = operator.page.evaluate("""() => [...document.querySelectorAll("button, input, select")]
        .filter(one => one.offsetParent && !one.textContent.trim() && !one.getAttribute("aria-label") && !one.labels?.length)
        .map(one => one.outerHTML)""")
    assert nameless == []


def test_numbers_are_exact(visit: Open) -> None:
    told = visit().page.evaluate("""async () => {
        const {countOf: plain, decimal, money, numberIn} = await import("/dashboard/js/numbers.js");
        const countOf = (typed, unit) => plain(numberIn(typed, "USD", "1").text ?? "", unit);
        return [
            decimal(60031, "1"), decimal("9007199254740993", "0.00001"), decimal(-5, "0.1"), decimal(0, "0.5"), decimal(7, "0.5"),
            decimal(null, "1"), money("9999999999999999"), money(-1234567), money(-1), money(9999), countOf("0.07", "0.00001"),
            countOf("1,000.5", "0.5"), countOf("0.3", "0.5"), countOf("1e5", "1"), countOf("-1", "1"), countOf("", "1"), countOf(".", "1"),
            countOf("60000.0", "1"), countOf("99999999999999999", "1"),
        ];
    }""")
    assert told == [
        "60,031", "90,071,992,547.40993", "−0.5", "0.0", "3.5", "–", "9,999,999,999.99", "−1.23", "0.00", "0.00", 7000, 2001, None,
        None, None, None, None, 60000, None,
    ]  # fmt: skip
