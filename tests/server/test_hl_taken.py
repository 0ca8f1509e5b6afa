"""Addresses that somebody else has asked for first, in Hyperliquid's API: those of sub-accounts, and those of strangers."""

from __future__ import annotations

import json
from pathlib import Path

from hl_kit import MICRO, NOW
from hl_signed_kit import AGENT, ALICE, BOB, OK, ORDER, OTHER, THIRD, Venue, of
from hyperliquid.utils import signing as sdk  # type: ignore[import-untyped]
from test_hl_who import Kept

from perplab.exchange.server.hyperliquid import wallets
from perplab.exchange.server.hyperliquid.identity import sub_address
from perplab.exchange.server.hyperliquid.money import NOBODY, NOT_YOURS

OPEN = {"type": "createSubAccount", "name": "one"}


def worth(venue: Venue, address: str) -> float:
    return float(venue.ask("clearinghouseState", user=address)["marginSummary"]["accountValue"])


def give(sub: str, dollars: int, is_deposit: bool = True) -> dict[str, object]:
    return {"type": "subAccountTransfer", "subAccountUser": sub, "isDeposit": is_deposit, "usd": dollars * MICRO}


# -- sub-accounts --


def check_sub_account(venue: Venue, sub: str) -> None:
    """It is Alice's, empty, and all that a sub-account is."""
    assert worth(venue, sub) == 0 and venue.ask("userRole", user=sub) == {"role": "subAccount", "data": {"master": of(ALICE)}}
    assert venue.l1(ALICE, give(sub, 1_000)) == OK and (worth(venue, sub), worth(venue, of(ALICE))) == (1_000, 9_000)
    assert venue.l1(ALICE, ORDER, vault=sub)["status"] == "ok" and len(venue.ask("openOrders", user=sub)) == 1
    assert venue.error(venue.l1(ALICE, give(sub, 1_001, is_deposit=False))).startswith("Insufficient")
    assert venue.error(venue.l1(BOB, give(sub, 1, is_deposit=False))) == NOT_YOURS
    account = venue.account(sub)
    assert venue.people.address(account) == sub and venue.host.people.owner_of[account].name == of(ALICE)


def test_who_asks_about_a_sub_account_before_it_is_opened_opens_none() -> None:
    """Also before its master is known, who is so after that."""
    venue = Venue()
    count = venue.host.exchange.state.accounts.count
    for master in (ALICE, OTHER):
        for number in (1, 2, 63):
            sub = sub_address(of(master), number)
            assert worth(venue, sub) == 0 and venue.ask("userRole", user=sub) == {"role": "missing"}
            assert venue.error(venue.send(BOB, sub)) == NOBODY and venue.error(venue.l1(ALICE, give(sub, 1))) == NOT_YOURS
    assert venue.host.exchange.state.accounts.count == count
    assert venue.l1(ALICE, OPEN)["response"]["data"] == sub_address(of(ALICE), 1)
    check_sub_account(venue, sub_address(of(ALICE), 1))


def test_a_sub_account_that_is_polled_after_the_venue_has_gone_back() -> None:
    venue = Venue()
    venue.host.keep("before")
    sub = venue.l1(ALICE, OPEN)["response"]["data"]
    assert venue.l1(ALICE, give(sub, 10)) == OK
    venue.host.go_back("before")
    assert worth(venue, sub) == 0 and venue.ask("userRole", user=sub) == {"role": "missing"}
    assert venue.error(venue.l1(ALICE, give(sub, 10))) == NOT_YOURS
    assert venue.l1(ALICE, {**OPEN, "name": "again"})["response"]["data"] == sub
    check_sub_account(venue, sub)


def test_a_sub_account_that_is_polled_after_a_restart(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "j", NOW)
    first, second = (sub_address(of(ALICE), number) for number in (1, 2))
    assert kept.people.account(first) is None and kept.people.account(of(ALICE)) is not None
    assert kept.l1(ALICE, OPEN)["response"]["data"] == first
    account = kept.people.known(first)
    kept.store.close()
    again = Kept(tmp_path / "j", NOW + 10_000)
    assert again.people.account(second) is None and again.people.known(first) == account is not None
    assert again.people.sub_accounts(of(ALICE)) == [("one", first)]
    again.wall += wallets.AHEAD_MS
    assert again.l1(ALICE, {**OPEN, "name": "two"})["response"]["data"] == second and again.l1(ALICE, vault=second) == OK
    again.store.close()


# -- strangers who are approved as wallets --


