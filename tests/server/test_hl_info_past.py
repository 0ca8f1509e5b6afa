"""The past of accounts in the Hyperliquid dialect: fills, funding, money; fees and limits."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hl_info_kit import BUY, SELL, Scene
from wire import START

from perplab.exchange.codes import Method, Side, TimeInForce
from perplab.exchange.messages import Debit, Deposit, SetFunding, Transfer, Withdraw
from perplab.exchange.server.history.records import Ended, Fill, Source
from perplab.exchange.server.hyperliquid import past

NOW = START // 1_000_000
HOUR = 3_600
FILL = {  # of a sample of the live venue, with what came later by the reference
    "coin", "px", "sz", "side", "time", "startPosition", "dir", "closedPnl", "hash", "oid", "crossed", "fee", "tid", "feeToken", "twapId",
}  # fmt: skip


def scene_of_two(dollars: int = 10**5) -> tuple[Scene, int, str, int]:
    scene = Scene()
    account, address = scene.user(dollars)
    maker, _ = scene.user(10**6)
    return scene, account, address, maker


def test_fills_of_both_sides() -> None:
    scene, account, address, maker = scene_of_two()
    rests = scene.place(maker, SELL, 60_000, 1_000, client_lo=7)
    oid = scene.place(account, BUY, 60_000, 1_000)
    (taken,), (made,) = scene.ask("userFills", user=address), scene.ask("userFills", user=scene.people.address(maker))
    assert taken == {
        "coin": "BTC", "px": "60000.0", "sz": "0.01", "side": "B", "time": NOW, "startPosition": "0.0", "dir": "Open Long",
        "closedPnl": "0.0", "hash": taken["hash"], "oid": oid, "crossed": True, "fee": "0.27", "tid": taken["tid"],
        "feeToken": "USDC", "twapId": None,
    }  # fmt: skip
    assert set(made) == FILL | {"cloid"} and made["cloid"] == f"0x{7:032x}"
    assert (made["oid"], made["crossed"], made["fee"], made["dir"], made["tid"]) == (rests, False, "0.09", "Open Short", taken["tid"])


def test_directions_and_what_was_earned() -> None:
    scene, account, address, maker = scene_of_two()
    for price, side, lots in ((60_000, BUY, 300), (60_400, BUY, 100), (60_500, SELL, 200), (60_100, SELL, 500), (60_000, BUY, 100)):
        scene.place(maker, 1 - side, price, lots)
        scene.place(account, side, price, lots)
        scene.world.later(1)
    told = scene.ask("userFills", user=address)[::-1]
    assert [one["dir"] for one in told] == ["Open Long", "Open Long", "Close Long", "Long > Short", "Close Short"]
    assert [one["startPosition"] for one in told] == ["0.0", "0.003", "0.004", "0.002", "-0.003"]
    assert [one["closedPnl"] for one in told] == ["0.0", "0.0", "0.8", "0.0", "0.1"], "before fees"


def test_fills_by_time_and_in_order() -> None:
    scene, account, address, maker = scene_of_two()
    for number in range(3):
        scene.trade(account, maker, 60_000 + number, 100)
        scene.trade(account, maker, 60_100 + number, 100)
        scene.world.later(60)
    newest = scene.ask("userFills", user=address)
    assert [one["px"] for one in newest] == ["60002.0", "60102.0", "60001.0", "60101.0", "60000.0", "60100.0"], "the newest moment first"
    oldest = scene.ask("userFillsByTime", user=address, startTime=0)
    assert [one["px"] for one in oldest] == ["60000.0", "60100.0", "60001.0", "60101.0", "60002.0", "60102.0"]
    assert scene.ask("userFillsByTime", user=address, startTime=0, reversed=True) == oldest[::-1]
    second = NOW + 60_000
    assert scene.ask("userFillsByTime", user=address, startTime=second, endTime=second) == oldest[2:4]
    assert scene.ask("userFillsByTime", user=address, startTime=second + 1, endTime=None) == oldest[4:]


def test_fills_of_one_order_together() -> None:
    scene, account, address, maker = scene_of_two()
    for price, lots in ((60_000, 100), (60_010, 300)):
        scene.place(maker, SELL, price, lots)
    oid = scene.place(account, BUY, 60_010, 400, tif=TimeInForce.IOC)
    scene.place(maker, BUY, 59_000, 200)
    apart = scene.ask("userFillsByTime", user=address, startTime=0)
    (told,) = scene.ask("userFillsByTime", user=address, startTime=0, aggregateByTime=True)
    assert (told["px"], told["sz"], told["oid"], told["startPosition"]) == ("60007.5", "0.004", oid, "0.0")
    assert Decimal(told["fee"]) == sum(Decimal(one["fee"]) for one in apart) and told["tid"] == apart[0]["tid"]
    maker_fills = scene.ask("userFillsByTime", user=scene.people.address(maker), startTime=0, aggregateByTime=True)
    assert len(maker_fills) == 2, "those of resting orders stay apart"


def test_a_liquidation_among_fills() -> None:
    scene, account, address, maker = scene_of_two(2_000)
    scene.trade(account, maker, 60_000, 100_000)
    scene.place(maker, BUY, 58_700, 200_000)
    scene.oracle(58_700, 30_000, 150_000)
    for _ in range(5):
        scene.world.later(1)
    told = [one for one in scene.ask("userFills", user=address) if "liquidation" in one]
    assert told and all(one["side"] == "A" and one["liquidation"]["liquidatedUser"] == address for one in told)
    assert all(set(one["liquidation"]) == {"liquidatedUser", "markPx", "method"} for one in told)
    assert {one["liquidation"]["method"] for one in told} <= {"market", "backstop"} and float(told[0]["liquidation"]["markPx"]) > 0
    assert len({one["oid"] for one in told}) == len({one["time"] for one in told}), "one for each order of the liquidation"
    assert all(1 << 52 < one["oid"] < 1 << 53 for one in told)
    assert [one for one in scene.ask("userFills", user=address) if "liquidation" in one] == told
    others = scene.ask("userFills", user=scene.people.address(maker))
    assert any(one.get("liquidation", {}).get("liquidatedUser") == address for one in others)


def liquidated(dollars: int, bid: int, mark: int, isolated: bool = False) -> tuple[Scene, int, str]:
    """Somebody who was long 1 BTC and 1 ETH, and is liquidated: of BTC others take 0.4 each at the bid and one below it."""
    scene, account, address, maker = scene_of_two(dollars)
    if isolated:
        scene.isolate(account, 40)
    scene.trade(account, maker, 60_000, 100_000)
    if not isolated:
        scene.trade(account, maker, 30_000, 10_000, market=1)
    scene.place(maker, BUY, bid, 40_000)
    scene.place(maker, BUY, bid - 1, 200_000)
    scene.place(maker, BUY, 29_990, 100_000, market=1)
    scene.oracle(mark, 30_000, 150_000)
    for _ in range(40):
        scene.oracle(mark, 30_000, 150_000)
        scene.world.later(1)
    return scene, account, address


@pytest.mark.parametrize(("bid", "mark", "isolated", "method", "name"), [
    (57_600, 57_600, False, Method.BOOK, "Close Long"), (55_000, 56_000, False, Method.TAKEOVER, "Liquidated Cross Long"),
    (55_000, 56_000, True, Method.TAKEOVER, "Liquidated Isolated Long"),
])  # fmt: skip
def test_how_fills_of_a_liquidation_are_called(bid: int, mark: int, isolated: bool, method: Method, name: str) -> None:
    """What the book has closed is called as any fill, what the vault has taken over as on the live venue."""
    scene, account, address = liquidated(3_000, bid, mark, isolated)
    told = {one["tid"]: one["dir"] for one in scene.ask("userFills", user=address)}
    kept = [one for one in scene.world.host.history.fills(account) if one.liquidation is not None and one.market == 0]
    assert {(one.liquidation.method, told[one.seq]) for one in kept if one.liquidation is not None} == {(method, name)}


def test_how_fills_of_those_who_are_deleveraged_are_called() -> None:
    scene, account, _, maker = scene_of_two()
    coin = scene.dialect.coins.perpetuals[0]
    for loser, side, name in (
        (maker, Side.BUY, "Auto-Deleveraging"), (account, Side.BUY, "Liquidated Cross Short"),
        (account, Side.SELL, "Liquidated Cross Long"),
    ):  # fmt: skip
        ended = Ended(loser, Method.ADL, 60_000)
        fill = Fill(5, 1, 0, side, 10, 60_000, 600_000, 0, False, 0, 0, 0, maker, Source.ADL, -10, 0, ended)
        assert past.direction(scene.dialect, coin, account, fill) == name
    settled = Fill(5, 1, 0, Side.SELL, 10, 60_000, 600_000, 0, False, 0, 0, 0, -1, Source.SETTLEMENT, 10, 0, None)
    assert past.direction(scene.dialect, coin, account, settled) == "Settlement"


def test_what_a_liquidation_has_closed_is_in_the_ledger() -> None:
    scene, account, address = liquidated(3_000, 57_600, 57_600)
    assert scene.venue.position(account, 0).size == 0
    fills = [one for one in scene.ask("userFills", user=address) if "liquidation" in one]
    _, *entries = scene.ask("userNonFundingLedgerUpdates", user=address, startTime=0)
    deltas = [one["delta"] for one in entries]
    assert {one["type"] for one in deltas} == {"liquidation"}
    assert all(one["leverageType"] == "Cross" and Decimal(one["accountValue"]) > 0 for one in deltas)
    closed: dict[str, Decimal] = {}
    for one in deltas:
        for position in one["liquidatedPositions"]:
            closed[position["coin"]] = closed.get(position["coin"], Decimal(0)) + Decimal(position["szi"])
    traded = {coin: sum(Decimal(one["sz"]) for one in fills if one["coin"] == coin) for coin in closed}
    assert closed == traded and closed["BTC"] == 1
    assert set(entries[0]) == {"time", "hash", "delta"} and len({one["hash"] for one in entries}) == len(entries)
    assert sum(Decimal(one["liquidatedNtlPos"]) for one in deltas) == 57_600 + 3_000 * closed.get("ETH", 0)


@pytest.mark.parametrize("isolated", [False, True])
def test_a_debt_that_others_pay_makes_the_ledger_add_up(isolated: bool) -> None:
    """What came, what was earned, fees and the debt: the balance."""
    scene, account, address = liquidated(3_000, 55_000, 56_000, isolated)
    ledger = [one["delta"] for one in scene.ask("userNonFundingLedgerUpdates", user=address, startTime=0)]
    fills = scene.ask("userFills", user=address)
    forgiven = sum(Decimal(one["debtForgiven"]) for one in ledger if one["type"] == "liquidation")
    assert forgiven > 0
    assert {one["leverageType"] for one in ledger if one["type"] == "liquidation"} == {"Isolated" if isolated else "Cross"}
    earned = sum(Decimal(one["closedPnl"]) - Decimal(one["fee"]) for one in fills)
    left = scene.ask("clearinghouseState", user=address)
    assert scene.venue.position(account, 0).size == 0
    gone = sum(Decimal(one["usdc"]) for one in ledger if one["type"] == "internalTransfer")
    unrealized = sum(Decimal(one["position"]["unrealizedPnl"]) for one in left["assetPositions"])
    assert Decimal(left["marginSummary"]["accountValue"]) == 3_000 + earned + forgiven + unrealized - gone


def test_fills_in_spot_markets() -> None:
    scene = Scene("portfolio", prices=(60_000, 60_000))
    buyer, buys = scene.user(10**5)
    seller, sells = scene.user(10**5)
    scene.send(Deposit(0, seller, 1, 10**6))
    scene.trade(buyer, seller, 60_000, 10, market=1)
    (bought,), (sold,) = scene.ask("userFills", user=buys), scene.ask("userFills", user=sells)
    assert (bought["coin"], bought["dir"], bought["startPosition"], sold["dir"]) == ("BTC/USDC", "Buy", "0.0", "Sell")


def test_what_coins_have_cost() -> None:
    scene = Scene("portfolio", prices=(60_000, 60_000))
    buyer, buys = scene.user(10**6)
    seller, sells = scene.user(10**6)
    scene.send(Deposit(0, seller, 1, 5 * 10**6))

    def entry(address: str) -> dict[str, Decimal]:
        return {one["coin"]: Decimal(one["entryNtl"]) for one in scene.ask("spotClearinghouseState", user=address)["balances"]}

    assert entry(sells) == {"USDC": 0, "BTC": 0}, "what was sent has cost nothing"
    lots = scene.dialect.coins.spots[0]
    one = 10**lots.size_decimals // lots.lot  # a whole coin
    scene.trade(buyer, seller, 60_000, one, market=1)
    scene.trade(buyer, seller, 62_000, one, market=1)
    assert entry(buys)["BTC"] == 122_000 and entry(sells)["BTC"] == 0
    scene.trade(seller, buyer, 61_000, one // 2, market=1)
    assert entry(buys)["BTC"] == Decimal("91500") and entry(sells)["BTC"] == 30_500


def test_funding_of_a_user() -> None:
    scene, account, address, maker = scene_of_two()
    scene.trade(account, maker, 60_000, 50_000)
    scene.send(SetFunding(0, 0, 1, 100_000_000))
    scene.later(HOUR, 60_000, 30_000, 150_000)
    (paid,) = scene.ask("userFunding", user=address, startTime=0)
    assert paid["delta"] == {
        "type": "funding", "coin": "BTC", "usdc": "-3.0", "szi": "0.5", "fundingRate": "0.0001", "nSamples": paid["delta"]["nSamples"],
    }  # fmt: skip
    assert paid["delta"]["nSamples"] == HOUR // 5 and paid["time"] == NOW + HOUR * 1_000 and set(paid) == {"time", "hash", "delta"}
    (received,) = scene.ask("userFunding", user=scene.people.address(maker))
    assert (received["delta"]["usdc"], received["delta"]["szi"]) == ("3.0", "-0.5")
    assert scene.ask("userFunding", user=address, startTime=0, endTime=paid["time"] - 1) == []


def test_funding_adds_up_to_what_an_account_is_worth() -> None:
    """Hours at rates that leave parts of a micro-dollar; in between the position grows, shrinks and turns."""
    scene, account, _, maker = scene_of_two()
    begun = {one: scene.venue.account_value(one) for one in (account, maker)}
    trades = ((BUY, 1_237), (BUY, 411), (SELL, 333), (SELL, 2_001), (BUY, 97), (BUY, 88))
    for number, (side, lots) in enumerate(trades):
        scene.place(maker, 1 - side, 60_000, lots)
        scene.place(account, side, 60_000, lots)
        for rate in (12_345_677, -7_654_321, 3_333_333):
            scene.send(SetFunding(0, 0, 1, rate + number))
            scene.later(HOUR, 60_001, 30_000, 150_000)
            for one in (account, maker):
                user = scene.people.address(one)
                told = scene.ask("clearinghouseState", user=user)
                fills, payments = scene.ask("userFills", user=user), scene.ask("userFunding", user=user, startTime=0)
                earned = sum(Decimal(fill["closedPnl"]) - Decimal(fill["fee"]) for fill in fills)
                paid = sum(Decimal(payment["delta"]["usdc"]) for payment in payments)
                open_pnl = sum(Decimal(held["position"]["unrealizedPnl"]) for held in told["assetPositions"])
                worth = Decimal(told["marginSummary"]["accountValue"])
                assert worth == Decimal(begun[one]) / 10**6 + earned + paid + open_pnl, f"{user} after {len(payments)} payments"
    assert len(payments) == 18


def test_money_in_and_out() -> None:
    scene, account, address, maker = scene_of_two(1_000)
    sub, sub_address = scene.sub(account, "sub", 10)
    scene.send(
        Withdraw(0, account, 0, 1_500_000), Transfer(0, account, sub, 0, 2_000_000), Transfer(0, account, maker, 0, 3_000_000),
        Transfer(0, maker, account, 0, 4_000_000), Debit(0, account, 0, 250_000),
    )  # fmt: skip
    told = scene.ask("userNonFundingLedgerUpdates", user=address, startTime=0, endTime=None)
    other = scene.people.address(maker)
    assert [one["delta"] for one in told] == [
        {"type": "deposit", "usdc": "1000.0"}, {"type": "withdraw", "usdc": "1.5", "nonce": NOW, "fee": "0.0"},
        {"type": "subAccountTransfer", "usdc": "2.0", "user": address, "destination": sub_address},
        {"type": "internalTransfer", "usdc": "3.0", "user": address, "destination": other, "fee": "0.0"},
        {"type": "internalTransfer", "usdc": "4.0", "user": other, "destination": address, "fee": "0.0"},
        {"type": "withdraw", "usdc": "0.25", "nonce": NOW, "fee": "0.0"},
    ]  # fmt: skip
    assert scene.ask("userNonFundingLedgerUpdates", user=address, startTime=NOW + 1) == []
    of_sub = scene.ask("userNonFundingLedgerUpdates", user=sub_address)
    assert of_sub[1]["delta"] == {"type": "subAccountTransfer", "usdc": "2.0", "user": address, "destination": sub_address}


def test_coins_in_and_out() -> None:
    scene = Scene("portfolio", prices=(60_000, 60_000))
    account, address = scene.user(0)
    scene.send(Deposit(0, account, 1, 10**6), Withdraw(0, account, 1, 10**5))
    told = [one["delta"] for one in scene.ask("userNonFundingLedgerUpdates", user=address)]
    assert [(one["type"], one["token"], one["amount"]) for one in told] == [("spotTransfer", "BTC", "1.0"), ("spotTransfer", "BTC", "0.1")]


# -- fees, limits, roles ---------------------------------------------------------------------------------------------------------


def test_fees_of_a_user() -> None:
    scene, account, address, maker = scene_of_two()
    scene.trade(account, maker, 60_000, 1_000)
    told = scene.ask("userFees", user=address)
    assert (told["userCrossRate"], told["userAddRate"]) == ("0.00045", "0.00015"), "the venue's first tier"
    assert told["feeSchedule"]["tiers"] == {"vip": [], "mm": []} and told["activeReferralDiscount"] == "0.0"
    today = told["dailyUserVlm"][-1]
    assert today == {"date": "2027-01-15", "userCross": "600.0", "userAdd": "0.0", "exchange": "600.0"}
    assert len(told["dailyUserVlm"]) == 15 and told["dailyUserVlm"][0]["date"] == "2027-01-01"


def test_tiers_of_the_design() -> None:
    """The venue's own tiers, as its documentation has them."""
    scene = Scene("hyperliquid", prices=(60_000,))
    _, address = scene.user(1_000)
    tiers = scene.ask("userFees", user=address)["feeSchedule"]["tiers"]
    assert [(one["ntlCutoff"], one["cross"], one["add"]) for one in tiers["vip"]] == [
        ("5000000.0", "0.0004", "0.00012"), ("25000000.0", "0.00035", "0.00008"), ("100000000.0", "0.0003", "0.00004"),
        ("500000000.0", "0.00028", "0.0"), ("2000000000.0", "0.00026", "0.0"), ("7000000000.0", "0.00024", "0.0"),
    ]  # fmt: skip
    assert [(one["makerFractionCutoff"], one["add"]) for one in tiers["mm"]] == [
        ("0.005", "-0.00001"), ("0.015", "-0.00002"), ("0.03", "-0.00003"),
    ]  # fmt: skip


