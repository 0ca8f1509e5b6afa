"""Rules of the soak about whoever pays: the ledger as a whole, deficits and their payers, fees, the vault, final settlement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from soak_rules import Snapshot, Step, step

from perplab.exchange import messages as m
from perplab.exchange.codes import MarketStatus, Method, Payer
from perplab.exchange.state.types import CLEARING, CURVE, FEES, INSURANCE, ROUNDING, UNCOVERED, VAULT


@step
def money(x: Step) -> str:
    """Everybody: equity of all accounts, isolated positions included, is what was deposited less what was withdrawn."""
    for asset, equity in enumerate(x.after.equity):
        total = sum(equity) - equity[CLEARING]  # what CLEARING has paid out is owed by positions, in whose equity it is
        total -= sum(x.after.counted[asset])
        held = [p for p in x.after.positions.values() if (p.size or p.account == CURVE) and x.terms[p.market].asset == asset]
        total += sum(x.isolated_equity(p) for p in held if p.mode == 1)
        expected = x.exchange.deposits(asset) - x.exchange.withdrawals(asset)
        if not 0 <= expected - total <= len(held) + len(x.terms):  # what each owes rounds up
            return f"asset {asset}: equity sums to {total}, deposits less withdrawals are {expected}"
    return ""


@step
def system_accounts(x: Step) -> str:
    """Whoever is promised the fund: fund, fees and rounding never owe, and nobody gains from what nobody paid."""
    for asset, cash in enumerate(x.after.cash):
        if min(cash[INSURANCE], cash[FEES], cash[ROUNDING], -cash[UNCOVERED]) < 0:
            return f"asset {asset}: fund {cash[INSURANCE]}, fees {cash[FEES]}, rounding {cash[ROUNDING]}, uncovered {cash[UNCOVERED]}"
    return ""


@step
def deficits(x: Step) -> str:
    """The payers: a deficit is paid at once and once, to the micro-unit, `uncovered` included; a shared loss is what it says."""
    for at, e in enumerate(x.events):
        if isinstance(e, m.Liquidated) and e.method in (Method.BOOK, Method.SETTLEMENT):
            paid = sum(p.amount for p in payments(x.events[at + 1 :]))
            if not e.deficit <= paid <= e.deficit + len(x.terms) + 1:  # a flat account's rounding may follow
                return f"{e}: {paid} was paid"
        elif isinstance(e, m.Liquidated) and e.method == Method.ADL:
            paid = sum(p.amount for p in payments(x.events[at + 1 :]))
            if paid > e.deficit + len(x.terms) + 1:
                return f"{e}: {paid} was paid"
        elif isinstance(e, m.AuctionTaken):
            paid = sum(p.amount for p in payments(x.events[:at][::-1]))
            if paid != e.paid:
                return f"{e}: {paid} was paid"
        elif isinstance(e, m.LossSocialized):
            reported = x.events[at + 1] if at + 1 < len(x.events) else None
            if e.amount and not (isinstance(reported, m.DeficitPaid) and (reported.payer, reported.amount) == (Payer.SOCIALIZED, e.amount)):
                return f"{e}, then {reported}"
    return ""


def payments(events: list[m.Event]) -> Iterator[m.DeficitPaid]:
    """The unbroken run of payments that the events begin with."""
    for e in events:
        if isinstance(e, m.DeficitPaid):
            yield e
        elif not isinstance(e, m.LossSocialized | m.PositionSettled):
            return


@step
def adl_winner(x: Step) -> str:
    """The winner of a deleveraging: it may cost him his profit, never more than he has."""
    for e in x.of(m.Deleveraged):
        p = x.after.positions[e.winner, e.market]
        asset = x.terms[e.market].asset
        poor = x.after.equity[asset][e.winner] < 0 if p.mode == 0 else p.size != 0 and x.isolated_equity(p) < 0
        if poor and x.alone and not x.of(m.LossSocialized) and not x.tape.is_frozen(e.winner, e.market):
            return f"{e}: {p}, equity {x.after.equity[asset][e.winner]}"
    return ""


@step
def fee(x: Step) -> str:
    """The liquidated trader: the fee comes out of what a slice fetched beyond its bankruptcy value, and is what the design says."""
    ppm = x.exchange.design.liquidation.fee_ppm
    for e in x.of(m.Liquidated):
        if e.fee and (e.deficit or e.fee > -(-e.value * ppm // 10**6)):
            return f"{e}"
    return ""


@step
def limits(x: Step) -> str:
    """Whoever pays last: the venue's own orders and auctions never spend what the cash payers do not have, nor leave the band."""
    design = x.exchange.design.liquidation
    slack = len(x.terms) + 1
    for at, e in enumerate(x.events):
        unpaid = 0
        if isinstance(e, m.Liquidated) and e.method == Method.BOOK and design.book.limit != "band":
            beyond = e.size * mark_at(x, at, e.market) * x.terms[e.market].unit - (e.value if e.size > 0 else -e.value)
            unpaid = min(uncovered(x.events[at + 1 :]), beyond)  # what closing at the mark would have cost too is nobody's fault
            if design.book.limit == "bankruptcy" and e.deficit > slack:
                return f"{e}: below its bankruptcy price"
        elif isinstance(e, m.AuctionTaken):
            unpaid = uncovered(x.events[:at][::-1])
        elif isinstance(e, m.Traded) and e.liquidation and x.terms[e.market].is_spot:
            weight = min(one.weight_ppm for one in x.exchange.design.collateral)
            if e.price * 10**6 < mark_at(x, at, e.market) * weight:
                return f"{e}: sold below what it counted for"
        elif isinstance(e, m.Traded) and e.liquidation and e.taker != VAULT:
            mark = mark_at(x, at, e.market)
            worse = mark - e.price if e.taker_side else e.price - mark
            if worse * 10**6 > mark * design.book.band_ppm:
                return f"{e}: the mark is {mark}"
        if unpaid > slack:
            return f"{e}: {unpaid} of its deficit is uncovered"
    return ""


