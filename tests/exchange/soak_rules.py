"""What must hold after every command of the soak: one small function a rule, which says whose loss it guards.

A rule returns "" or what is wrong. Event rules look at one event, with the tape as it stood before it; step rules at a whole command,
with the state before and after it. They know nothing of the core's own arithmetic but its public queries; a requirement that only the
core could tell is worked out as a fraction by exact_margin.py.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Final

from exact_margin import Margin
from soak_tape import CLOSED, Tape

from perplab.exchange import Exchange
from perplab.exchange import messages as m
from perplab.exchange.codes import MarketStatus, Method
from perplab.exchange.schema.views import Position
from perplab.exchange.state.types import CURVE, FIRST_USER, MAX_PARTS, NIL, VAULT
from perplab.exchange.trading.pool_money import least_worth, most_worth

ENTRY: Final = (m.Place, m.Amend)
WHO: Final = ("account", "to", "taker", "maker", "buyer", "seller", "bidder", "vault", "loser", "winner")  # fields that name an account
EVENT_RULES: Final[dict[type[m.Event], list[tuple[str, Callable[[Tape, m.Event], str]]]]] = {}
STEP_RULES: Final[dict[str, Callable[[Step], str]]] = {}
ABOUT: Final[dict[str, str]] = {  # every rule, with the loss it guards; the first eight are kept by soak.py itself
    "raised": "Everybody: a command that passed the door is carried out or refused; the core never raises.",
    "check": "Everybody: the venue's own proof of its tables and of the ledger's law.",
    "door": "The operator: what the door refuses has changed nothing, time included.",
    "no_trace": "The sender: a refused command leaves exactly the state that a Tick would.",
    "replay": "The operator: the journal replays to the same state.",
    "told": "Whoever keeps books: balances, positions and orders can be rebuilt from the events alone, fills by the rule of the market.",
    "builds": "The operator: the compiled and the interpreted core do the same to the last bit.",
    "bulk": "The operator: packed commands in bulk give the same events and state as one by one.",
}


def on(*events: type[m.Event]) -> Callable[[Callable[[Tape, m.Event], str]], Callable[[Tape, m.Event], str]]:
    """Register a rule about single events."""

    def add(rule: Callable[[Tape, m.Event], str]) -> Callable[[Tape, m.Event], str]:
        for event in events:
            EVENT_RULES.setdefault(event, []).append((rule.__name__, rule))
        ABOUT[rule.__name__] = str(rule.__doc__)
        return rule

    return add


def step(rule: Callable[[Step], str]) -> Callable[[Step], str]:
    """Register a rule about a whole command."""
    STEP_RULES[rule.__name__] = rule
    ABOUT[rule.__name__] = str(rule.__doc__)
    return rule


class Snapshot:
    """The state as public queries tell it."""

    def __init__(self, exchange: Exchange, margin: Margin, accounts: int) -> None:
        markets, assets = len(margin.terms), len(exchange.design.assets)
        self.holders = (VAULT, *range(FIRST_USER, accounts))
        position, balance, equity = exchange.position, exchange.balance, exchange.equity
        self.positions: dict[tuple[int, int], Position] = {(a, n): position(a, n) for a in self.holders for n in range(markets)}
        self.cash = [[balance(a, asset) for a in range(accounts)] for asset in range(assets)]
        self.equity = [[equity(a, asset) for a in range(accounts)] for asset in range(assets)]
        self.counted = [[0] * accounts for _ in range(assets)]  # of the equity: what other assets count for
        if exchange.design.collateral:
            self.counted = [[int(margin.collateral(a, asset)) for a in range(accounts)] for asset in range(assets)]
        self.mark = [exchange.mark_price(n) for n in range(markets)]
        self.interest = [exchange.open_interest(n) for n in range(markets)]
        self.pools: dict[int, tuple[int, int, int]] = {}  # by market: what the pool is worth at least and at most [micro], and its shares
        for market in exchange.state.markets:
            if market.pool.row != NIL:
                curve = exchange.book.curves.curve(market)
                least, most = (int(worth(exchange.state, market, curve)) for worth in (least_worth, most_worth))
                self.pools[market.number] = least, most, int(market.pool.shares)
                self.positions[int(CURVE), market.number] = position(CURVE, market.number)


class Step:
    """A command that was carried out: what it was, what happened, and the state before and after."""

    def __init__(self, exchange: Exchange, tape: Tape, margin: Margin) -> None:
        self.exchange = exchange
        self.tape = tape
        self.margin = margin
        self.terms = tape.terms
        self.command: m.Command = m.Tick(0)
        self.events: list[m.Event] = []
        self.before: Snapshot
        self.after: Snapshot
        self.alone = True  # the time of the command had come before: all events are its own
        self.refused = False
        self.waits = False  # do commands wait for their turn?
        self.ts = 0  # of the command before
        self.resting = 0  # orders ahead of the command
        self.spare: dict[tuple[int, int], int] = {}  # ahead of a spot order, (account, asset): equity less what positions require
        self.free = 0  # ahead of an order, the sender's available margin
        self.spent: dict[tuple[int, int, int], int] = {}  # by the fund: (account, -1 or -2; market or asset; window) -> amount
        self.below: dict[tuple[int, int], bool] = {}  # ahead of a bid, (account, market or -1 - asset): is it below maintenance?

    def of(self, *kinds: type[m.Event]) -> list[m.Event]:
        return [e for e in self.events if isinstance(e, kinds)]

    def isolated_equity(self, p: Position) -> int:
        """At the mark after the command."""
        return p.isolated_margin + p.size * self.after.mark[p.market] * self.terms[p.market].unit - p.entry_notional - p.unsettled


# -- single events ----------------------------------------------------------------------------------------------------------------


@on(m.Traded)
def halt_fills(tape: Tape, e: m.Traded) -> str:
    """Whoever relies on a halt: nothing trades in a market that is halted or cancel-only."""
    return f"{e} while {MarketStatus(tape.status[e.market]).name}" if tape.status[e.market] in CLOSED else ""


@on(m.Traded, m.CurveTraded)
def post_only_mode(tape: Tape, e: m.Traded | m.CurveTraded) -> str:
    """Makers of a market that opens: in post-only mode no user's order takes."""
    return f"{e}" if tape.status[e.market] == MarketStatus.POST_ONLY and not e.liquidation else ""


