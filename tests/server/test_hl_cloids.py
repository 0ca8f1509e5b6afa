"""Client ids of Hyperliquid's API: used again, such that look like stand-ins, or are another order's; and that nobody is told another's."""

from __future__ import annotations

from typing import Any

from hl_exchange_kit import Reply, Trader, limit, trigger
from hl_exchange_kit import alice as alice
from hl_exchange_kit import bob as bob
from hl_exchange_kit import venue as venue

from perplab.exchange.server.hyperliquid import orders, past
from perplab.exchange.server.hyperliquid.cloids import MARK, MOST, MOST_EACH, NONE, Cloids
from perplab.exchange.server.hyperliquid.shares import Shares

ONE, TWO, THREE = (f"0x{number:032x}" for number in (1, 2, 3))
OK = {"status": "ok", "response": {"type": "default"}}
MISSING = {"error": "Order was never placed, already canceled, or filled. asset=0"}
CLASH = "Duplicate cloid: another order of the account has it, or had it and was filled. asset=0"


def shown(trader: Trader) -> list[tuple[str, str | None]]:
    """(price, cloid) of the open orders."""
    return [(one["limitPx"], one.get("cloid")) for one in orders.open_orders_of(trader.venue.dialect, trader.account)]


def cancelled(trader: Trader, *cloids: str) -> list[Any]:
    return trader.statuses("cancelByCloid", cancels=[{"asset": 0, "cloid": one} for one in cloids])


def stand_in_of(trader: Trader, cloid: str) -> str:
    """As it would be shown if it were told."""
    hi, lo = trader.venue.dialect.cloids.halves(trader.account, cloid)
    assert hi == MARK
    return f"0x{hi:016x}{lo:016x}"


def test_after_a_rewind_a_cloid_is_that_of_the_order_that_is_open_again(alice: Trader) -> None:
    """Once with the id itself, once with a stand-in; what was cancelled and placed again behind the snapshot never was."""
    for number, price in enumerate(("50000", "50001")):
        alice.order(limit("B", price, "0.1", cloid=ONE))
        alice.venue.host.keep(f"s{number}")
        before = shown(alice)
        for _ in range(2):
            assert cancelled(alice, ONE) == ["success"]
            alice.order(limit("B", "50009", "0.1", cloid=ONE))
        alice.venue.host.go_back(f"s{number}")
        alice.venue.dialect.go_back()  # as the feeds do, which this venue is without
        assert shown(alice) == before == [(f"{price}.0", ONE)]
        status = orders.order_status(alice.venue.dialect, {"user": alice.signed.address, "oid": ONE})
        assert status["order"]["status"] == "open"
        assert cancelled(alice, ONE) == ["success"] and shown(alice) == []


# -- those that look like stand-ins --


def test_nobody_is_told_another_s_cloid(alice: Trader, bob: Trader) -> None:
    for _ in range(2):
        alice.order(limit("B", "50000", "0.1", cloid=ONE))
        cancelled(alice, ONE)
    looks = stand_in_of(alice, ONE)
    (told,) = bob.order(limit("B", "50001", "0.1", cloid=looks))
    assert told["resting"]["cloid"] == looks and shown(bob) == [("50001.0", looks)]
    assert cancelled(alice, looks) == [MISSING]
    assert cancelled(bob, looks) == ["success"] and shown(bob) == []


def test_a_client_id_of_the_other_protocol_is_told_as_it_is(alice: Trader, bob: Trader) -> None:
    """It has the number of another's stand-in."""
    for _ in range(2):
        alice.order(limit("B", "50000", "0.1", cloid=ONE))
        cancelled(alice, ONE)
    cloids = alice.venue.dialect.cloids
    hi, lo = cloids.halves(alice.account, ONE)
    assert cloids.text(bob.account, hi, lo) == f"0x{hi:016x}{lo:016x}" and cloids.text(alice.account, hi, lo) == ONE