def mark_at(x: Step, at: int, market: int) -> int:
    """The mark of a market when an event of the command happened."""
    moves = [e.mark for e in x.events[:at] if isinstance(e, m.MarkMoved) and e.market == market]
    return moves[-1] if moves else x.before.mark[market]


def uncovered(events: Sequence[m.Event]) -> int:
    return sum(p.amount for p in payments(events) if p.payer == Payer.UNCOVERED)


@step
def payers_in_order(x: Step) -> str:
    """Everybody behind the fund: nobody else pays while the fund, first in the design, has money."""
    fund = x.exchange.design.insurance_fund
    capped = fund.account_cap or fund.market_cap or fund.total_cap
    if not x.alone or capped or x.exchange.design.backstops[:1] != ("insurance_fund",):
        return ""
    for e in x.of(m.DeficitPaid):
        asset = x.terms[e.market].asset
        if e.payer in (Payer.SOCIALIZED, Payer.UNCOVERED) and not x.of(m.SurplusPaid):
            to_fund = any(f.fee for f in x.of(m.Liquidated))
            if x.after.cash[asset][INSURANCE] > 0 and not to_fund:
                return f"{e}: the fund still has {x.after.cash[asset][INSURANCE]}"
    return ""


@step
def fund_caps(x: Step) -> str:
    """Whoever is promised the fund: it spends no more on an account, in a market and in all than its caps allow in a window of time."""
    fund = x.exchange.design.insurance_fund
    for e in x.of(m.DeficitPaid):
        if e.payer != Payer.INSURANCE_FUND:
            continue
        asset = x.terms[e.market].asset
        caps = (fund.account_cap, e.account, asset), (fund.market_cap, -1, e.market), (fund.total_cap, -2, asset)
        for cap, who, where in caps:
            key = who, where, e.ts // (fund.window_ms * 10**6)
            x.spent[key] = x.spent.get(key, 0) + e.amount
            if cap and x.spent[key] > cap * 10**6:
                return f"{e}: {x.spent[key]} in this window, the cap is {cap * 10**6}"
    return ""


@step
def vault_limit(x: Step) -> str:
    """Whose money the vault is: what it takes over does not leave it beyond its loss limit, in no asset."""
    vault = x.exchange.design.vault
    if not x.alone or x.of(m.LossSocialized):
        return ""  # it may have lost more since
    for asset in {x.terms[e.market].asset for e in x.of(m.TakenOver)}:
        limit = vault.capital * vault.loss_limit_ppm if asset == 0 else 0
        lost = (vault.capital * 10**6 if asset == 0 else 0) - x.after.equity[asset][VAULT]
        if lost > limit:
            return f"the vault has lost {lost} of asset {asset}, its limit is {limit}: {x.of(m.TakenOver)[-1]}"
    return ""