@on(m.FundingSampled, m.FundingCharged)
def halt_funding(tape: Tape, e: m.FundingSampled | m.FundingCharged) -> str:
    """Holders who cannot close: no funding is sampled or charged while the market is halted or cancel-only."""
    none = isinstance(e, m.FundingCharged) and e.accrual_delta == 0
    return f"{e} while {MarketStatus(tape.status[e.market]).name}" if tape.status[e.market] in CLOSED and not none else ""


@on(m.FundingSampled, m.FundingCharged)
def stale_funding(tape: Tape, e: m.FundingSampled | m.FundingCharged) -> str:
    """Both sides of the market: a premium over a price that nobody knows is no premium."""
    none = isinstance(e, m.FundingCharged) and e.accrual_delta == 0
    return f"{e}: last oracle update at {tape.oracle_ts[e.market]}" if tape.is_stale(e.market, e.ts) and not none else ""


@on(m.Liquidated, m.Deleveraged, m.TakenOver)
def halt_liquidation(tape: Tape, e: m.Liquidated) -> str:
    """Holders who cannot defend their positions: nothing is liquidated in a market that is halted or cancel-only."""
    if getattr(e, "method", 0) == Method.SETTLEMENT or tape.status[e.market] not in CLOSED:
        return ""
    return f"{e} while {MarketStatus(tape.status[e.market]).name}"


@on(m.Liquidated, m.Deleveraged, m.TakenOver)
def stale_liquidation(tape: Tape, e: m.Liquidated) -> str:
    """Holders on a venue that promises to pause: nothing is liquidated on a stale oracle where that pauses liquidations."""
    if getattr(e, "method", 0) == Method.SETTLEMENT or tape.oracles[e.market][1] != "pause_liquidation":
        return ""
    return f"{e}: last oracle update at {tape.oracle_ts[e.market]}" if tape.is_stale(e.market, e.ts) else ""


@on(
    m.Traded, m.CurveTraded, m.BlockTraded, m.OrderPlaced, m.OrderAmended, m.MarkMoved, m.OracleUpdated, m.FundingSampled, m.FundingCharged,
    m.Deleveraged, m.TakenOver, m.LossSocialized, m.IsolatedMarginMoved,
)  # fmt: skip
def settled(tape: Tape, e: m.Traded) -> str:
    """Former holders: a settled market is over."""
    return f"{e} in a settled market" if tape.status[e.market] == MarketStatus.SETTLED else ""


