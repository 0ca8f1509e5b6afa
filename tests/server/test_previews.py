"""What-ifs on the wire: the question `preview`."""

from __future__ import annotations

from wire import World


def test_a_preview_says_what_an_order_then_comes_to() -> None:
    world = World()
    maker, taker = world.talker("maker"), world.talker("taker")
    maker.ask("place", market=0, side="SELL", price=60_100, size=10)
    before = world.host.exchange.state_hash()
    found = taker.ask("preview", market="BTC-PERP", side="BUY", price=60_200, size=15, client_id="0xff")
    assert found["ok"] and world.host.exchange.state_hash() == before
    assert (found["reason"], found["filled"], found["rests"], found["cancelled"], found["cancel_reason"]) == (None, 10, 5, 0, None)
    assert found["average"] == 60_100 and found["mid_slippage_ppm"] is None  # there are no bids
    placed = taker.ask("place", market="BTC-PERP", side="BUY", price=60_200, size=15)
    assert (placed["filled"], placed["open"]) == (10, 5)
    account = taker.ask("account")
    assert (account["positions"][0]["size"], account["balances"][0]["equity"]) == (found["size"], found["equity"])
    assert account["balances"][0]["available"] == found["available_margin"]


def test_a_preview_says_why_not_and_costs_a_token() -> None:
    world = World()
    talker = world.talker("alice")
    first = talker.ask("preview", market=0, side="BUY", price=90_000, size=1_000)
    second = talker.ask("preview", market=0, side="BUY", price=60_000, size=10**9)
    assert (first["reason"], second["reason"]) == ("PRICE_BAND", "NOTIONAL_LIMIT") and second["ok"]
    assert second["tokens"] == first["tokens"] - 1
    zeros = {"filled", "rests", "cancelled", "lost", "value", "average"}
    assert {first[name] for name in zeros} == {0}
    told = set(first) - zeros - {"id", "ok", "tokens", "account", "market", "ts", "reason"}
    assert len(told) == 13 and {first[name] for name in told} == {None}  # a zero would read as an account that has nothing
    assert talker.ask("preview", market="NONE", side="BUY", price=1, size=1)["reason"] == "UNKNOWN_NAME"