@step
def settlement(x: Step) -> str:
    """Holders of a settled market: everybody gets the same price for every lot."""
    c = x.command
    if not x.alone or x.refused or not isinstance(c, m.SetMarketStatus) or c.status != MarketStatus.SETTLED:
        return ""
    if x.of(m.DeficitPaid, m.LossSocialized, m.SurplusPaid, m.CollateralSold):  # what a coin fetches is cash, and it was not
        return ""
    t, before, mark = x.terms[c.market], x.before, x.before.mark[c.market]
    price = c.price or mark
    gas: Counter[int] = Counter()  # of what waited for the market, and is carried out now
    for e in x.of(m.GasPaid) if t.asset == 0 else ():
        gas[e.account] += e.amount + e.priority_fee
    for account in before.holders:
        p = before.positions[account, c.market]
        old, new = (own_equity(x, snap, account, t.asset) for snap in (before, x.after))
        if p.size and abs(new + gas[account] - old - p.size * (price - mark) * t.unit) > len(x.terms):
            return f"{p}: equity from {old} to {new}, settled at {price}, mark {mark}"
    return ""


def own_equity(x: Step, snap: Snapshot, account: int, asset: int) -> int:
    """Equity of an account and its isolated positions, without what other assets count for."""
    return snap.equity[asset][account] - snap.counted[asset][account] + isolated(x, snap, account, asset)


def isolated(x: Step, snap: Snapshot, account: int, asset: int) -> int:
    """Equity of an account's isolated positions."""
    held = [snap.positions[account, n] for n, t in enumerate(x.terms) if t.asset == asset]
    value = sum(p.size * snap.mark[p.market] * x.terms[p.market].unit - p.entry_notional - p.unsettled for p in held if p.mode == 1)
    return value + sum(p.isolated_margin for p in held if p.mode == 1)


@step
def entry_margin(x: Step) -> str:
    """Whoever pays deficits: a new order is backed, or burdens the account no more than before; an amended one, than its cancel."""
    c = x.command
    if not x.alone or x.refused or not isinstance(c, m.Place | m.Amend) or x.of(m.Traded, m.CurveTraded, m.OrderRepeated):
        return ""
    placed = x.of(m.OrderPlaced, m.OrderAmended)
    if not placed or getattr(c, "reduce_only", 0):
        return ""
    asset = x.terms[placed[0].market].asset
    p = x.after.positions[c.account, placed[0].market]
    order = x.tape.orders.get(placed[0].order_id)
    if order is None:
        return ""
    against = p.size and (p.size < 0) == (order[2] == 0)
    if against and (p.mode == 1 or (p.bid_lots, p.ask_lots)[order[2]] <= abs(p.size)):
        return ""  # against the position: it raises no requirement, it only makes cash answer for the position
    free = x.exchange.available_margin(c.account, asset) + sum(e.amount for e in x.of(m.GasPaid))
    if isinstance(c, m.Amend) and x.margin.with_orders(p) <= x.margin.with_orders(p, placed[0].order_id):
        return ""
    return f"available margin from {x.free} to {free}" if free < 0 and free < x.free else ""


@step
def own_margin(x: Step) -> str:
    """Whoever pays deficits: moved margin and lowered leverage leave the position and the account with what they need."""
    c = x.command
    if x.refused or not isinstance(c, m.MoveIsolatedMargin | m.SetLeverage):
        return ""
    p = x.after.positions[c.account, c.market]
    lowered = isinstance(c, m.SetLeverage) and x.alone and c.leverage < x.before.positions[c.account, c.market].leverage
    if p.mode == 1 and p.size and (lowered or getattr(c, "amount", 0) < 0) and x.isolated_equity(p) < x.margin.row_initial(p):
        return f"{c}: {p}, equity {x.isolated_equity(p)}"
    free = x.exchange.available_margin(c.account, x.terms[c.market].asset)
    burdened = getattr(c, "amount", 0) > 0 or (lowered and (p.size or p.bid_lots or p.ask_lots))
    return f"{c}: available margin {free}" if burdened and free < 0 else ""
