"""Designs of the soak with what the others leave out, all of it at once: spot markets, coins that stand in for cash and hedge shorts,
commands that wait, money that takes its time, gates, fee tiers, gas; what is done there; and what must hold after each command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from designs import Tree
from soak_curves import curve, rules_of
from soak_rules import Step, on, step
from soak_tape import Tape

from perplab.exchange import messages as m
from perplab.exchange.codes import MarketStatus
from perplab.exchange.liquidation.sales import is_for_sale
from perplab.exchange.state.types import FIRST_USER, INSURANCE, MAX_LOTS

if TYPE_CHECKING:
    from soak_actor import Actor
    from soak_designs import Draw

DAY: Final = 86_400  # [s]
SEQUENCES: Final[tuple[Tree, ...]] = (
    {},
    {"taker_latency_ms": 300, "retail_taker_latency_ms": 900, "maker_latency_ms": 20, "cancel_latency_ms": 10},
    {"rule": "blocks", "interval_ms": 700},
    {"rule": "blocks", "interval_ms": 1_000, "order": "cancels_first"},
    {"rule": "blocks", "interval_ms": 1_000, "order": "priority_fee", "taker_latency_ms": 1_500},
    {"rule": "batch_auction", "interval_ms": 1_000},
    {"rule": "dutch_auction", "duration_ms": 4_000, "step_ms": 1_000},
    {"rule": "request_execute", "delay_ms": 500, "expiry_ms": 20_000},
)
MONEY: Final[tuple[Tree, ...]] = (
    {},
    {"deposit_delay_ms": 1_000, "withdraw_delay_ms": 10_000, "transfer_delay_ms": 1_000},
    {"withdrawals": "flat", "transfers": "same_owner", "transfer_delay_ms": 30_000},
    {"withdrawals": "none", "transfers": "none", "deposit_delay_ms": 10_000},
    {"withdraw_delay_ms": 60_000},
)
DESIGNS: Final = 2 * len(SEQUENCES)
COIN: Final = 2  # the number of the asset BTC
COINS: Final = 500  # so many units of money for a coin, in what accounts have at first
MORE: Final = "coins*7 hedge*3 pair*3 gas"  # actions where there are coins


def give_coins(draw: Draw, made: Tree, number: int) -> None:
    """What the `number`-th of these designs has beyond the others: a coin BTC, which A is about, with its spot market."""
    markets: list[Tree] = made["markets"][:3]  # type: ignore[index]
    if number in (8, 9, 15):
        markets[0]["curve"] = curve(draw, 7 + draw.pick((0, 2, 3, 5)), "0.001")  # in the book of A
        rules_of(draw, markets[0])
    markets.append(spot(draw, "S", "0.2", "0.001", "100000", "BTC"))
    if number % 3 != 2:
        markets.append(spot(draw, "F", "0.001", "1", "50", "EUR"))
    made["markets"], made["assets"] = markets, ["USD", "EUR", "BTC"]
    made["collateral"] = [collateral(draw, number)] if number % 4 != 3 else []
    steps: list[str] = made["liquidation"]["steps"]  # type: ignore[index]
    if made["collateral"] and draw.chance(50):
        steps.insert(draw.integer(0, len(steps)), "collateral")
    made["sequencing"], made["money"] = SEQUENCES[number % len(SEQUENCES)], MONEY[number % len(MONEY)]
    made["gas"] = {"place": 1_000, "amend": 700, "cancel": 500, "liquidity": 2_000} if number % 3 == 0 else {}
    made["max_triggers"], made["max_twaps"] = draw.pick((2, 20)), draw.pick((1, 5))
    made["max_sub_accounts"] = draw.pick((1, 50))
    made["max_debt"] = (0, 20, 10_000)[number % 3]
    if number % 4 == 1:
        give_tiers(made)


def spot(draw: Draw, name: str, tick: str, lot: str, max_price: str, asset: str) -> Tree:
    maker_fee, taker_fee = draw.pick([(0, 0), (150_000, 450_000), (-200_000, 500_000), (2_000_000, 0)])
    return {
        "name": name, "kind": "spot", "base_asset": asset, "tick": tick, "lot": lot, "max_price": max_price,
        "maker_fee_ppb": maker_fee, "taker_fee_ppb": taker_fee, "minimum_notional": draw.pick([0, 0, 10]),
        "price_band_ppm": draw.pick([0, 100_000, 500_000]), "significant_figures": draw.pick([0, 0, 3]),
        "oracle": {"stale_after_ms": draw.pick([0, 4_000]), "on_stale": draw.pick(["keep_last", "halt_new_risk", "pause_liquidation"])},
    }  # fmt: skip


def collateral(draw: Draw, number: int) -> Tree:
    terms: Tree = {"asset": "BTC", "weight_ppm": draw.pick([500_000, 900_000, 1_000_000])}
    if number % 4 != 2:
        weights = {"hedged_weight_ppm": draw.pick([900_000, 1_000_000]), "hedged_margin_ppm": draw.pick([0, 250_000, 777_777])}
        terms |= {"hedges": "A", **weights}
    return terms


def give_tiers(made: Tree) -> None:
    """Fee tiers, and fees that leave room for their rebates."""
    for market in made["markets"]:  # type: ignore[attr-defined]
        market |= {"maker_fee_ppb": 150_000, "taker_fee_ppb": 450_000}
    made["fee_window_days"] = 1
    made["fee_tiers"] = [
        {"volume": 500, "maker_fee_ppb": 100_000, "taker_fee_ppb": 400_000},
        {"volume": 5_000, "maker_fee_ppb": -50_000, "taker_fee_ppb": 300_000},
    ]  # fmt: skip
    made["maker_tiers"] = [{"share_ppm": 100_000, "rebate_ppb": 100_000}]


# -- what is done ------------------------------------------------------------------------------------------------------------------


def first_second(actor: Actor) -> int:
    """When the venue begins: where fees go by what was traded the day before, soon before midnight."""
    has_tiers = bool(actor.exchange.design.fee_tiers)
    return actor.draw.integer(1, 100) * DAY - 300 if has_tiers else actor.draw.integer(1, 10**6)


def spot_size(actor: Actor, account: int, market: int) -> int:
    """Of what an account can sell or pay for, a part or a little more."""
    t = actor.x.terms[market]
    coins = max(0, actor.exchange.balance(account, t.base)) // t.lot
    money = max(0, actor.exchange.free_margin(account, t.asset)) // (actor.mark(market) * t.unit)
    lots = actor.draw.pick((coins, money)) * actor.draw.pick((5, 20, 50, 90, 100, 105)) // 100
    return max(1, min(actor.draw.pick((lots, lots, actor.draw.integer(1, 10))), int(MAX_LOTS)))


def coins(actor: Actor) -> list[m.Command]:
    """Somebody buys or sells coins: from the book, or near the mark."""
    draw, account = actor.draw, actor.account()
    market = draw.pick([number for number in actor.markets if actor.x.terms[number].is_spot])
    side = draw.integer(0, 1)
    mark = actor.mark(market)
    limit = draw.pick((mark, mark * (1_000 + 50 * (1 - 2 * side)) // 1_000, actor.price(market, side)))
    tif = actor.draw.pick((0, 0, 0, 1, 1, 2, 3))
    return [m.Place(actor.now, account, market, side, actor.clipped(limit, market), spot_size(actor, account, market), 0, tif)]


def hedge(actor: Actor) -> list[m.Command]:
    """Somebody sells as much of A as he has coins, which then hedge it; or covers that."""
    account, t = actor.account(), actor.x.terms[0]
    held = max(0, actor.exchange.balance(account, COIN)) // 1_000
    short = -actor.exchange.position(account, 0).size
    side = int(short < held)
    size = max(1, min(abs(held - short), int(MAX_LOTS)))
    found: list[m.Command] = [m.SetMarginMode(actor.now, account, 0, 0)] if actor.draw.chance(20) else []
    if actor.draw.chance(40):
        buyer = actor.draw.pick(actor.users[:2])
        return [*found, m.BlockTrade(actor.now, *((buyer, account) if side else (account, buyer)), 0, size, actor.mark(0))]
    price = actor.mark(0) * (1_000 + 30 * (1 - 2 * side)) // 1_000
    return [*found, m.Place(actor.now, account, 0, side, max(1, min(price, t.max_price)), size, 0, actor.draw.pick((0, 1)))]


def pair(actor: Actor) -> list[m.Command]:
    """The coin and the perpetual on it have one price: two updates in one moment, either of them first."""
    perpetual = actor.do_oracle()
    if not perpetual or not isinstance(perpetual[0], m.UpdateOracle) or perpetual[0].market not in (0, 3):
        return perpetual
    told = perpetual[0]
    other = 3 - told.market
    if actor.tape.status[other] == MarketStatus.SETTLED or actor.number < actor.silent[other]:
        return perpetual
    price = max(1, min(told.price * 5 if other == 3 else told.price // 5, actor.x.terms[other].max_price))
    actor.prices[other] = price
    first = m.UpdateOracle(told.ts, told.market, told.price, told.perp_median, int(actor.draw.chance(60)))
    return [first, m.UpdateOracle(actor.now, other, price)]


# -- what must hold ----------------------------------------------------------------------------------------------------------------


@on(m.PaymentSent)
def frozen_money(tape: Tape, e: m.PaymentSent) -> str:
    """Whoever pays deficits: an account in liquidation sends no money away, however long that would take."""
    return f"{e} by an account in liquidation" if e.command != m.Deposit.KIND and tape.is_frozen(e.account, -1) else ""


@step
def no_credit(x: Step) -> str:
    """Whoever sells coins: nobody owes an asset in which no position settles, since nobody sells or sends what he has not got."""
    margined = {t.asset for t in x.terms if not t.is_spot}
    for asset, cash in enumerate(x.after.cash):
        short = [account for account in x.after.holders if cash[account] < 0] if asset not in margined else []
        if short:
            return f"account {short[0]} has {cash[short[0]]} of asset {asset}"
    return ""


@step
def limit_of_debts(x: Step) -> str:
    """Who lends to debtors: what was owed beyond `max_debt` before a pass is paid for by it with coins, as far as the fund has cash."""
    design, before, after = x.exchange.design, x.before.cash[0], x.after.cash[0]
    if not design.collateral or not x.of(m.MarkMoved) or min(before[INSURANCE], after[INSURANCE]) <= 0:
        return ""
    if isinstance(x.command, m.UpdateOracle) and x.command.more:
        return ""  # the pass waits for another price
    if sum(e.value for e in x.of(m.CollateralSold) if e.method == m.Method.TAKEOVER) >= before[INSURANCE]:
        return ""  # it has bought for all that it had, and what it has now came in afterwards
    spot = next(number for number, t in enumerate(x.terms) if t.is_spot and t.base == COIN)
    if not is_for_sale(x.exchange.state.markets[spot], x.exchange.state.now):
        return ""
    for account in x.after.holders:
        had, held = x.before.cash[COIN][account], x.after.cash[COIN][account]
        if before[account] < -design.max_debt * 10**6 and after[account] == before[account] and had == held > 0:
            if not x.tape.is_frozen(account, -1) and account >= FIRST_USER:
                return f"account {account} owes {-after[account]}, with {held} micro-coins"
    return ""


def least_spare(x: Step, at: int, account: int, asset: int) -> int:
    """What an account that trades in the spot market at event `at` must have beyond what its positions require, after the command. Funding
    that was charged ahead of the trade was there before it; what is charged later, it may lack."""
    had = x.spare[account, asset]
    if not x.of(m.FundingCharged):
        return min(0, had)
    cross = [n for n, t in enumerate(x.terms) if t.asset == asset and x.after.positions[account, n].mode == 0]
    paid = sum(e.amount for e in x.of(m.PositionSettled) if e.account == account and e.market in cross)
    paid = max(0, paid + sum(x.after.positions[account, n].unsettled - x.before.positions[account, n].unsettled for n in cross))
    later = any(isinstance(e, m.FundingCharged) for e in x.events[at:])
    return min(0, had) - paid if later else min(0, had - paid)


@step
def spot_margin(x: Step) -> str:
    """Whoever pays deficits: who trades in a spot market has what his positions require then, in both assets, or no less than before."""
    c = x.command
    if not x.spare or x.of(m.TriggerFired, m.Liquidated, m.LossSocialized, m.CollateralSold):
        return ""
    for at, e in enumerate(x.events):
        t = x.terms[e.market] if isinstance(e, m.Traded) else None
        for account in (e.taker, e.maker) if t is not None and t.is_spot else ():
            for asset in (t.asset, t.base):
                spare = x.exchange.equity(account, asset) - x.exchange.positions_initial(account, asset)
                if spare < least_spare(x, at, account, asset):
                    return f"{e} of {c}: account {account} had {x.spare[account, asset]} of asset {asset} to spare, has {spare}"
    return ""