@on(m.LiquidationStarted)
def healthy(tape: Tape, e: m.LiquidationStarted) -> str:
    """Every margined account: only what is below maintenance is liquidated."""
    return f"{e}" if e.equity >= e.maintenance else ""


@on(m.OrderPlaced, m.Withdrawn, m.Transferred, m.Debited)
def frozen(tape: Tape, e: m.OrderPlaced) -> str:
    """Whoever pays deficits: an account in liquidation neither trades nor takes money out."""
    return f"{e} by an account in liquidation" if tape.is_frozen(e.account, getattr(e, "market", -1)) else ""


def opens(tape: Tape, e: m.Traded, bound: int) -> str:
    """Did the trade open something for one of its orders that may only reduce, as entry `bound` of the order on the tape says?"""
    signed = e.size if e.taker_side == 0 else -e.size
    for order_id, account, lots in ((e.taker_order_id, e.taker, signed), (e.maker_order_id, e.maker, -signed)):
        order = tape.orders.get(order_id)
        held = tape.sizes.get((account, e.market), 0)
        if order is not None and order[bound] and (held * lots >= 0 or abs(lots) > abs(held)):
            return f"{e}: account {account} held {held}"
    return ""


@on(m.Traded)
def reduce_only(tape: Tape, e: m.Traded) -> str:
    """The sender: a reduce-only order neither increases a position nor flips it."""
    return "" if e.taker == e.maker else opens(tape, e, 6)


@on(m.Traded)
def only_reduces(tape: Tape, e: m.Traded) -> str:
    """Whoever pays deficits: an order sent while orders may only reduce never opens a position as long as that holds."""
    return "" if e.taker == e.maker or not tape.is_restricted(e.market, e.ts) else opens(tape, e, 7)


@on(m.Deleveraged)
def adl_price(tape: Tape, e: m.Deleveraged) -> str:
    """Whoever pays deficits, and the winner: deleveraging is against another trader, at no better price for him than the mark."""
    at_mark = e.size * e.mark * tape.terms[e.market].unit
    better = at_mark - e.value if tape.sizes.get((e.loser, e.market), 0) > 0 else e.value - at_mark
    return f"{e}" if better > 0 or e.winner == e.loser or e.winner < FIRST_USER else ""


# -- whole commands ---------------------------------------------------------------------------------------------------------------


@step
def fok(x: Step) -> str:
    """The sender: fill or kill fills all or nothing."""
    for e in x.of(m.OrderPlaced):
        if e.tif == m.TimeInForce.FOK:
            filled = sum(t.size for t in x.of(m.Traded) if t.taker_order_id == e.order_id)
            filled += sum(t.size for t in x.of(m.CurveTraded) if t.order_id == e.order_id)
            if filled != e.size:
                return f"{filled} of {e.size} filled: {[type(t).__name__ for t in x.events]}"
    return ""


@step
def debt(x: Step) -> str:
    """Whoever would pay it: an account without open cross positions in an asset, and not in liquidation, owes nothing."""
    for asset, cash in enumerate(x.after.cash):
        for account in x.after.holders[1:]:
            if cash[account] < 0 and (account, -1) not in x.tape.liquidating:
                held = (x.after.positions[account, n] for n, t in enumerate(x.terms) if t.asset == asset)
                if not any(p.size and p.mode == 0 for p in held) and not x.after.counted[asset][account]:  # else that is sold for it
                    return f"account {account} has {cash[account]} of asset {asset} and no cross position"
    return ""


@step
def stuck_margin(x: Step) -> str:
    """The trader: isolated margin stands behind an open isolated position and nowhere else."""
    for (account, market), p in x.after.positions.items():
        mine = account != CURVE and (account, market) not in x.tape.liquidating  # a pool's money needs no position
        if p.isolated_margin and (p.size == 0 or p.mode == 0) and mine:
            return f"{p}"
    return ""


@step
def outflow(x: Step) -> str:
    """Whoever pays deficits: what is left after a withdrawal or transfer still backs positions and orders."""
    c = x.command
    if not isinstance(c, m.Withdraw | m.Transfer) or x.refused:
        return ""
    free = x.exchange.free_margin(c.account, c.asset)
    return f"free margin {free} after {c}" if free < 0 else ""