def test_limits_roles_and_agents() -> None:
    scene, account, address, maker = scene_of_two()
    scene.trade(account, maker, 60_000, 1_000)
    assert scene.ask("userRateLimit", user=address) == {
        "cumVlm": "600.0", "nRequestsUsed": 0, "nRequestsCap": 10_600, "nRequestsSurplus": 0,
    }  # fmt: skip
    assert scene.ask("userRole", user=address) == {"role": "user"}
    assert scene.ask("userRole", user="0x" + "ab" * 20) == {"role": "missing"}
    scene.people.wallets[address] = [("bot", "0x" + "cd" * 20, 1_800_000_000_000)]
    assert scene.ask("extraAgents", user=address) == [{"name": "bot", "address": "0x" + "cd" * 20, "validUntil": 1_800_000_000_000}]
    assert scene.ask("referral", user=address)["cumVlm"] == "600.0" and scene.ask("maxBuilderFee", user=address, builder=address) == 100


def test_the_portfolio_of_now() -> None:
    """Bought 0.01 at 60,000, fee 0.27; the mark rises by 1,000: 9.73 dollars were earned."""
    scene, account, address, maker = scene_of_two(1_000)
    scene.trade(account, maker, 60_000, 1_000)
    scene.oracle(61_000, 30_000, 150_000)
    told = dict(scene.ask("portfolio", user=address))
    assert list(told) == ["day", "week", "month", "allTime", "perpDay", "perpWeek", "perpMonth", "perpAllTime"]
    assert told["day"] == {"accountValueHistory": [[NOW, "1009.73"]], "pnlHistory": [[NOW, "9.73"]], "vlm": "600.0"}


def test_what_the_front_end_of_today_shows() -> None:
    scene, _, address, _ = scene_of_two(1_000)
    told = scene.ask("webData3", user=address)
    assert told == {
        "userState": {
            "agentAddress": None, "agentValidUntil": None, "cumLedger": "0.0", "serverTime": NOW, "isVault": False, "user": address,
            "dexAbstractionEnabled": False, "abstraction": "disabled",
        },
        "perpDexStates": [{"totalVaultEquity": "0.0", "perpsAtOpenInterestCap": []}],
    }  # fmt: skip
    scene.people.wallets[address] = [("bot", "0x1", 0), ("", "0x2", 5)]
    state = scene.ask("webData3", user=address)["userState"]
    assert (state["agentAddress"], state["agentValidUntil"]) == ("0x2", 5)


@pytest.mark.parametrize("kind", ["userFees", "userRateLimit", "referral", "portfolio", "webData2", "webData3", "userRole"])
def test_strangers_have_an_answer(kind: str) -> None:
    assert Scene().ask(kind, user="0x" + "ab" * 20)