def test_one_s_own_cloids_may_look_like_stand_ins(alice: Trader) -> None:
    """Those of the future, too: they are not taken by that."""
    alice.order(limit("B", "50000", "0.1", cloid=ONE))
    cancelled(alice, ONE)
    alice.order(limit("B", "50000", "0.1", cloid=ONE))
    now = int(stand_in_of(alice, ONE), 16)
    for number in range(now, now + 9):
        assert "resting" in alice.order(limit("B", "50001", "0.1", cloid=f"0x{number:032x}"))[0]
    assert sorted(cloid or "" for _, cloid in shown(alice)) == sorted([ONE, *(f"0x{number:032x}" for number in range(now, now + 9))])
    assert alice.order(limit("B", "50001", "0.1", cloid=f"0x{now:032x}")) == [{"error": CLASH}]
    assert cancelled(alice, f"0x{now:032x}", f"0x{now:032x}") == ["success", MISSING]
    assert cancelled(alice, ONE) == ["success"]


def test_two_of_a_batch_do_not_rest_with_one_cloid(alice: Trader) -> None:
    """Whether it is new, is used again, or looks like a stand-in."""
    for cloid in (ONE, f"0x{MARK:016x}{7:016x}", "0x" + "0" * 32):
        for _ in range(3):
            told = alice.order(limit("B", "50000", "0.1", cloid=cloid), limit("B", "50001", "0.1", cloid=cloid))
            assert list(told[0]) == ["resting"] and told[1] == {"error": CLASH}
            assert shown(alice) == [("50000.0", cloid)] and cancelled(alice, cloid) == ["success"]


def test_fills_and_past_orders_tell_one_s_own(alice: Trader, bob: Trader) -> None:
    looks = f"0x{MARK:016x}{7:016x}"
    bob.order(limit("A", "60000", "0.2", cloid=looks))
    alice.order(limit("B", "60000", "0.2", "Ioc", cloid=looks))
    for one in (alice, bob):
        (fill,) = past.fills_of(one.venue.dialect, one.account, 0, 2**62, False)
        assert fill["cloid"] == looks
        (record,) = one.venue.host.history.orders(one.account)
        coin = one.venue.dialect.coins.by_market[0]
        assert orders.past_order(one.venue.dialect, coin, record)["order"]["cloid"] == looks


def test_stand_ins_of_cloids_are_bounded_and_new() -> None:
    opened = set[tuple[int, int]]()
    cloids, cloid = Cloids(lambda: 100, lambda account, halves: halves in opened), "0x" + "0" * 31 + "5"
    assert cloids.halves(9, cloid) == (0, 5) and cloids.text(9, 0, 5) == cloid and cloids.text(9, 0, 0) is None
    first = cloids.stand_in(9, cloid)
    assert cloids.halves(9, cloid) == first and cloids.halves(8, cloid) == (0, 5) and cloids.text(9, *first) == cloid
    assert cloids.halves(9, f"0x{first[0]:016x}{first[1]:016x}") == NONE and cloids.halves(8, f"0x{first[0]:016x}{first[1]:016x}") == first
    assert cloids.text(9, *cloids.stand_in(9, cloid)) == cloid
    assert cloids.text(9, -1, -1) == "0x" + "f" * 32
    for number in range(MOST_EACH + 3):
        cloids.stand_in(7, f"0x{number:032x}")
    assert len(cloids._cloids) == MOST_EACH + 2
    assert cloids.halves(7, f"0x{2:032x}") == (0, 2) and cloids.halves(7, f"0x{3:032x}")[0] == MARK
    opened.add(cloids.halves(7, f"0x{3:032x}"))
    for number in range(MOST):
        cloids.stand_in(10 + number % 9, f"0x{number:032x}")
    assert len(cloids._cloids) == MOST == cloids._shares.count and len(cloids._standing) <= MOST
    assert cloids.text(9, *first) == cloid, "many accounts take none away of one that has few"
    assert cloids.halves(7, f"0x{3:032x}")[0] == MARK, "nor that of an order that is open"
    assert cloids.halves(7, f"0x{4:032x}") == (0, 4)