@step
def bystander(x: Step) -> str:
    """Everybody else: an account that no event names keeps its cash and its positions to the micro-unit."""
    if any(e.status == MarketStatus.SETTLED for e in x.of(m.MarketStatusChanged)):
        return ""
    named = {getattr(e, name) for e in x.events for name in e.__struct_fields__ if name in WHO}
    kept = held if x.exchange.design.sequencing.rule == "dutch_auction" else held_and_open  # what is left after an auction rests
    for (account, market), old in x.before.positions.items():
        new = x.after.positions[account, market]
        if account not in named and account != CURVE and new is not old and kept(new) != kept(old):
            return f"{new} was {old}"
    for asset, cash in enumerate(x.before.cash):
        for account in x.before.holders[1:]:
            if cash[account] != x.after.cash[asset][account] and account not in named:
                return f"account {account} has {x.after.cash[asset][account]} of asset {asset}, had {cash[account]}"
    return ""


def held(p: Position) -> tuple[int, ...]:
    return p.size, p.entry_notional, p.isolated_margin, p.mode, p.leverage


def held_and_open(p: Position) -> tuple[int, ...]:
    return *held(p), p.bid_lots, p.ask_lots


@step
def auction_victim(x: Step) -> str:
    """The owner of an auctioned account: it is sold only while it is below maintenance."""
    for e in x.of(m.AuctionTaken):
        market = x.tape.auctioned[e.auction][1]
        key = (e.account, market if market >= 0 else -1 - x.terms[taken_market(x)].asset)
        if x.alone and not x.below.get(key, True):
            return f"{e}: it was at or above maintenance"
    return ""


def taken_market(x: Step) -> int:
    return next(e.market for e in x.of(m.Liquidated) if e.method == Method.AUCTION)


def shared_by(x: Step, account: int) -> int:
    """The most that lots which the account held before the command shared of losses in it [micro], rounded up."""
    total = 0
    for e in x.of(m.LossSocialized):
        held = x.before.positions.get((account, e.market))
        if held is not None and held.size:
            per_lot = (e.accrual_delta >> int(x.exchange.state.markets[e.market].accrual_shift)) + 1
            total += abs(held.size) * per_lot + e.closed_amount
    return total


@step
def auction_bidder(x: Step) -> str:
    """Whoever pays deficits: a bidder meets the initial requirement of all its positions, what it shares as a holder aside."""
    for e in x.of(m.AuctionTaken):
        asset = x.terms[taken_market(x)].asset
        equity, needed = x.exchange.equity(e.bidder, asset), x.exchange.positions_initial(e.bidder, asset)
        if equity + shared_by(x, e.bidder) < needed:
            return f"{e}: equity {equity}, initial margin {needed}"
    return ""


@step
def auction_gain(x: Step) -> str:
    """The bidder: it gains what the event says, and at least what it asked for."""
    for e in x.of(m.AuctionTaken):
        asset = x.terms[taken_market(x)].asset
        after, before = (snap.equity[asset][e.bidder] - snap.counted[asset][e.bidder] for snap in (x.after, x.before))
        gained = after - before  # whatever is a hedge now
        slack = 2 * len(x.terms)  # what each position owes rounds up
        if e.gain < x.command.minimum_gain:
            return f"{e} for {x.command}"
        if x.alone and not -slack <= e.gain - gained <= slack + shared_by(x, e.bidder):
            return f"{e}: its equity rose by {gained}"
    return ""


@step
def no_new_risk(x: Step) -> str:
    """Whoever pays deficits: no order raises open interest in reduce-only mode, or on a stale oracle where that halts new risk."""
    if not isinstance(x.command, ENTRY):
        return ""
    if not x.alone and (x.waits or x.of(m.TwapSliced)):  # others may have had their turn before the price was stale
        return ""
    for market, lots in enumerate(x.after.interest):
        if lots > x.before.interest[market]:
            if x.tape.is_restricted(market, x.command.ts):
                return f"open interest of market {market} from {x.before.interest[market]} to {lots}"
    return ""


