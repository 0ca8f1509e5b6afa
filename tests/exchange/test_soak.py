"""The soak (soak.py) in short: 34,000 commands over its designs; and the soak itself: designs, rules, repetition, shrinking."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import soak
from designs import Tree, market, venue
from exact_margin import Margin, Terms
from soak import Options, World, live, stretch
from soak_curves import ROLES, RULES
from soak_designs import CHAINS, COUNT, CURVED, MIXED, ORDERS, Draw, design, tree
from soak_report import commands_told, never_done, told
from soak_rules import ABOUT, EVENT_RULES, STEP_RULES, Step
from soak_shrink import broken_at, shrunk
from soak_tape import Tape

from perplab.exchange import messages as m
from perplab.exchange.build import BUILD
from perplab.exchange.codes import MarketStatus, Method

LENGTH = 400
OPTIONS = Options(seed=1, length=LENGTH)
NS = 10**9


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, COUNT, 5))
def test_thirty_four_thousand_commands(first: int) -> None:
    """Five designs at a time: no rule is broken."""
    for number in range(first, first + 5):
        result = stretch(OPTIONS, number)
        assert not result.breaches, "\n" + "\n".join(told(OPTIONS, result))
        assert result.commands >= LENGTH


# -- designs --


def test_every_design_differs() -> None:
    assert len({str(tree(number) | {"name": ""}) for number in range(COUNT)}) == COUNT


def test_designs_have_every_chain_every_order_and_every_option() -> None:
    """Of each option that a design may set, at least two values occur."""
    designs = [tree(number) for number in range(CURVED)]
    assert {tuple(d["liquidation"]["steps"]) for d in designs} == set(CHAINS)  # type: ignore[index]
    assert {tuple(d["backstops"]) for d in designs} == set(ORDERS)  # type: ignore[arg-type]
    values: dict[str, set[str]] = {}
    for one in designs:
        for key, value in leaves(one):
            values.setdefault(key, set()).add(str(value))
    assert [key for key, seen in values.items() if len(seen) < 2] == ["assets"]
    for name, options in (("rank", 2), ("price", 3), ("trigger", 2), ("surplus_to", 3), ("on_stale", 3), ("payment", 2), ("rule", 5)):
        assert len(values[name]) == options, name


def test_designs_have_every_curve_in_every_role() -> None:
    """With every rule of marks and funding that may go by a curve; and pools that pay deficits."""
    designs = [tree(number) for number in range(CURVED, MIXED)]
    markets: list[Tree] = [one for d in designs for one in d["markets"]]  # type: ignore[attr-defined]
    curves: list[Tree] = [one["curve"] for one in markets]  # type: ignore[misc]
    found = {("vault" if one.get("skew") == "vault" else one["rule"], one["role"]) for one in curves}
    assert found == {(rule, role) for rule in RULES for role in ROLES}
    assert {one["capital"] for one in curves} >= {0, 100, 20_000}
    used = {(name, one[name]["rule"]) for one in markets for name in ("mark", "funding")}  # type: ignore[index]
    assert used >= {("mark", rule) for rule in ("oracle", "hyperliquid", "curve", "curve_twap", "curve_median")}
    assert used >= {("funding", rule) for rule in ("premium", "twap_difference", "velocity", "static_skew", "adaptive_skew")}
    assert any("liquidity_pool" in d["backstops"] for d in designs)  # type: ignore[operator]
    assert all(design(number).markets[0].curve.rule != "none" for number in range(CURVED, MIXED))


def test_designs_mix_spot_markets_with_all_that_waits() -> None:
    """Coins as collateral, with and without a hedge; each rule of sequencing; delays and gates of money; fee tiers; gas; curves."""
    designs = [design(number) for number in range(MIXED, COUNT)]
    assert all(any(market.is_spot for market in d.markets) for d in designs)
    assert {d.sequencing.rule for d in designs} == {"continuous", "blocks", "batch_auction", "dutch_auction", "request_execute"}
    assert {bool(d.collateral and d.collateral[0].hedges) for d in designs} == {True, False} and any(not d.collateral for d in designs)
    assert {d.money.withdrawals for d in designs} == {"any", "flat", "none"}
    assert {d.money.transfers for d in designs} == {"any", "same_owner", "none"}
    assert any(d.money.deposit_delay_ms and d.money.withdraw_delay_ms and d.money.transfer_delay_ms for d in designs)
    for has in (lambda d: d.fee_tiers, lambda d: d.gas.place, lambda d: d.markets[0].curve.rule != "none", lambda d: d.max_triggers == 2):
        assert {bool(has(d)) for d in designs} == {True, False}
    assert {"collateral" in d.liquidation.steps for d in designs} == {True, False}


def test_every_kind_of_command_is_drawn_and_carried_out() -> None:
    tally: Counter[str] = Counter()
    numbers = 3, 5, 10, 20, CURVED + 4, CURVED + 5, MIXED, MIXED + 1
    for number in numbers:
        tally += Counter(stretch(OPTIONS._replace(length=800, check_every=10**9, without=tuple(ABOUT)), number).tally)
    assert never_done(tally) == []
    assert sum(tally[f"Command.{kind.__name__}"] for kind in m.COMMANDS) >= 800 * len(numbers)
    lines = list(commands_told(tally))
    assert len(lines) == len(m.COMMANDS) + 1 and lines[1].split()[0] == "OpenAccount"
    del tally["Accepted.PlaceTwap"]
    assert never_done(tally) == ["PlaceTwap"]


def leaves(node: object, key: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(node, dict):
        for name, value in node.items():
            yield from leaves(value, name)
    elif isinstance(node, list) and key not in ("steps", "backstops", "assets"):
        for value in node:
            yield from leaves(value, key)
    else:
        yield key, node


# -- repetition --


def test_a_stretch_repeats() -> None:
    """The same number and seed give the same commands, events and state; another seed gives others."""
    one, other = live(OPTIONS, 7), live(OPTIONS, 7)
    assert one.rows == other.rows and one.digest.hexdigest() == other.digest.hexdigest()
    assert one.exchange.state_hash() == other.exchange.state_hash()
    assert live(OPTIONS._replace(seed=2), 7).rows != one.rows


def test_until_stops_at_the_command() -> None:
    assert live(OPTIONS._replace(until=150), 7).rows == live(OPTIONS, 7).rows[:150]


def test_draws_are_in_bounds() -> None:
    draw = Draw(3)
    assert {draw.integer(2, 4) for _ in range(200)} == {2, 3, 4}
    assert {draw.pick("ab") for _ in range(50)} == {"a", "b"}


def test_journals_replay_and_a_changed_sum_is_told(tmp_path: Path) -> None:
    other = OPTIONS._replace(without=tuple(set(ABOUT) - {"builds"}), against=str(tmp_path))
    result = stretch(OPTIONS._replace(journals=str(tmp_path)), 7)
    path = tmp_path / "00007.journal"
    assert soak.again(path) == ""
    assert not stretch(other, 7).breaches
    sums = path.with_suffix(".json")
    sums.write_text(sums.read_text().replace(result.hash, "f" * len(result.hash)))
    assert soak.again(path).startswith("stretch 7: state ")
    assert [breach.rule for breach in stretch(other, 7).breaches] == ["builds"]


# -- rules --


def tape(status: int = 0) -> Tape:
    made = Tape([Terms(venue([market(), market("B")]), n) for n in (0, 1)], [(NS, "pause_liquidation"), (NS, "halt_new_risk")])
    made.status = [status, status]
    made.oracle_ts = [0, 0]
    made.sizes = {(8, 0): 5, (9, 0): -5}
    return made


def event(kind: type[m.Event], **told: int) -> m.Event:
    """An event that says no more than this."""
    return kind(**dict.fromkeys(kind.__struct_fields__, 0) | told)


def traded(size: int = 1) -> m.Event:
    """Account 8 sells to account 9."""
    return event(m.Traded, price=1_000, size=size, taker_side=1, taker=8, maker=9, taker_order_id=1, maker_order_id=2)


BAD_EVENTS = {
    "halt_fills": (tape(MarketStatus.HALTED), traded()),
    "post_only_mode": (tape(MarketStatus.POST_ONLY), traded()),
    "halt_funding": (tape(MarketStatus.HALTED), event(m.FundingSampled)),
    "stale_funding": (tape(), event(m.FundingCharged, ts=2 * NS, accrual_delta=5)),
    "halt_liquidation": (tape(MarketStatus.CANCEL_ONLY), event(m.Liquidated, account=8, method=Method.BOOK, size=5)),
    "stale_liquidation": (tape(), event(m.Liquidated, ts=2 * NS, account=8, method=Method.ADL, size=5)),
    "settled": (tape(MarketStatus.SETTLED), event(m.MarkMoved, mark=5)),
    "healthy": (tape(), event(m.LiquidationStarted, account=8, market=-1, equity=10, maintenance=10)),
    "adl_price": (tape(), event(m.Deleveraged, loser=8, winner=9, size=5, value=4_999_999, mark=1_000)),
}


@pytest.mark.parametrize("name", BAD_EVENTS)
def test_an_event_rule_fires(name: str) -> None:
    """Each rule tells of an event that breaks it, and is content with the same event in an open market, in time, at the mark."""
    seen, bad = BAD_EVENTS[name]
    rule = dict(EVENT_RULES[type(bad)])[name]
    assert rule(seen, bad)
    fine = tape()
    fine.oracle_ts = [bad.ts, bad.ts]
    if name not in ("healthy", "adl_price"):
        assert not rule(fine, bad)


def test_rules_about_orders_fire() -> None:
    seen = tape()
    rules = dict(EVENT_RULES[m.Traded])
    seen.orders = {1: [8, 0, 1, 1_000, 9, 0, 1, 0], 2: [9, 0, 0, 1_000, 9, 0, 0, 0]}
    assert not rules["reduce_only"](seen, traded(size=5))
    assert rules["reduce_only"](seen, traded(size=6))
    seen.orders[2][7] = 1  # sent while orders may only reduce
    seen.status[0] = MarketStatus.REDUCE_ONLY
    assert not rules["only_reduces"](seen, traded(size=5))
    assert rules["only_reduces"](seen, traded(size=6))
    seen.liquidating[8, -1] = 1
    frozen = dict(EVENT_RULES[m.OrderPlaced])["frozen"]
    assert frozen(seen, event(m.OrderPlaced, account=8))
    assert not frozen(seen, event(m.OrderPlaced, account=9))


def traded_world() -> World:
    """Two accounts that have just crossed."""
    world = World(venue([market()]))
    for command in (
        m.OpenAccount(0, 1, 0), m.OpenAccount(0, 1, 0), m.Deposit(0, 8, 0, 10**9), m.Deposit(0, 9, 0, 10**9), m.UpdateOracle(0, 0, 1_000),
        m.BlockTrade(0, 8, 9, 0, 100, 1_000),
    ):  # fmt: skip
        world.do(m.command_row(command))
    return world


def step_of(events: list[m.Event]) -> Step:
    """A step with other events than really happened."""
    world = traded_world()
    world.x.events = events
    return world.x


def test_step_rules_are_content_with_a_trade() -> None:
    world = traded_world()
    assert not world.breaches and world.tally["BlockTraded"] == 1
    assert isinstance(world.x.margin, Margin)


@pytest.mark.parametrize("name", ("money", "debt", "bystander", "system_accounts"))
def test_step_rules_about_money_fire(name: str) -> None:
    x = traded_world().x
    x.events = []
    x.before = x.after
    x.after = traded_world().snapshot()
    x.after.positions = {key: p for key, p in x.after.positions.items() if key[0] != 9}
    x.after.cash[0][9] = -1
    x.after.cash[0][0] = -1
    x.after.equity[0][9] += 1
    x.after.positions[9, 0] = x.exchange.position(9, 0).__class__(9, 0, 0, 0, 0, 0, 20, 0, 0, 0)
    assert STEP_RULES[name](x)


def test_rules_about_coins_and_payments_fire() -> None:
    seen = tape()
    seen.liquidating[8, -1] = 1
    frozen = dict(EVENT_RULES[m.PaymentSent])["frozen_money"]
    assert frozen(seen, event(m.PaymentSent, account=8, command=m.Withdraw.KIND))
    assert not frozen(seen, event(m.PaymentSent, account=8, command=m.Deposit.KIND))
    world = World(design(MIXED))
    for command in (m.OpenAccount(0, 1, 0), m.OpenAccount(0, 1, 0), m.Deposit(0, 8, 1, 100 * 10**6), m.Deposit(0, 9, 1, 100 * 10**6),
                    m.UpdateOracle(0, 2, 1_000), m.BlockTrade(0, 8, 9, 2, 3, 1_000)):  # fmt: skip
        world.do(m.command_row(command))
    assert not world.breaches and world.exchange.initial_margin(8, 1) > 0
    x = world.x
    x.spare, x.events = {(a, n): 10**12 for a in (8, 9) for n in range(3)}, [event(m.Traded, market=4, taker=8, maker=9)]
    assert not STEP_RULES["spot_margin"](x)  # there is as much as the positions require
    world.exchange.state.accounts.cash[8 * 3 + 1] = 0
    assert STEP_RULES["spot_margin"](x) and not STEP_RULES["no_credit"](x)
    x.after.cash[2][9] = -1
    assert STEP_RULES["no_credit"](x)


def test_funding_of_a_leap_of_time_is_no_want_of_margin_in_a_spot_market() -> None:
    world = World(design(MIXED))
    for command in (m.OpenAccount(0, 1, 0), m.OpenAccount(0, 1, 0), m.Deposit(0, 8, 1, 100 * 10**6), m.Deposit(0, 9, 1, 100 * 10**6),
                    m.UpdateOracle(0, 2, 1_000), m.BlockTrade(0, 8, 9, 2, 3, 1_000)):  # fmt: skip
        world.do(m.command_row(command))
    x, cash = world.x, world.exchange.state.accounts.cash
    x.before = x.after
    x.spare = {(a, n): x.exchange.equity(a, n) - x.exchange.positions_initial(a, n) for a in (8, 9) for n in range(3)}
    trade, charged = event(m.Traded, market=4, taker=8, maker=9), event(m.FundingCharged, market=2)
    paid = x.spare[8, 1] + 5  # and so much more than there is to spare
    cash[8 * 3 + 1] -= paid
    settled = event(m.PositionSettled, account=8, market=2, amount=paid)
    for events, lacks in (([trade], True), ([trade, charged, settled], False), ([charged, settled, trade], False)):
        x.events = events
        assert bool(STEP_RULES["spot_margin"](x)) == lacks
    cash[8 * 3 + 1] -= 1
    assert STEP_RULES["spot_margin"](x), "a micro-unit more than the funding"
    x.events = [trade, charged, settled]
    cash[8 * 3 + 1] -= x.spare[8, 1] - 1
    assert not STEP_RULES["spot_margin"](x), "the trade took what there was, and then came the funding"
    cash[8 * 3 + 1] -= 1
    assert STEP_RULES["spot_margin"](x)


def test_gas_of_what_waited_for_a_settled_market_is_no_other_price() -> None:
    gas, waits = {"place": 1_000}, {"rule": "request_execute", "delay_ms": 500}
    world = World(venue([market()], gas=gas, sequencing=waits))
    for command in (m.OpenAccount(0, 1, 0), m.OpenAccount(0, 1, 0), m.Deposit(0, 8, 0, 10**9), m.Deposit(0, 9, 0, 10**9),
                    m.UpdateOracle(0, 0, 1_000), m.BlockTrade(0, 8, 9, 0, 3, 1_000), m.Place(1, 8, 0, 0, 990, 1, priority_fee=7),
                    m.Tick(2), m.SetMarketStatus(2, 0, MarketStatus.SETTLED, 990)):  # fmt: skip
        world.do(m.command_row(command))
    assert world.x.of(m.GasPaid) and not world.breaches
    world.x.after.equity[0][8] -= 10
    assert STEP_RULES["settlement"](world.x)


def test_step_rules_about_payments_fire() -> None:
    short = event(m.Liquidated, account=8, method=Method.BOOK, size=5, deficit=10)
    assert STEP_RULES["deficits"](step_of([short, event(m.DeficitPaid, account=8, payer=1, amount=9)]))
    paid = [event(m.DeficitPaid, account=8, payer=payer, amount=amount) for payer, amount in ((1, 4), (4, 6))]
    assert not STEP_RULES["deficits"](step_of([short, *paid]))
    assert STEP_RULES["deficits"](step_of([event(m.LossSocialized, amount=5), event(m.DeficitPaid, payer=2, amount=4)]))
    half = [event(m.OrderPlaced, order_id=3, account=8, size=5, tif=2), event(m.Traded, size=4, taker_order_id=3, maker=9)]
    assert STEP_RULES["fok"](step_of(half)) and not STEP_RULES["fok"](step_of([]))


def test_every_rule_says_whose_loss_it_guards() -> None:
    known = {name for rules in EVENT_RULES.values() for name, _ in rules} | set(STEP_RULES)
    assert known < set(ABOUT)
    assert all(": " in about and about.endswith(".") for about in ABOUT.values())


def test_a_refusal_that_leaves_a_trace_is_noticed() -> None:
    world = World(venue([market()]), twin=True)
    world.do(m.command_row(m.OpenAccount(0, 1, 0)))
    world.compare_twin()
    assert not world.breaches
    world.exchange.apply(m.Deposit(0, 8, 0, 5))  # as if a refused command had done that
    world.compare_twin()
    assert [breach.rule for breach in world.breaches] == ["no_trace"]


# -- shrinking and the command line --


def short(x: Step) -> str:
    """Nobody: a rule that is broken as soon as account 12 is short."""
    sizes = [p.size for (account, _), p in x.after.positions.items() if account == 12]
    return "account 12 is short" if min(sizes, default=0) < 0 else ""


def test_shrinking_leaves_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STEP_RULES, "short", short)
    monkeypatch.setitem(ABOUT, "short", str(short.__doc__))
    world = live(OPTIONS._replace(without=tuple(set(ABOUT) - {"short"})), 8)
    assert broken_at(tree(8), world.rows, "short") > 50
    text = shrunk(world, 8, "short")
    assert text.endswith("BROKEN account 12 is short")
    assert len(text.splitlines()) < 30
    plain: Tree = soak.json.loads(text.splitlines()[1])
    assert plain["backstops"] == [] and len(plain["liquidation"]["steps"]) == 1  # type: ignore[index, arg-type]
    assert shrunk(world, 7, "raised") == "raised is not broken"


def test_the_command_line() -> None:
    script = str(Path(soak.__file__))
    listed = subprocess.run([sys.executable, script, "--list"], capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(ABOUT)
    some = [word for name in ABOUT for word in ("--without", name)]
    ran = subprocess.run([sys.executable, script, "--stretch", "7", "--until", "120", *some], capture_output=True, text=True, check=True)
    assert f"{BUILD} core: no rule broken" in ran.stdout and f"perplab soak: {BUILD} core" in ran.stderr
    assert design(7).name == "soak-7"