def test_who_is_approved_by_a_stranger_is_himself_once_he_is_sent_money() -> None:
    venue = Venue()
    assert venue.approve(BOB, OTHER, "mine") == OK
    assert venue.ask("userRole", user=of(OTHER)) == {"role": "agent", "data": {"user": of(BOB)}} and worth(venue, of(OTHER)) == 0
    assert venue.send(ALICE, of(OTHER)) == OK
    assert worth(venue, of(OTHER)) == 10_001 and venue.ask("userRole", user=of(OTHER)) == {"role": "user"}
    assert venue.ask("extraAgents", user=of(BOB)) == []
    assert venue.l1(OTHER, ORDER)["status"] == "ok"
    assert [len(venue.ask("openOrders", user=of(one))) for one in (OTHER, BOB)] == [1, 0]
    assert venue.error(venue.approve(BOB, OTHER, "mine")) == "Extra agent already used."


def test_money_that_is_not_there_ends_no_approval() -> None:
    venue = Venue()
    assert venue.approve(BOB, OTHER) == OK
    venue.wall += 1
    action = {"type": "usdSend", "destination": of(OTHER), "amount": "10001", "time": venue.wall}
    signature = sdk.sign_usd_transfer_action(ALICE, action, False)
    text = venue.error(venue.post({"action": action, "nonce": venue.wall, "signature": signature}))
    assert text.startswith("Insufficient") and venue.people.known(of(OTHER)) is None
    assert venue.people.agents(of(BOB)) == [("", of(OTHER), 0)]


def test_a_wallet_that_has_signed_is_sent_no_money() -> None:
    venue = Venue()
    assert venue.approve(ALICE, AGENT) == OK and venue.l1(AGENT) == OK
    assert venue.approve(ALICE, AGENT, "of another name") == OK, "approved anew it has signed all the same"
    for wallet in (ALICE, BOB):
        assert venue.error(venue.send(wallet, of(AGENT))) == NOBODY
    assert venue.people.master(of(AGENT)) == of(ALICE) and venue.l1(AGENT, ORDER)["status"] == "ok"
    assert len(venue.ask("openOrders", user=of(ALICE))) == 1


def test_a_refused_request_of_a_wallet_is_no_signature_of_it() -> None:
    """What only users sign, and what a client does with any key that it is given."""
    venue = Venue()
    assert venue.approve(BOB, OTHER) == OK
    assert "must be signed by the user" in venue.error(venue.send(OTHER))
    assert "must be signed by the user" in venue.error(venue.l1(OTHER, OPEN))
    assert venue.send(ALICE, of(OTHER)) == OK and venue.people.master(of(OTHER)) is None


def test_a_user_who_sends_money_to_his_own_wallet_keeps_it() -> None:
    venue = Venue()
    assert venue.approve(ALICE, AGENT) == OK
    assert venue.error(venue.send(ALICE, of(AGENT))) == NOBODY
    assert venue.l1(AGENT, ORDER)["status"] == "ok" and len(venue.ask("openOrders", user=of(ALICE))) == 1


def test_a_wallet_of_one_user_becomes_that_of_another() -> None:
    """That it has signed for the one says nothing about the other."""
    venue = Venue()
    until = venue.wall + 1_000
    assert venue.approve(ALICE, AGENT, f"bot valid_until {until}") == OK and venue.l1(AGENT) == OK
    venue.wall = until
    assert venue.approve(BOB, AGENT) == OK and venue.send(ALICE, of(AGENT)) == OK
    assert venue.people.agents(of(BOB)) == [] and worth(venue, of(AGENT)) == 10_001


def test_whether_a_wallet_has_signed_outlives_the_server(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "j", NOW)
    kept.people.account(of(ALICE))
    assert kept.approve(ALICE, AGENT, "old") == OK and kept.approve(ALICE, OTHER, "new") == OK and kept.approve(ALICE, THIRD) == OK
    assert kept.l1(AGENT) == OK
    kept.store.close()
    path = tmp_path / "j" / wallets.FILE
    told = json.loads(path.read_bytes())
    assert {agent: one["has_signed"] for agent, one in told["agents"].items()} == {of(AGENT): True, of(OTHER): False, of(THIRD): False}
    del told["agents"][of(THIRD)]["has_signed"]
    path.write_text(json.dumps(told))
    again = Kept(tmp_path / "j", NOW + 10_000)
    assert [again.people.receiver(of(one)) for one in (AGENT, THIRD)] == [None, None], "files of before have no such entry"
    assert again.people.receiver(of(OTHER)) is not None and [agent for _, agent, _ in again.people.agents(of(ALICE))] == [
        of(AGENT),
        of(THIRD),
    ]
    again.store.close()
    assert of(OTHER) not in json.loads(path.read_bytes())["agents"]
