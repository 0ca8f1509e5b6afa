"""Actions of the Hyperliquid dialect beside orders: settings, TWAPs, money, sub-accounts; whose account they touch, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import hyperliquid.exchange as sdk  # type: ignore[import-untyped]
import pytest
from hl_exchange_kit import MONEY, WALL, Signed, Trader, Venue, limit
from hl_exchange_kit import alice as alice
from hl_exchange_kit import bob as bob
from hl_exchange_kit import venue as venue

from perplab.exchange import load_venue
from perplab.exchange.schema.codes import Reason
from perplab.exchange.schema.messages import LinkOco, Place, PlaceBracket, PlaceTrigger, column_of, columns_of
from perplab.exchange.server.errors import REASON_TEXT
from perplab.exchange.server.hyperliquid import grouping, placing, refusals
from perplab.exchange.server.hyperliquid.errors import Unreadable
from perplab.exchange.server.hyperliquid.exchange import EXCHANGE, carry_out
from perplab.exchange.server.hyperliquid.orders import order_status
from perplab.exchange.server.hyperliquid.weights import count_of, of_actions

OK = {"status": "ok", "response": {"type": "default"}}
USD = 1_000_000


def cash(trader: Trader) -> int:
    return trader.venue.host.exchange.balance(trader.account)


# -- the dead man's switch ---------------------------------------------------------------------------------------------------------


def test_scheduled_cancels_come_when_their_time_has_come(alice: Trader) -> None:
    alice.order(limit("B", "59990", "0.1"))
    assert alice.do("scheduleCancel", time=WALL + 5_000) == OK
    alice.venue.world.later(4.9)
    assert alice.venue.host.exchange.count_orders(alice.account) == 1
    alice.venue.world.later(0.2)
    assert alice.venue.host.exchange.count_orders(alice.account) == 0


def test_a_scheduled_cancel_is_taken_back(alice: Trader) -> None:
    alice.order(limit("B", "59990", "0.1"))
    alice.do("scheduleCancel", time=WALL + 5_000)
    assert alice.do("scheduleCancel") == OK
    alice.venue.world.later(10)
    assert alice.venue.host.exchange.count_orders(alice.account) == 1


def test_a_scheduled_cancel_is_neither_too_early_nor_too_late(alice: Trader) -> None:
    text = "Scheduled cancel time too early, must be at least 5 seconds from now."
    assert alice.err("scheduleCancel", time=WALL + 4_999) == text and alice.err("scheduleCancel", time=1) == text
    assert "at most a day" in alice.err("scheduleCancel", time=2**62)
    for given in ("1", True, 5.0):
        with pytest.raises(Unreadable):
            alice.do("scheduleCancel", time=given)


# -- leverage and margin -----------------------------------------------------------------------------------------------------------


def test_leverage_is_set_cross_and_isolated(alice: Trader) -> None:
    assert alice.do("updateLeverage", asset=0, isCross=False, leverage=7) == OK
    position = alice.venue.host.exchange.position(alice.account, 0)
    assert (position.mode, position.leverage) == (1, 7)
    assert alice.do("updateLeverage", asset=0, isCross=True, leverage=40) == OK
    position = alice.venue.host.exchange.position(alice.account, 0)
    assert (position.mode, position.leverage) == (0, 40)


def test_leverage_has_its_bounds(alice: Trader) -> None:
    for leverage in (0, 41, -1, 10**20):
        assert alice.err("updateLeverage", asset=0, isCross=True, leverage=leverage) == "Invalid leverage value"
    for wrong in ({"leverage": "5"}, {"leverage": True}, {"isCross": 1}, {"asset": "0"}):
        with pytest.raises(Unreadable):
            alice.do("updateLeverage", **{"asset": 0, "isCross": True, "leverage": 5, **wrong})
    assert alice.err("updateLeverage", asset=3, isCross=True, leverage=5) == "Unknown asset: 3"


def hold(alice: Trader, bob: Trader, size: str = "1") -> None:
    bob.order(limit("A", "60000", size))
    assert list(alice.order(limit("B", "60000", size, "Ioc"))[0]) == ["filled"]


def test_the_type_of_leverage_stays_while_there_is_a_position(alice: Trader, bob: Trader) -> None:
    hold(alice, bob)
    text = "Cannot switch leverage type with open position."
    assert alice.err("updateLeverage", asset=0, isCross=False, leverage=40) == text
    position = alice.venue.host.exchange.position(alice.account, 0)
    assert (position.mode, position.leverage) == (0, 40), "neither is set"
    assert alice.do("updateLeverage", asset=0, isCross=True, leverage=10) == OK


def test_what_is_in_the_way_of_another_type_of_leverage_is_told_right(alice: Trader) -> None:
    oid = alice.order(limit("B", "59000", "0.1"))[0]["resting"]["oid"]
    text = "Cannot switch leverage type with open orders: cancel those of this asset first."
    assert alice.err("updateLeverage", asset=0, isCross=False, leverage=5) == text
    assert alice.do("updateLeverage", asset=1, isCross=False, leverage=5) == OK, "orders of other assets are not"
    assert alice.statuses("cancel", cancels=[{"a": 0, "o": oid}]) == ["success"]
    assert alice.do("updateLeverage", asset=0, isCross=False, leverage=5) == OK


def test_leverage_is_not_lowered_without_margin(venue: Venue, bob: Trader) -> None:
    alice = venue.trader("alice", 5_000 * USD)
    hold(alice, bob)
    assert alice.err("updateLeverage", asset=0, isCross=True, leverage=2).startswith("Cross position does not have sufficient margin")


def test_isolated_margin_is_moved(alice: Trader, bob: Trader) -> None:
    alice.do("updateLeverage", asset=0, isCross=False, leverage=10)
    margin = {"asset": 0, "isBuy": True}
    assert alice.err("updateIsolatedMargin", **margin, ntli=5) == "Cannot update margin for empty position."
    hold(alice, bob)
    before = alice.venue.host.exchange.position(alice.account, 0).isolated_margin
    assert alice.do("updateIsolatedMargin", **margin, ntli=500 * USD) == OK
    assert alice.venue.host.exchange.position(alice.account, 0).isolated_margin == before + 500 * USD
    assert alice.do("updateIsolatedMargin", **margin, ntli=-500 * USD) == OK
    assert alice.venue.host.exchange.position(alice.account, 0).isolated_margin == before
    assert alice.err("updateIsolatedMargin", **margin, ntli=0) == "Update to isolated margin cannot be zero."
    assert alice.err("updateIsolatedMargin", **margin, ntli=MONEY) == "Account does not have sufficient margin available for increase."
    assert alice.err("updateIsolatedMargin", **margin, ntli=10**30).startswith("Account does not")
    assert alice.err("updateIsolatedMargin", **margin, ntli=-5_000 * USD) == "Position does not have sufficient margin for reduction."
    assert alice.err("updateLeverage", asset=0, isCross=False, leverage=1).startswith("Isolated position does not have sufficient margin")


def test_margin_of_a_cross_position_is_not_moved(alice: Trader, bob: Trader) -> None:
    hold(alice, bob)
    assert alice.err("updateIsolatedMargin", asset=0, isBuy=True, ntli=5) == "Position does not use isolated margin."


# -- TWAP --------------------------------------------------------------------------------------------------------------------------


def twap(**more: object) -> dict[str, object]:
    return {"twap": {"a": 0, "b": True, "s": "0.1", "r": False, "m": 10, "t": False, **more}}


def test_a_twap_runs_and_is_cancelled(alice: Trader, bob: Trader) -> None:
    bob.order(limit("A", "60010", "5"))
    reply = alice.do("twapOrder", **twap())
    number = reply["response"]["data"]["status"]["running"]["twapId"]
    assert reply == {"status": "ok", "response": {"type": "twapOrder", "data": {"status": {"running": {"twapId": number}}}}}
    (one,) = alice.venue.host.exchange.twaps(alice.account)
    assert (one.order_id, one.slices, one.size, one.filled) == (number, 20, 10_000, 500)
    alice.venue.world.later(30)
    assert alice.venue.host.exchange.position(alice.account, 0).size == 1_000
    assert alice.do("twapCancel", a=0, t=number) == {"status": "ok", "response": {"type": "twapCancel", "data": {"status": "success"}}}
    missing = {"error": "TWAP was never placed, already canceled, or filled."}
    assert alice.do("twapCancel", a=0, t=number)["response"]["data"]["status"] == missing
    alice.do("twapOrder", **twap())
    (one,) = alice.venue.host.exchange.twaps(alice.account)
    assert alice.do("twapCancel", a=1, t=one.order_id)["response"]["data"]["status"] == missing
    assert bob.do("twapCancel", a=0, t=one.order_id)["response"]["data"]["status"] == missing


def test_a_twap_is_no_order(alice: Trader, bob: Trader) -> None:
    bob.order(limit("A", "60010", "5"))
    number = alice.do("twapOrder", **twap())["response"]["data"]["status"]["running"]["twapId"]
    assert alice.statuses("cancel", cancels=[{"a": 0, "o": number}]) == [
        {"error": "Order was never placed, already canceled, or filled. asset=0"}
    ]
    assert alice.err("modify", oid=number, order=limit("B", "59990", "0.1")) == "Cannot modify canceled or filled order"
    assert [one.order_id for one in alice.venue.host.exchange.twaps(alice.account)] == [number]
    assert order_status(alice.venue.dialect, {"user": alice.signed.address, "oid": number}) == {"status": "unknownOid"}


def test_a_small_twap_sends_no_orders_that_are_too_small(alice: Trader, bob: Trader) -> None:
    """$100 over 10 minutes are $5 a suborder, and an order is worth $10 at least."""
    bob.order(limit("A", "60010", "5"))
    alice.do("twapOrder", **twap(s="0.00168"))
    alice.venue.world.later(601)
    assert alice.venue.host.exchange.position(alice.account, 0).size == 168 and alice.venue.host.exchange.twaps(alice.account) == []


@pytest.mark.parametrize(
    ("terms", "text"),
    [
        ({"m": 4}, "Invalid TWAP duration: 4 min(s)"),
        ({"m": 10_081}, "Invalid TWAP duration: 10081 min(s)"),
        ({"s": "0.001"}, "TWAP order value too small. Min is $100, which is $10 per minute."),
        ({"s": "0.01", "m": 120}, "TWAP order value too small. Min is $1200, which is $10 per minute."),
        ({"r": True}, "Reduce-only TWAP order would increase position."),
    ],
)
def test_a_twap_that_is_refused_says_why(alice: Trader, terms: dict[str, object], text: str) -> None:
    assert alice.do("twapOrder", **twap(**terms))["response"]["data"]["status"] == {"error": text}


def test_the_longest_twap_fits(alice: Trader) -> None:
    reply = alice.do("twapOrder", **twap(s="2", m=10_080))
    assert list(reply["response"]["data"]["status"]) == ["running"]
    (one,) = alice.venue.host.exchange.twaps(alice.account)
    assert one.slices == 10_000


def test_what_is_no_twap_is_no_request(alice: Trader) -> None:
    assert alice.err("twapOrder", **twap(s="0")) == "Order has zero size."
    for wrong in ({"m": "5"}, {"t": 1}, {"b": 0}, {"r": None}, {"s": 1}, {"x": 1}):
        with pytest.raises(Unreadable):
            alice.do("twapOrder", **twap(**wrong))


# -- money -------------------------------------------------------------------------------------------------------------------------

TIME = {"signatureChainId": "0x66eee", "hyperliquidChain": "Testnet", "time": WALL}


def test_money_goes_to_another_address(alice: Trader, bob: Trader) -> None:
    assert alice.do("usdSend", destination=bob.signed.address.upper().replace("X", "x"), amount="12.5", **TIME) == OK
    assert (cash(alice), cash(bob)) == (MONEY - 12_500_000, MONEY + 12_500_000)
    assert alice.err("usdSend", destination=alice.signed.address, amount="1", **TIME) == "Cannot self-transfer."
    assert alice.err("usdSend", destination="0x" + "f" * 40, amount="1", **TIME) == "The destination does not exist."
    assert alice.err("usdSend", destination=bob.signed.address, amount="1000000", **TIME) == "Insufficient balance for withdrawal."


@pytest.mark.parametrize("amount", ["0", "-1", "0.0000001", "1e3", "", "nan", "1" * 41, "0x1"])
def test_amounts_are_looked_at(alice: Trader, bob: Trader, amount: str) -> None:
    assert alice.err("usdSend", destination=bob.signed.address, amount=amount, **TIME).startswith("Amount must be")
    assert alice.err("withdraw3", destination=bob.signed.address, amount=amount, **TIME).startswith("Amount must be")
    assert (cash(alice), cash(bob)) == (MONEY, MONEY)


def test_huge_amounts_are_refused(alice: Trader, bob: Trader) -> None:
    assert alice.err("usdSend", destination=bob.signed.address, amount="9" * 39, **TIME) == "Insufficient balance for withdrawal."


def test_what_is_no_address_is_no_request(alice: Trader) -> None:
    for given in ("0x12", 5, None, "0x" + "g" * 40):
        with pytest.raises(Unreadable):
            alice.do("usdSend", destination=given, amount="1", **TIME)


def test_money_is_withdrawn_without_a_fee(alice: Trader) -> None:
    assert alice.do("withdraw3", destination="0x" + "a" * 40, amount="100.0", **TIME) == OK
    assert cash(alice) == MONEY - 100 * USD and alice.venue.host.exchange.withdrawals() == 100 * USD
    assert alice.err("withdraw3", destination="0x" + "a" * 40, amount="999999", **TIME) == "Insufficient balance for withdrawal."


def test_money_that_backs_a_position_stays(alice: Trader, bob: Trader) -> None:
    hold(alice, bob, "10")
    assert alice.err("withdraw3", destination="0x" + "a" * 40, amount="990000", **TIME) == "Insufficient balance for withdrawal."


def test_between_perpetuals_and_spot_nothing_moves(alice: Trader, bob: Trader) -> None:
    for to_perp in (True, False):
        assert alice.do("usdClassTransfer", amount="1.5", toPerp=to_perp, nonce=WALL) == OK
    assert cash(alice) == MONEY
    assert alice.err("usdClassTransfer", amount="1000001", toPerp=True, nonce=WALL) == "Insufficient balance for withdrawal."
    theirs = f"1 subaccount:{bob.signed.address}"
    assert alice.err("usdClassTransfer", amount=theirs, toPerp=True, nonce=WALL) == "Sub-account is not registered for the user."


def test_tokens_are_sent(alice: Trader, bob: Trader) -> None:
    assert alice.do("spotSend", destination=bob.signed.address, token="USDC:0xeb62eee3685fc4c43992febcd9e75443", amount="2", **TIME) == OK
    assert alice.err("spotSend", destination=bob.signed.address, token="PURR:0x1", amount="2", **TIME) == "Unknown token: PURR"
    text = "Insufficient balance for token transfer"
    assert alice.err("spotSend", destination=bob.signed.address, token="USDC", amount="9999999", **TIME) == text
    dexes = {"sourceDex": "", "destinationDex": "spot", "token": "USDC", "fromSubAccount": "", "nonce": WALL}
    assert alice.do("sendAsset", destination=bob.signed.address, amount="3", **dexes) == OK
    assert alice.do("sendAsset", destination=alice.signed.address, amount="3", **dexes) == OK, "from perpetuals to spot"
    assert cash(bob) == MONEY + 5 * USD
    assert alice.err("sendAsset", destination=alice.signed.address, amount="3000000", **dexes) == text
    other = alice.err("sendAsset", destination=bob.signed.address, amount="3", **{**dexes, "sourceDex": "xyz"})
    assert other.startswith("unsupported in sandbox")


def test_coins_of_a_spot_market_are_sent_too() -> None:
    venue = Venue("portfolio", (60_000, 60_000))
    alice, bob = venue.trader("alice"), venue.trader("bob")
    name = venue.dialect.coins.tokens[1]
    venue.host.fund(alice.account, 1, 5 * USD)
    assert alice.do("spotSend", destination=bob.signed.address, token=name, amount="2", **TIME) == OK
    assert venue.host.exchange.balance(bob.account, 1) == 2 * USD


# -- sub-accounts ------------------------------------------------------------------------------------------------------------------


def test_a_sub_account_is_opened_and_paid_in(alice: Trader, bob: Trader) -> None:
    reply = alice.do("createSubAccount", name="one")
    address = reply["response"]["data"]
    assert reply == {"status": "ok", "response": {"type": "createSubAccount", "data": address}}
    assert alice.venue.folk.sub_accounts(alice.signed.address) == [("one", address)]
    sub = int(address, 16)
    assert alice.do("subAccountTransfer", subAccountUser=address, isDeposit=True, usd=5 * USD) == OK
    assert alice.venue.host.exchange.balance(sub) == 5 * USD
    assert alice.do("subAccountTransfer", subAccountUser=address, isDeposit=False, usd=2 * USD) == OK
    assert alice.do("subAccountSpotTransfer", subAccountUser=address, isDeposit=True, token="USDC", amount="1.0") == OK
    assert (alice.venue.host.exchange.balance(sub), cash(alice)) == (4 * USD, MONEY - 4 * USD)
    assert alice.do("usdClassTransfer", amount=f"4 subaccount:{address}", toPerp=True, nonce=WALL) == OK
    assert alice.err("subAccountTransfer", subAccountUser=address, isDeposit=False, usd=5 * USD) == "Insufficient balance for withdrawal."
    assert alice.err("subAccountTransfer", subAccountUser=address, isDeposit=True, usd=0).startswith("Amount must be")
    theirs = bob.err("subAccountTransfer", subAccountUser=address, isDeposit=False, usd=USD)
    assert theirs == "Sub-account is not registered for the user."
    for wrong in ({"usd": "5"}, {"isDeposit": 1}, {"subAccountUser": 5}):
        with pytest.raises(Unreadable):
            alice.do("subAccountTransfer", **{"subAccountUser": address, "isDeposit": True, "usd": 5, **wrong})


def test_sub_accounts_are_bounded(alice: Trader) -> None:
    most = alice.venue.host.exchange.design.max_sub_accounts
    replies = [alice.do("createSubAccount", name=f"n{number}") for number in range(most + 1)]
    assert [reply["status"] for reply in replies] == ["ok"] * most + ["err"]
    assert replies[-1]["response"] == "Too many sub-accounts." or "accounts that this server gives" in replies[-1]["response"]
    sub = alice.venue.folk.sub_accounts(alice.signed.address)[0][1]
    of_sub = carry_out(alice.venue.dialect, {"type": "createSubAccount", "name": "x"}, Signed(sub, sub, int(sub, 16)))
    assert isinstance(of_sub, dict) and of_sub["status"] == "err"


@pytest.mark.parametrize("name", ["", "x" * 17, "a\nb"])
def test_names_of_sub_accounts_are_looked_at(alice: Trader, name: str) -> None:
    assert alice.err("createSubAccount", name=name).startswith("Invalid sub-account name")


def test_no_two_sub_accounts_have_the_same_name(alice: Trader, bob: Trader) -> None:
    assert [one.do("createSubAccount", name="one")["status"] for one in (alice, bob)] == ["ok", "ok"]
    assert alice.err("createSubAccount", name="one") == "Sub-account name is already in use."
    assert len(alice.venue.folk.sub_accounts(alice.signed.address)) == 1


# -- the rest ----------------------------------------------------------------------------------------------------------------------


def test_agents_are_approved(alice: Trader) -> None:
    agent = "0x" + "A" * 40
    assert alice.do("approveAgent", agentAddress=agent, agentName="bot", nonce=WALL) == OK
    assert alice.do("approveAgent", agentAddress=agent, nonce=WALL) == OK
    assert alice.venue.folk.allowed == [(alice.signed.address, agent.lower(), "bot"), (alice.signed.address, agent.lower(), "")]
    with pytest.raises(Unreadable):
        alice.do("approveAgent", agentAddress="0x1", nonce=WALL)


def test_some_actions_do_nothing(alice: Trader) -> None:
    before = alice.venue.host.exchange.state_hash()
    for action in (
        {"type": "noop"}, {"type": "setReferrer", "code": "CCXT1"}, {"type": "reserveRequestWeight", "weight": 5},
        {"type": "approveBuilderFee", "maxFeeRate": "0.01%", "builder": "0x" + "1" * 40, "nonce": WALL},
        {"type": "userSetAbstraction", "abstraction": "disabled"}, {"type": "agentSetAbstraction", "abstraction": "i"},
    ):  # fmt: skip
        assert carry_out(alice.venue.dialect, action, alice.signed) == OK
    assert alice.err("userSetAbstraction", abstraction="unifiedAccount").startswith("unsupported in sandbox")
    assert alice.venue.host.exchange.state_hash() == before


def test_what_is_refused_says_why(alice: Trader) -> None:
    refused = [entry for entry in EXCHANGE.entries.values() if entry.cover == "refused"]
    assert len(refused) > 20
    for entry in refused:
        assert alice.err(entry.name) == f"unsupported in sandbox: {entry.note}"


def test_every_action_of_the_sdk_is_known() -> None:
    sent = set(re.findall(r'"type": "(\w+)"', Path(sdk.__file__).read_text(encoding="utf-8")))
    assert {"order", "usdSend", *sent} <= set(EXCHANGE.entries)


def test_a_batch_weighs_by_its_length() -> None:
    assert [of_actions(count_of({"orders": [0] * count})) for count in (1, 39, 40, 79, 80)] == [1, 1, 2, 2, 3]
    assert of_actions(count_of({"type": "noop"})) == 1 and count_of({"orders": 5}) == 1


def test_nobody_acts_on_others_accounts(alice: Trader, bob: Trader) -> None:
    """Whatever account a payload names: what counts is who has signed."""
    oid = alice.order(limit("B", "59990", "0.1"))[0]["resting"]["oid"]
    hold(alice, bob)
    before = alice.venue.host.exchange.position(alice.account, 0), cash(alice), alice.venue.host.exchange.open_orders(alice.account)
    more = {"account": alice.account, "user": alice.signed.address, "vaultAddress": alice.signed.address}
    bob.statuses("cancel", cancels=[{"a": 0, "o": oid}], **more)
    bob.statuses("batchModify", modifies=[{"oid": oid, "order": limit("B", "59000", "0.1")}], **more)
    bob.do("updateLeverage", asset=0, isCross=True, leverage=3, **more)
    bob.do("scheduleCancel", time=WALL + 6_000, **more)
    bob.do("updateIsolatedMargin", asset=0, isBuy=True, ntli=5, **more)
    bob.do("withdraw3", destination=bob.signed.address, amount="5", **more)
    bob.err("sendAsset", destination=bob.signed.address, amount="5", sourceDex="", destinationDex="", token="USDC",
            fromSubAccount=alice.signed.address)  # fmt: skip
    alice.venue.world.later(7)
    assert before == (
        alice.venue.host.exchange.position(alice.account, 0), cash(alice), alice.venue.host.exchange.open_orders(alice.account),
    )  # fmt: skip


# -- texts -------------------------------------------------------------------------------------------------------------------------


def test_every_reason_has_words(venue: Venue) -> None:
    coin = venue.dialect.coins.by_asset[0]
    for reason in Reason:
        told = refusals.of_order(venue.dialect, coin, int(reason))
        assert len(told) > 10 and told[0].isupper() and "{" not in told, told
        assert told.endswith("asset=0") or reason in refusals.NO_ASSET
        own = f"{REASON_TEXT[reason][0].upper()}{REASON_TEXT[reason][1:]}."
        assert (reason in refusals.OF_ORDERS) != (told == refusals.about(own, coin))
        for of in (refusals.of_cancel(coin, int(reason)), refusals.of_margin(int(reason), 1), refusals.of_margin(int(reason), -1)):
            assert of


def test_the_venue_s_own_band_is_told_as_it_is() -> None:
    venue = Venue(load_venue("hyperliquid"), (60_000,))
    text = refusals.of_order(venue.dialect, venue.dialect.coins.by_asset[0], int(Reason.PRICE_BAND))
    assert text == "Order price cannot be more than 80% away from the reference price"


def test_rows_are_as_the_schema_has_them(alice: Trader) -> None:
    for command in (Place, PlaceTrigger):
        assert placing.HI[command.KIND] == column_of(command, "client_hi")
    assert list(columns_of(Place))[1:6] == list(columns_of(PlaceBracket))[1:6]
    assert list(columns_of(LinkOco))[1:] == ["account", "first", "second", "alone"]
    assert grouping.link(9, [5, 6])[:6] == [LinkOco.KIND, 0, 9, 5, 6, 1]
    assert column_of(PlaceBracket, "alone") == 15
    one = placing.wanted(alice.venue.dialect, 9, limit("A", "60010", "0.1", "Alo", reduces=True))
    names = {name: one.row[column] for name, column in columns_of(Place).items()}
    assert {name: value for name, value in names.items() if value} == {
        "account": 9, "side": 1, "price": 60_010, "size": 10_000, "tif": 3, "reduce_only": 1,
    }  # fmt: skip