@step
def margin_kept(x: Step) -> str:
    """Whoever pays deficits: no voluntary act leaves an account below initial margin, or below maintenance if it only reduced."""
    if not x.alone or x.refused or not isinstance(x.command, (*ENTRY, m.BlockTrade)) or x.of(m.Liquidated, m.LossSocialized):
        return ""
    for key, old in x.before.positions.items():
        p = x.after.positions[key]
        if p.size == old.size or p.account < FIRST_USER:
            continue
        asset = x.terms[p.market].asset
        reduced = ((p.size > 0) == (old.size > 0) or p.size == 0) and abs(p.size) < abs(old.size)
        equity = x.after.equity[asset][p.account]
        if p.mode == 1 and equity < min(x.margin.initial(p.account, asset), Fraction(x.before.equity[asset][p.account])):
            return f"{p}: it drew more than free cash, {equity} is left"
        if p.mode == 1:
            equity = x.isolated_equity(p)
            needed = x.margin.row_maintenance(p) if reduced else x.margin.row_initial(p)
        else:
            needed = x.margin.maintenance(p.account, asset) if reduced else x.margin.initial(p.account, asset)
        if equity < needed and (p.size or p.mode == 0):
            return f"{p} was {old.size}: equity {equity}, {'maintenance' if reduced else 'initial'} margin {int(needed)}"
    return ""


@step
def nobody_forgotten(x: Step) -> str:
    """Whoever pays deficits: after a move of the mark every account below maintenance is in liquidation, unless that is paused."""
    moved = isinstance(x.command, m.UpdateOracle) and not x.command.more and x.alone and x.of(m.MarkMoved)
    if not moved or x.of(m.Traded, m.Deleveraged, m.LossSocialized, m.Liquidated):
        return ""
    return overlooked(x)


@step
def nobody_waits(x: Step) -> str:
    """Whoever pays deficits: what is below maintenance for longer than the time between passes is in liquidation, unless that is paused."""
    retry = x.exchange.design.liquidation.retry_ms * 10**6
    quiet = (m.FundingSampled, m.OracleUpdated)
    if not isinstance(x.command, m.Tick) or x.command.ts - x.ts < retry or not all(isinstance(e, quiet) for e in x.events):
        return ""
    return overlooked(x)


def overlooked(x: Step) -> str:
    """What is below maintenance, is not in liquidation, and could be."""
    paused = [x.tape.is_suspended(n, x.command.ts) for n in range(len(x.terms))]
    for account in x.after.holders[1:]:
        held = [p for n in range(len(x.terms)) if (p := x.after.positions[account, n]).size]
        for asset, equity in enumerate(x.after.equity):
            free = not all(paused[p.market] for p in held if p.mode == 0 and x.terms[p.market].asset == asset)
            if free and (account, -1) not in x.tape.liquidating and equity[account] < x.exchange.maintenance_margin(account, asset):
                return f"account {account}: equity {equity[account]} of asset {asset}"
        for p in held:
            known = p.mode == 0 or paused[p.market] or (account, p.market) in x.tape.liquidating
            if not known and x.isolated_equity(p) < x.margin.row_maintenance(p):
                return f"{p}: equity {x.isolated_equity(p)}"
    return ""


@step
def orders_in_liquidation(x: Step) -> str:
    """The payers: an account in liquidation has no order that could open a position."""
    if x.tape.liquidating:
        for order_id, order in x.tape.orders.items():
            if x.tape.is_frozen(order[0], order[1]) and order_id not in auctioned(x, order[0]):
                return f"order {order_id} of account {order[0]} in market {order[1]}"
    return ""


def auctioned(x: Step, account: int) -> set[int]:
    """Orders that takers' auctions keep from the book: they go at their next step."""
    return {o.order_id for o in x.exchange.auctioned_orders(account)}


@step
def work(x: Step) -> str:
    """Everybody who waits: an order fills no more often than it meets resting ones, a flip of each and the parts of icebergs counted."""
    trades = len(x.of(m.Traded))
    parts = len(x.of(m.OrderRefreshed))
    # pro rata it may meet one for its share, and again for what others cannot take
    most = 2 if all(market.matching.rule == "price_time" for market in x.exchange.design.markets) else 3
    if x.alone and isinstance(x.command, ENTRY) and (trades > most * (x.resting + parts) + 2 or parts > MAX_PARTS * x.resting):
        return f"{trades} fills with {x.resting} resting orders that have shown {parts} further parts"
    return ""


@step
def books(x: Step) -> str:
    """Takers: books are not crossed, the open-interest cap holds, and sizes are what the events say."""
    for market, lots in enumerate(x.after.interest):
        bid, ask = x.exchange.best_bid(market), x.exchange.best_ask(market)
        if 0 < ask <= bid:
            return f"market {market}: bid {bid}, ask {ask}"
        design = x.exchange.design.markets[market]
        if design.open_interest_cap and lots > max(x.before.interest[market], int(design.open_interest_cap / design.lot)):
            return f"market {market}: open interest {lots} is above the cap"
    return ""