def test_who_has_the_most_loses_his_oldest_that_need_not_stay() -> None:
    shares = Shares[int](4, 3, lambda account, key: key < 0)
    assert [shares.add(*one) for one in ((1, -1), (1, 5), (1, 6), (1, 7))] == [[], [], [], [5]]
    assert [shares.add(*one) for one in ((2, 8), (2, 9), (1, 6))] == [[], [6], [7]] and shares.count == 4
    full = Shares[int](3, 9, lambda account, key: True)
    assert [full.add(1, key) for key in range(9)] == [[]] * 9 and full.count == 9
    for key in range(9):
        full.drop(1, key)
    assert full.count == 0 and [full.add(2, 1), full.add(2, 1)] == [[], []] and full.count == 1


# -- modified orders --


def oids(trader: Trader, *wanted: Reply) -> list[int]:
    return [one["resting"]["oid"] for one in trader.order(*wanted)]


def test_an_order_is_not_modified_onto_the_cloid_of_another(alice: Trader) -> None:
    first, _ = oids(alice, limit("B", "50005", "0.1", cloid=ONE), limit("B", "50006", "0.1", cloid=TWO))
    before = shown(alice)
    for which in (first, ONE):
        new = {"oid": which, "order": limit("B", "50007", "0.1", cloid=TWO)}
        assert alice.err("modify", **new) == alice.err("modify", **new, a=True) == CLASH
        assert alice.statuses("batchModify", modifies=[new]) == [{"error": CLASH}]
    assert shown(alice) == before, "nothing is cancelled"
    assert alice.do("modify", oid=ONE, order=limit("B", "50007", "0.1", cloid=THREE)) == OK
    assert shown(alice) == [("50007.0", THREE), ("50006.0", TWO)]


def test_orders_of_one_batch_exchange_their_cloids(alice: Trader) -> None:
    first, second = oids(alice, limit("B", "50005", "0.1", cloid=ONE), limit("B", "50006", "0.1", cloid=TWO))
    told = alice.statuses("batchModify", modifies=[
        {"oid": first, "order": limit("B", "50007", "0.1", cloid=TWO)}, {"oid": second, "order": limit("B", "50008", "0.1", cloid=ONE)},
    ])  # fmt: skip
    assert [list(one) for one in told] == [["resting"]] * 2 and sorted(shown(alice)) == [("50007.0", TWO), ("50008.0", ONE)]


def test_who_is_refused_in_a_batch_keeps_his_order_and_its_cloid(alice: Trader) -> None:
    """The third would have the second's cloid, which stays, as the second would have one that stays."""
    alice.order(limit("B", "50001", "0.1", cloid=ONE))
    second, third, fourth = oids(alice, *(limit("B", f"5000{number}", "0.1", cloid=f"0x{number:032x}") for number in (2, 3, 4)))
    told = alice.statuses("batchModify", modifies=[
        {"oid": third, "order": limit("B", "50013", "0.1", cloid=TWO)}, {"oid": fourth, "order": limit("B", "50014", "0.1", cloid=THREE)},
        {"oid": second, "order": limit("B", "50012", "0.1", cloid=ONE)},
    ])  # fmt: skip
    assert told == [{"error": CLASH}] * 3
    assert sorted(shown(alice)) == [(f"5000{number}.0", f"0x{number:032x}") for number in (1, 2, 3, 4)]


def test_two_of_a_batch_do_not_get_one_cloid(alice: Trader) -> None:
    first, second = oids(alice, limit("B", "50005", "0.1"), limit("B", "50006", "0.1"))
    told = alice.statuses("batchModify", modifies=[
        {"oid": first, "order": limit("B", "50007", "0.1", cloid=THREE)}, {"oid": second, "order": limit("B", "50008", "0.1", cloid=THREE)},
    ])  # fmt: skip
    assert list(told[0]) == ["resting"] and told[1] == {"error": CLASH}
    assert sorted(shown(alice)) == [("50006.0", None), ("50007.0", THREE)]


