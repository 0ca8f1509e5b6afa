"""Addresses that somebody else has asked for first, in Hyperliquid's API: those of sub-accounts, and those of strangers."""

from __future__ import annotations

from pathlib import Path

from hl_kit import MICRO, NOW
from hl_signed_kit import ALICE, BOB, OK, ORDER, OTHER, Venue, of
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
