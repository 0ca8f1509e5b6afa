"""Commands drawn at random that make sense in the world's state, and some that do not."""

from __future__ import annotations

from typing import Final

import actor_algos
from choices import Source
from world import World

from perplab.exchange import messages as m
from perplab.exchange.messages import command_row
from perplab.exchange.state.types import FIRST_USER, MAX_AMOUNT, MAX_LOTS, ROW, VAULT

NS: Final = 10**9
MILLI: Final = 10**6


class Actor:
    """Draws commands that make sense in the world's state, and some that do not."""

    def __init__(self, source: Source, world: World, focus: bool = False) -> None:
        self.source = source
        self.world = world
        self.exchange = world.exchange
        self.focus = focus  # most happens in the first market, and nobody holds back

    # what commands are made of

    def account(self) -> int:
        users = self.world.users
        return self.source.pick(users) if users else FIRST_USER

    def stranger(self) -> int:
        """Now and then an account that may not act: the venue's own, or nobody's."""
        return self.source.pick([VAULT, self.world.accounts]) if self.source.chance(2) else self.account()

    def two(self) -> tuple[int, int]:
        """Two accounts, now and then the same one twice."""
        users = self.world.users
        if len(users) < 2 or self.source.chance(3):
            return self.stranger(), self.stranger()
        first = self.source.integer(0, len(users) - 1)
        return users[first], users[(first + self.source.integer(1, len(users) - 1)) % len(users)]

    def market(self) -> int:
        count = len(self.world.terms)
        if self.focus and not self.source.chance(15):
            return 0
        return count if self.source.chance(1) else self.source.pick([0, 0, *range(count)])

    def mark(self, number: int) -> int:
        """The mark, or a price to begin with."""
        if number >= len(self.world.terms):
            return 1_000
        return self.exchange.mark_price(number) or (1_000, 20_000, 1_000)[number % 3]

    def limit(self, number: int) -> int:
        return self.world.terms[number].max_price if number < len(self.world.terms) else 1_000

    def price(self, number: int, side: int) -> int:
        source, mark, top = self.source, self.mark(number), self.limit(number)
        if number >= len(self.world.terms):
            return mark
        far = source.pick([1, 5, 20, 200])
        near = mark + source.integer(-mark * far // 1_000 - 1, mark * far // 1_000 + 1)
        best = (self.exchange.best_bid(number), self.exchange.best_ask(number))
        terms = self.world.terms[number]
        edge = mark * (10**6 + terms.band_ppm) // 10**6 if side == 0 else -(-mark * (10**6 - terms.band_ppm) // 10**6)
        options = [near, near, near, best[1 - side] or near, best[side] or near, best[1 - side] or near, edge]
        options += [self.threshold(number), source.integer(1, top), mark]
        return self.rounded(max(1, min(top, source.pick(options))), number)

    def rounded(self, price: int, number: int) -> int:
        figures = self.world.terms[number].figures
        if figures and not self.source.chance(5):
            grid = 10 ** max(0, len(str(price)) - figures)
            price = max(1, price // grid * grid)
        return price

    def threshold(self, number: int) -> int:
        account = self.account()
        if number >= len(self.world.terms) or account >= self.world.accounts:
            return 1
        return self.exchange.liquidation_price(account, number) or self.mark(number)

    def size(self, account: int, number: int) -> int:
        """From one lot to a little more than the account can carry."""
        source = self.source
        if number >= len(self.world.terms) or not FIRST_USER <= account < self.world.accounts:
            return 1
        terms = self.world.terms[number]
        p = self.exchange.position(account, number)
        held = abs(p.size)
        money = max(0, self.exchange.free_margin(account, terms.asset)) * p.leverage
        share = source.pick([90, 99] if self.focus else [5, 20, 20, 50, 90, 110])
        carry = money // (self.mark(number) * terms.unit) * share // 100
        options = [source.integer(1, 10), carry, carry, carry, carry, held or carry, held // 2 or carry, 2 * held + 1]
        return max(1, min(source.pick(options), int(MAX_LOTS)))

    def client(self) -> tuple[int, int]:
        return (self.source.pick([0, -(2**63)]), self.source.integer(1, 2)) if self.source.chance(30) else (0, 0)

    def expiry(self) -> int:
        """When an order ends: mostly never, now and then at once, which is too late."""
        return self.world.now + self.source.pick([0, 1, NS, 5 * NS, 60 * NS]) if self.source.chance(15) else 0

    def display(self, size: int) -> int:
        """How much an order shows: mostly all, now and then as little as it may, or too little."""
        parts = [-(-size // 100), size // 2, size // 3, size // 101, min(size + 1, int(MAX_LOTS))]
        return self.source.pick(parts) if self.source.chance(20) else 0

    # commands

    def open_account(self) -> m.Command:
        return m.OpenAccount(self.world.now, self.source.integer(1, 4), self.source.integer(0, 9))

    def open_sub_account(self) -> m.Command:
        return m.OpenSubAccount(self.world.now, self.stranger())

    def money(self) -> int:
        return self.source.pick([1, 10**6, 100 * 10**6, 1_000 * 10**6, 1_000 * 10**6]) * self.source.integer(1, 9)

    def asset(self) -> int:
        return 2 if self.source.chance(1) else self.source.pick([0, 0, 0, 1])

    def deposit(self) -> m.Command:
        return m.Deposit(self.world.now, self.stranger(), self.asset(), self.money())

    def outflow(self, account: int, asset: int) -> int:
        known = FIRST_USER <= account < self.world.accounts and asset < len(self.exchange.design.assets)
        free = self.exchange.free_margin(account, asset) if known else 0
        return max(1, min(self.source.pick([self.money(), free, free + 1, free // 2]), int(MAX_AMOUNT)))

    def withdraw(self) -> m.Command:
        account, asset = self.stranger(), self.asset()
        return m.Withdraw(self.world.now, account, asset, self.outflow(account, asset))

    def transfer(self) -> m.Command:
        (account, to), asset = self.two(), self.asset()
        return m.Transfer(self.world.now, account, to, asset, self.outflow(account, asset))

    def place(self) -> m.Command:
        source = self.source
        account, number, side = self.stranger(), self.market(), source.integer(0, 1)
        kind = source.pick([0, 0, 0, 1])
        price = 0 if kind == 1 and source.chance(50) else self.price(number, side)
        hi, lo = self.client()
        size = self.size(account, number)
        return m.Place(
            self.world.now, account, number, side, price, size, kind, source.pick([0, 0, 0, 1, 2, 3]), int(source.chance(15)),
            source.pick([0, 0, 1, 2, 3, 4]), hi, lo, 0, self.expiry(), self.display(size),
        )  # fmt: skip

    ladder = actor_algos.ladder
    twap = actor_algos.twap
    mass_quote = actor_algos.mass_quote
    trigger = actor_algos.trigger
    link = actor_algos.link
    bracket = actor_algos.bracket

    def quote(self) -> list[m.Command]:
        """Somebody makes a market: a level or two on both sides of the mark."""
        source = self.source
        account, number = self.account(), min(self.market(), len(self.world.terms) - 1)
        mark, top = self.mark(number), self.limit(number)
        gap = source.pick([1, mark // 500 + 1, mark // 20 + 1, mark // 8 + 1])
        size = max(1, self.size(account, number) // 4)
        return [
            m.Place(self.world.now, account, number, side, self.rounded(max(1, min(top, mark + sign * gap * far)), number), size)
            for far in range(1, source.integer(2, 3))
            for side, sign in ((0, -1), (1, 1))
        ]

    def hit(self) -> m.Command:
        """Somebody, now and then its owner, trades with a resting order, and perhaps with those behind it."""
        source = self.source
        found = self.order()
        if found is None:
            return self.place()
        order_id, owner, number, side, size = found
        price = self.world.books.orders[order_id][3]
        account = owner if source.chance(10) else self.account()
        lots = source.pick([size, size, 2 * size, max(1, size // 2), self.size(account, number), self.size(account, number)])
        limit = source.pick([price, price, self.limit(number) if side == 1 else 1])
        return m.Place(
            self.world.now, account, number, 1 - side, limit, min(lots, int(MAX_LOTS)), 0, source.pick([0, 1, 2]),
            int(source.chance(15)), source.integer(0, 4),
        )  # fmt: skip

    def close(self) -> m.Command:
        """Somebody who has a position offers to close it, reduce-only."""
        held = [(a, n) for (a, n), size in sorted(self.world.books.size.items()) if size and a >= FIRST_USER]
        if not held:
            return self.place()
        account, number = self.source.pick(held)
        size = self.world.books.size[account, number]
        side = int(size > 0)
        price = self.price(number, side)
        return m.Place(self.world.now, account, number, side, price, min(abs(size), int(MAX_LOTS)), 0, 0, 1, 0, *self.client())

    def order(self) -> tuple[int, int, int, int, int] | None:
        """(order id, account, market, side, open size) of a resting order, or None."""
        if not self.world.books.orders:
            return None
        order_id = self.source.pick(sorted(self.world.books.orders))
        account, number, side, _, size, *_ = self.world.books.orders[order_id]
        return order_id, account, number, side, size

    def amend(self) -> m.Command:
        found = self.order()
        if found is None:
            return m.Amend(self.world.now, self.stranger(), 1, 1, 1)
        order_id, account, number, side, size = found
        price = self.world.books.orders[order_id][3] if self.source.chance(40) else self.price(number, side)
        lots = self.source.pick([size, max(1, size // 2), max(1, size - 1), size + 1, self.size(account, number)])
        return m.Amend(self.world.now, account, order_id, price, lots)

    def cancel(self) -> m.Command:
        found, standing = self.order(), self.standing()
        if standing is not None and self.source.chance(30):
            return m.Cancel(self.world.now, standing[1], standing[0])
        if found is None or self.source.chance(5):
            return m.Cancel(self.world.now, self.stranger(), self.source.integer(1, 50))
        return m.Cancel(self.world.now, found[1], found[0])

    def standing(self) -> tuple[int, int] | None:
        """(id, account) of a trigger, or None."""
        index = self.exchange.state.triggers.index
        if not index:
            return None
        number = self.source.pick(list(index))
        return number, int(self.exchange.state.triggers.cells[index[number]])

    def cancel_client(self) -> m.Command:
        hi, lo = self.client()
        return m.CancelClient(self.world.now, self.stranger(), hi, lo)

    def cancel_all(self) -> m.Command:
        return m.CancelAll(self.world.now, self.stranger(), self.source.pick([-1, self.market()]))

    def cancel_all_after(self) -> m.Command:
        return m.CancelAllAfter(self.world.now, self.stranger(), self.source.pick([0, 1, 10**9, 60 * 10**9]))

    def set_account_mode(self) -> m.Command:
        return m.SetAccountMode(self.world.now, self.stranger(), self.source.pick([0, 0, 0, 1, 2]))

    def set_margin_alert(self) -> m.Command:
        source = self.source
        threshold, hysteresis = source.pick([0, 1_000_000, 1_200_000, 2_000_000, 10_000_000]), source.pick([0, 0, 100_000, 3_000_000])
        return m.SetMarginAlert(self.world.now, self.stranger(), self.asset(), source.integer(0, 3), threshold, hysteresis)

    def debit(self) -> m.Command:
        """All that the account's margin does not call for, and a little more or less; rarely all that it has."""
        source, account, number = self.source, self.stranger(), self.market()
        known = FIRST_USER <= account < self.world.accounts and number < len(self.world.terms)
        if not known:
            return m.Debit(self.world.now, account, 0, 1, source.pick([-1, number]))
        p, asset = self.exchange.position(account, number), self.world.terms[number].asset
        if p.isolated_margin and source.chance(50):
            room = int(self.world.margin.isolated_equity(p))
            return m.Debit(self.world.now, account, asset, max(1, source.pick([room, room + 1, room * 9 // 10])), number)
        equity, needed = self.exchange.equity(account, asset), self.exchange.maintenance_margin(account, asset)
        amount = source.pick([equity - needed + 1, equity - needed, equity, equity + 1, equity // 2])
        return m.Debit(self.world.now, account, asset, max(1, min(amount, int(MAX_AMOUNT))))

    def set_funding(self) -> m.Command:
        rate = self.source.pick([0, 1, -1, 10**8, -(10**9), 10**12])
        return m.SetFunding(self.world.now, self.market(), self.source.integer(0, 2), rate)

    def set_leverage(self) -> m.Command:
        return m.SetLeverage(self.world.now, self.stranger(), self.market(), self.source.pick([1, 2, 5, 10, 20, 100]))

    def set_margin_mode(self) -> m.Command:
        return m.SetMarginMode(self.world.now, self.stranger(), self.market(), self.source.integer(0, 1))

    def move_isolated_margin(self) -> m.Command:
        account, number = self.stranger(), self.market()
        amount = self.money()
        if number < len(self.world.terms) and account < self.world.accounts:
            p = self.exchange.position(account, number)
            spare = int(self.world.margin.isolated_equity(p) - self.world.margin.row_initial(p))
            amount = self.source.pick([amount, -amount, -max(0, spare), -max(0, spare) - 1, -p.isolated_margin])
        most = int(MAX_AMOUNT)
        return m.MoveIsolatedMargin(self.world.now, account, number, max(-most, min(amount, most)))

    def block_trade(self) -> m.Command:
        number = self.market()
        buyer, seller = self.two()
        return m.BlockTrade(self.world.now, buyer, seller, number, self.size(buyer, number), self.price(number, 0))

    def update_oracle(self) -> m.Command:
        """Small steps, shocks, and steps to or just across somebody's liquidation price."""
        source, number = self.source, self.market()
        mark, top = self.mark(number), self.limit(number)
        target = self.threshold(number)
        step = source.pick([2, 20, 20, 100, 300])
        drift = mark + source.integer(-mark * step // 1_000 - 1, mark * step // 1_000 + 1)
        price = source.pick([drift, drift, drift, target, target + source.integer(-3, 3), mark])
        if source.chance(1):
            price = source.pick([1, top, top + 1])
        outside = price if source.chance(10) else 0
        return m.UpdateOracle(self.world.now, number, max(1, price), max(0, outside))

    def take_auction(self) -> m.Command:
        running = self.exchange.auctions()
        account = self.stranger()
        if not running and not self.source.chance(20):
            return self.tick()
        if not running:
            return m.TakeAuction(self.world.now, account, self.source.integer(1, 3), 10**6)
        found = self.source.pick(running)
        share = self.source.pick([10**6, 500_000, 1])
        gain = self.source.pick([-int(MAX_AMOUNT), found.gain, found.gain + 1, 0])
        return m.TakeAuction(self.world.now, account, found.auction, share, max(-int(MAX_AMOUNT), min(gain, int(MAX_AMOUNT))))

    def schedule_maintenance(self) -> list[m.Command]:
        """A window to come, which the operator now and then takes back at once."""
        source, now = self.source, self.world.now
        start = now + source.pick([0, 1, NS, 5 * NS, 60 * NS])
        end = start + source.pick([0, 1, NS, 20 * NS])
        market = source.pick([-1, self.market()])
        planned = m.ScheduleMaintenance(now, market, start, end, source.integer(0, 4), source.pick([0, 0, 0, 3]))
        return [planned, m.CancelMaintenance(now, self.exchange.state.windows.last + 1)] if source.chance(50) else [planned]

    def cancel_maintenance(self) -> m.Command:
        return m.CancelMaintenance(self.world.now, self.source.integer(1, 5))

    def set_status(self) -> m.Command:
        number = self.market()
        status = self.source.pick([0, 0, 0, 0, 0, 0, 1, 2, 3, 4])
        if self.source.chance(3):
            status = 5
        price = self.price(number, 0) if self.source.chance(50) else 0
        return m.SetMarketStatus(self.world.now, number, status, price)

    def add_liquidity(self) -> m.Command:
        """A micro-unit, some of what is free, or more; where liquidity has a range, one of a tick or a wide one."""
        source, account, number = self.source, self.stranger(), self.market()
        amount = source.pick([1, self.money(), self.money(), self.outflow(account, min(number, 2) // 2)])
        lower = self.mark(number) + source.integer(-40, 20)
        ranged = number < len(self.world.terms) and self.exchange.design.markets[number].curve.rule == "concentrated"
        bounds = (max(1, lower), max(1, lower) + source.pick([1, 30, 400])) if ranged != source.chance(3) else (0, 0)
        return m.AddLiquidity(self.world.now, account, number, amount, *bounds)

    def remove_liquidity(self) -> m.Command:
        """All of what somebody has paid in, half of it, or a share too many."""
        source, held = self.source, []
        for e in self.world.events:
            if isinstance(e, m.LiquidityAdded):
                held.append((e.account, e.market, e.shares, e.range_id))
        account, number, shares, range_id = source.pick(held) if held else (self.account(), self.market(), 1, 0)
        return m.RemoveLiquidity(self.world.now, account, number, source.pick([shares, shares, shares // 2 + 1, 1, shares + 1]), range_id)

    def skim(self) -> m.Command:
        """An immediate order, at any price or near the mark."""
        source, account, number, side = self.source, self.account(), self.market(), self.source.integer(0, 1)
        number = min(number, len(self.world.terms) - 1)
        price = source.pick([self.price(number, side), self.rounded(self.mark(number), number), self.limit(number) if side == 0 else 1])
        return m.Place(self.world.now, account, number, side, price, self.size(account, number), 0, source.pick([1, 1, 2]))

    def tick(self) -> m.Command:
        wait = self.source.pick([1, MILLI, 100 * MILLI, NS, NS, 3 * NS, 3 * NS, 10 * NS, 30 * NS, 61 * NS])
        return m.Tick(self.world.now + wait)

    def malformed(self) -> list[int]:
        """A packed command with one number out of its bounds."""
        source = self.source
        command = source.pick([self.place, self.amend, self.deposit, self.update_oracle, self.tick])()
        row = command_row(command)
        at = source.integer(0, int(ROW) - 1)
        low = [c for c in ((-1, len(m.COMMANDS) + 1), (self.world.now - 1,), (int(m.t.MAX_ACCOUNTS), -1))]
        bad = source.pick(low[at]) if at < len(low) else source.pick([-(2**63), 2**63 - 1])
        fields = len(m.BOUNDS[command.KIND])
        if 2 < at <= fields and m.BOUNDS[command.KIND][at - 1][2] - m.BOUNDS[command.KIND][at - 1][1] >= 2**63:
            at = int(ROW) - 1  # a field that takes every number: fill a column that must be empty instead
        row[at] = bad
        return row

    def settle_in(self, users: int) -> None:
        """Accounts with money, a price for every market, and positions from block trades; some of it isolated."""
        world, source = self.world, self.source
        for _ in range(users):
            world.do(m.OpenAccount(world.now, 1, 0))
        for account in world.users:
            world.do(m.Deposit(world.now, account, 0, source.pick([100, 1_000, 20_000]) * 10**6))
            world.do(m.Deposit(world.now, account, 1, source.pick([20, 1_000]) * 10**6))
        for number in range(len(world.terms)):
            world.do(m.UpdateOracle(world.now, number, self.mark(number)))
            for account in world.users:
                if source.chance(30):
                    world.do(m.SetMarginMode(world.now, account, number, 1))
        for _ in range(2 * users):
            number = 0 if self.focus and not source.chance(20) else source.pick([0, *range(len(world.terms))])
            buyer, seller = self.two()
            size = min(self.size(buyer, number), self.size(seller, number))
            world.do(m.BlockTrade(world.now, buyer, seller, number, size, self.mark(number)))


# Commands by name, and how often each is drawn.
MIX: Final = (
    "place " * 8
    + "ladder twap "
    + "quote " * 5 + "hit " * 9 + "close " * 2 + "amend " * 3 + "cancel " * 2 + "cancel_client cancel_all cancel_all_after "
    "set_account_mode set_margin_alert deposit deposit withdraw transfer debit set_funding set_leverage set_margin_mode "
    + "move_isolated_margin " * 2 + "block_trade " * 3 + "update_oracle " * 6 + "take_auction " * 2 + "tick " * 5 + "trigger " * 4
    + "link " * 3
    + "bracket " * 4 + "mass_quote " * 4
).split()
STRESS: Final = (
    "quote " * 5 + "hit " * 6 + "close " + "place " * 2 + "block_trade " * 3 + "deposit " * 2 + "withdraw amend move_isolated_margin "
    + "update_oracle " * 5 + "take_auction " * 4 + "tick " * 5 + "trigger " * 2 + "bracket " * 2
).split()
CURVES: Final = ("skim " * 9 + "add_liquidity " * 4 + "remove_liquidity " * 3).split()  # beside these, where there are curves
RARE: Final = ("open_account", "open_sub_account", "set_status", "schedule_maintenance", "cancel_maintenance", "malformed")


def run(source: Source, world: World, users: int, commands: int, stress: bool = False) -> None:
    """A random run: some users settle in, then commands of a mix, with a rare one now and then."""
    actor = Actor(source, world, stress)
    actor.settle_in(users)
    mix = STRESS if stress else MIX
    if any(market.curve.rule != "none" for market in world.exchange.design.markets):
        mix = [*mix, *CURVES]
    for _ in range(commands):
        name = source.pick(RARE) if source.chance(1 if stress else 3) else source.pick(mix)
        if name == "malformed":
            world.refuse(actor.malformed())
        else:
            carry_out(world, getattr(actor, name)())


def carry_out(world: World, drawn: m.Command | list[m.Command]) -> None:
    for command in drawn if isinstance(drawn, list) else [drawn]:
        world.do(command)