def test_an_order_that_is_gone_is_told_as_that(alice: Trader) -> None:
    first, _ = oids(alice, limit("B", "50005", "0.1"), limit("B", "50006", "0.1", cloid=TWO))
    assert alice.statuses("cancel", cancels=[{"a": 0, "o": first}]) == ["success"]
    new = {"oid": first, "order": limit("B", "50007", "0.1", cloid=TWO)}
    assert alice.err("modify", **new) == "Cannot modify canceled or filled order"
    assert alice.err("modify", **new, a=True) == f"Error placing new order during modify: {CLASH}"
    assert shown(alice) == [("50006.0", TWO)]


def test_a_stop_is_not_modified_onto_the_cloid_of_another_order_either(alice: Trader) -> None:
    stop, _ = oids(alice, trigger("B", "61000", "0.1", "sl", reduces=False, cloid=ONE), limit("B", "50005", "0.1", cloid=TWO))
    for which in (stop, ONE):
        assert alice.err("modify", oid=which, order=trigger("B", "62000", "0.1", "sl", reduces=False, cloid=TWO)) == CLASH
    assert alice.err("modify", oid=TWO, order=limit("B", "50006", "0.1", cloid=ONE)) == CLASH
    assert len(shown(alice)) == 2
    assert alice.do("modify", oid=stop, order=trigger("B", "62000", "0.1", "sl", reduces=False, cloid=ONE)) == OK


def test_the_cloid_of_a_filled_order_is_given_to_no_other(alice: Trader, bob: Trader) -> None:
    """A client that asks again after its reply was lost does not buy again."""
    bob.order(limit("A", "60000", "5"))
    alice.order(limit("B", "60000", "0.1", cloid=ONE))
    again = {"oid": ONE, "order": limit("B", "60000", "0.1", cloid=ONE), "a": True}
    for _ in range(2):
        assert alice.err("modify", **again) == f"Error placing new order during modify: {CLASH}"
    assert alice.venue.host.exchange.position(alice.account, 0).size == 10_000
    (oid,) = oids(alice, limit("B", "50000", "0.1"))
    new = {"oid": oid, "order": limit("B", "50001", "0.1", cloid=ONE)}
    assert alice.err("modify", **new) == alice.err("modify", **new, a=True) == CLASH and shown(alice) == [("50000.0", None)]
    status = orders.order_status(alice.venue.dialect, {"user": alice.signed.address, "oid": ONE})
    assert status["order"]["status"] == "filled"


def test_that_of_an_order_filled_in_part_is_kept_by_what_takes_its_place(alice: Trader, bob: Trader) -> None:
    first, second = oids(alice, limit("B", "59990", "1", cloid=ONE), limit("B", "59980", "1", cloid=TWO))
    bob.order(limit("A", "59990", "0.4", "Ioc"))
    assert alice.do("modify", oid=ONE, order=limit("B", "59989", "0.6", cloid=ONE)) == OK
    assert alice.err("modify", oid=first, order=limit("B", "59989", "0.6", cloid=ONE)) == "Cannot modify canceled or filled order"
    bob.order(limit("A", "59989", "0.3", "Ioc"))
    assert cancelled(alice, ONE) == ["success"]
    assert alice.err("modify", oid=second, order=limit("B", "59979", "1", cloid=ONE)) == CLASH
    assert alice.do("modify", oid=second, order=limit("B", "59979", "1", cloid=THREE)) == OK
    assert cancelled(alice, THREE) == ["success"]
    (last,) = oids(alice, limit("B", "50000", "1"))
    assert alice.do("modify", oid=last, order=limit("B", "50001", "1", cloid=THREE)) == OK, "none of it was filled"
