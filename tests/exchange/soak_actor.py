"""Commands of the soak: makers, levered gamblers, bidders, an operator who halts and settles, and prices that walk, jump and fall silent.

Moods change every few dozen commands: a calm fills the books, a storm moves the marks, a drought empties the books. All choices come from
one seed and from the state, which is the same in both builds.
"""

from __future__ import annotations

from typing import Final

import soak_accounts
import soak_algos
import soak_bounds
import soak_curves
import soak_mixed
from soak_designs import FIRST_PRICES, Draw
from soak_rules import Step
from soak_tape import Tape

from perplab.exchange import Exchange
from perplab.exchange import messages as m
from perplab.exchange.codes import AccountKind, MarketStatus, Side, TimeInForce
from perplab.exchange.state.types import FIRST_USER, MAX_AMOUNT, MAX_LOTS

NS: Final = 10**9
MILLI: Final = 10**6
MOST: Final = int(MAX_AMOUNT)
MAKERS: Final = range(FIRST_USER, FIRST_USER + 2)
BIDDERS: Final = range(FIRST_USER + 2, FIRST_USER + 4)
FIRST_GAMBLER: Final = FIRST_USER + 4
MOODS: Final = {  # names of actions by how often they are drawn
    "calm": "quote*9 quotes*4 place*6 ladder*2 twap*3 hit*7 close*6 amend*3 cancel cancel_client*2 cancel_all switch kill block*4 deposit "
    "transfer withdraw*2 alert leverage mode margin*2 oracle*5 wait*5 take gamble*10 trigger*4 untrigger link*3 bracket*4",
    "storm": "quote*6 quotes*3 place*2 hit*5 close*4 amend block*3 deposit*3 withdraw transfer margin*2 mode oracle*12 wait*5 take*6 "
    "gamble*8 trigger*3 link*2 bracket*3",
    "drought": "drain*2 place*2 hit*2 close*2 amend deposit block*4 margin oracle*8 wait*4 take*4 gamble*2 trigger*3",
}


def listed(text: str) -> list[str]:
    """Words, each as often as the number behind it says."""
    return [word.split("*")[0] for word in text.split() for _ in range(int((word.split("*") + ["1"])[1]))]


RARE: Final = listed("open sub*2 maintain*4 status*4 silence*3 stranger*3 malformed flood big debit*3 funding*2")


class Actor:
    def __init__(self, draw: Draw, x: Step, gamblers: int, length: int, huge: bool) -> None:
        self.draw = draw
        self.x = x
        self.exchange: Exchange = x.exchange
        self.tape: Tape = x.tape
        self.length = length
        self.scale = 10**5 if huge else 1
        self.narrow = draw.chance(30)  # nearly all happens in one market, between few accounts
        gamblers = 4 if self.narrow else gamblers
        self.users = range(FIRST_USER, FIRST_GAMBLER + gamblers)
        self.gamblers = range(FIRST_GAMBLER, FIRST_GAMBLER + gamblers)
        self.markets = range(len(x.terms))
        self.assets = len(self.exchange.design.assets)
        self.now = soak_mixed.first_second(self) * NS
        self.prices = list(FIRST_PRICES[: len(x.terms)])
        self.silent = [0] * len(x.terms)  # no oracle update before this command
        self.until = [0] * len(x.terms)  # the operator opens the market again at this command
        self.moods = {name: listed(text) for name, text in MOODS.items()}
        if any(market.curve.rule != "none" for market in self.exchange.design.markets):
            self.moods = {name: [*words, *listed(soak_curves.MORE)] for name, words in self.moods.items()}
        if any(t.is_spot for t in x.terms):
            self.moods = {name: [*words, *listed(soak_mixed.MORE)] for name, words in self.moods.items()}
        self.mood = "calm"
        self.focus = draw.pick(self.markets)  # the market where most happens
        self.seeded = False
        self.number = 0  # of the command
        self.bad_row: list[int] = []  # a packed command that the door must refuse
        quickest = min(min(t.funding.sample_interval_ms for t in self.exchange.design.markets), self.exchange.design.liquidation.retry_ms)
        self.longest = 400 * quickest * MILLI  # [ns] a jump finds at most some hundred timers due

    # -- what commands are made of

    def kind(self) -> int:
        """Of a new account: where there are queue classes, about half are retail."""
        has_classes = any(market.matching.queue_classes for market in self.exchange.design.markets)
        return int(AccountKind.RETAIL) if has_classes and self.draw.chance(50) else self.draw.integer(1, 4)

    def passive(self, market: int, tif: int) -> int:
        """A time in force, or now and then RPI instead, where the market knows that."""
        return int(TimeInForce.RPI) if self.exchange.design.markets[market].matching.queue_classes and self.draw.chance(30) else tif

    def account(self) -> int:
        """A gambler, mostly; now and then a sub-account, or whoever else has come later."""
        later = int(self.exchange.state.accounts.count) - self.users.stop
        if later > 0 and self.draw.chance(6):
            return self.users.stop + self.draw.integer(0, later - 1)
        return self.draw.pick(self.gamblers) if self.draw.chance(80) else self.draw.pick(self.users)

    def two(self) -> tuple[int, int]:
        first = self.account()
        count = len(self.users)
        return first, self.users[(first - FIRST_USER + self.draw.integer(1, count - 1)) % count]

    def market(self) -> int:
        return self.focus if self.draw.chance(95 if self.narrow else 60) else self.draw.pick(self.markets)

    def asset(self) -> int:
        return self.draw.pick((0, 0, 1) if self.assets == 2 else (0, 0, 1, 2, 2))

    def mark(self, market: int) -> int:
        return self.exchange.mark_price(market) or self.prices[market]

    def clipped(self, price: int, market: int) -> int:
        price = max(1, min(price, self.x.terms[market].max_price))
        figures = self.x.terms[market].figures
        if figures and not self.draw.chance(4):
            grid = 10 ** max(0, len(str(price)) - figures)
            price = max(1, price // grid * grid)
        return price

    def price(self, market: int, side: int) -> int:
        """Near the mark, at the best prices, at the edge of the band, at somebody's liquidation price, or anywhere."""
        draw, mark = self.draw, self.mark(market)
        far = draw.pick((1, 5, 20, 200))
        near = mark + draw.integer(-mark * far // 1_000 - 1, mark * far // 1_000 + 1)
        kind = draw.integer(0, 11)
        if kind < 5:
            return self.clipped(near, market)
        if kind < 9:
            best = self.exchange.best_bid(market), self.exchange.best_ask(market)
            return self.clipped(best[1 - side if kind < 7 else side] or near, market)
        if kind == 9:
            band = self.x.terms[market].band_ppm
            return self.clipped(mark * (10**6 + band) // 10**6 if side == 0 else -(-mark * (10**6 - band) // 10**6), market)
        return self.clipped(self.threshold(market) if kind == 10 else mark, market)

    def threshold(self, market: int) -> int:
        """Where somebody is liquidated or bankrupt, give or take a tick."""
        account = self.account()
        find = self.exchange.liquidation_price if self.draw.chance(60) else self.exchange.bankruptcy_price
        return max(1, (find(account, market) or self.mark(market)) + self.draw.integer(-1, 1))

    def size(self, account: int, market: int) -> int:
        """From one lot to a little more than the account can carry."""
        if self.x.terms[market].is_spot:
            return soak_mixed.spot_size(self, account, market)
        p = self.exchange.position(account, market)
        held = abs(p.size)
        carry = self.carried(account, market, p.leverage) * self.draw.pick((5, 20, 50, 90, 97, 105)) // 100
        option = self.draw.pick((self.draw.integer(1, 10), carry, carry, carry, held or carry, held // 2, 2 * held + 1, carry + held))
        return max(1, min(option, int(MAX_LOTS)))

    def carried(self, account: int, market: int, leverage: int) -> int:
        """Lots that the account's free margin carries, mostly no more than the market allows."""
        t = self.x.terms[market]
        lots = max(0, self.exchange.free_margin(account, t.asset)) * leverage // (self.mark(market) * t.unit)
        return lots if self.draw.chance(3) else min(lots, (1 << 54) // (t.max_price * t.unit))

    def common(self, market: int) -> int:
        """The size of somebody's position, which is what quotes should be like to meet each other."""
        return abs(self.exchange.position(self.account(), market).size) or abs(self.exchange.position(self.account(), market).size)

    def amount(self) -> int:
        return min(MOST, self.draw.pick((1, 10**6, 10**8, 10**8, 10**9)) * self.draw.integer(1, 9) * self.scale)

    def client(self) -> tuple[int, int]:
        return (self.draw.pick((0, -(2**63))), self.draw.integer(1, 5)) if self.draw.chance(20) else (0, 0)

    def order(self) -> tuple[int, list[int]] | None:
        """(order id, its line of the tape) of a resting order, or None."""
        return self.draw.pick(list(self.tape.orders.items())) if self.tape.orders else None

    def auction(self) -> int:
        """The number of an auction: mostly one that runs."""
        if self.tape.auctions and not self.draw.chance(5):
            return self.draw.pick(list(self.tape.auctions))
        return max(1, len(self.tape.auctioned) + self.draw.integer(-2, 1))

    # -- actions

    def next(self) -> list[m.Command]:
        """The next commands; their time is `now`."""
        draw = self.draw
        if self.number == 0:
            return self.settle_in()
        if not self.seeded:
            self.seeded = True
            return self.seed()
        if draw.chance(3):
            self.mood = draw.pick(("calm", "storm", "storm", "drought"))
            self.focus = self.focus if self.narrow else draw.pick(self.markets)
        for market in self.markets:
            if self.until[market] and self.number >= self.until[market]:
                self.until[market] = 0
                return [m.SetMarketStatus(self.now, market, draw.pick((0, 0, 0, 0, 3)))]
        if self.number > self.length * 85 // 100 and draw.chance(1):
            return self.settle()
        name = draw.pick(RARE) if draw.chance(3) else draw.pick(self.moods[self.mood])
        return list(getattr(self, f"do_{name}")())

    def settle_in(self) -> list[m.Command]:
        """Accounts with money, prices, and positions from block trades; some of it isolated, some at another leverage."""
        draw, now = self.draw, self.now
        found: list[m.Command] = [m.OpenAccount(now, self.kind(), number // 2) for number in range(len(self.users))]
        for account in self.users:
            rich = account < FIRST_GAMBLER
            for asset in range(self.assets):
                amount = draw.integer(20_000, 90_000) if rich else draw.pick((50, 200, 1_000, 3_000))
                amount = amount if asset < 2 else -(-amount // soak_mixed.COINS)
                if asset == 0 or draw.chance(70):
                    found.append(m.Deposit(now, account, asset, min(MOST, amount * 10**6 * self.scale)))
        late = draw.pick(self.markets) if draw.chance(10) else -1  # nobody knows its price at first
        found += [m.UpdateOracle(now, n, self.prices[n]) for n in self.markets if n != late]
        if late >= 0:
            self.silent[late] = 80
        for account in self.gamblers:
            for market in self.markets:
                if draw.chance(40):
                    found.append(m.SetMarginMode(now, account, market, 1))
                if draw.chance(20):
                    found.append(m.SetLeverage(now, account, market, draw.pick((1, 3, 10))))
        return found

    def seed(self) -> list[m.Command]:
        """Quotes, and gamblers who are all in against each other."""
        return [command for _ in range(6) for command in (*self.do_quote(), *self.do_block(), *self.do_gamble())]

    def settle(self) -> list[m.Command]:
        """Final settlement: at the mark, near it, or far away."""
        market = self.draw.pick(self.markets)
        mark = self.mark(market)
        price = self.draw.pick((0, 0, mark, max(1, mark * self.draw.integer(50, 200) // 100)))
        return [m.SetMarketStatus(self.now, market, 5, min(price, self.x.terms[market].max_price))]

    def do_quote(self) -> list[m.Command]:
        """A maker makes a market: some levels on both sides of the mark, now and then after taking its old quotes back."""
        draw, market = self.draw, self.market()
        account = draw.pick(MAKERS) if draw.chance(80) else self.account()
        mark = self.mark(market)
        gap = draw.pick((1, mark // 500 + 1, mark // 100 + 1, mark // 20 + 1, mark // 8 + 1))
        size = draw.pick((self.size(account, market) // 8, self.common(market), self.common(market) // 2, draw.integer(1, 10))) or 1
        found: list[m.Command] = [m.CancelAll(self.now, account, market)] if draw.chance(40) else []
        for far in range(1, draw.integer(2, 4)):
            for side in Side:
                price = self.clipped(mark + (far * gap if side else -far * gap), market)
                tif = self.passive(market, int(TimeInForce.POST_ONLY if draw.chance(50) else TimeInForce.GTC))
                found.append(m.Place(self.now, account, market, int(side), price, size, 0, tif, 0, int(draw.chance(20)), *self.client()))
        return found

    do_quotes = soak_algos.quotes

    def do_place(self) -> list[m.Command]:
        draw = self.draw
        account, market, side = self.account(), self.market(), draw.integer(0, 1)
        kind = draw.pick((0, 0, 0, 1))
        price = 0 if kind == 1 and draw.chance(60) else self.price(market, side)
        reduce_only = int(draw.chance(20))
        tif = self.passive(market, draw.pick((0, 0, 0, 1, 2, 3)))
        size = self.size(account, market)
        expires = self.now + draw.pick((0, 1, NS, 10 * NS)) if draw.chance(15) else 0
        display = draw.pick((-(-size // 100), size // 2, size // 3, min(size + 1, int(MAX_LOTS)))) if draw.chance(15) else 0
        return [m.Place(self.now, account, market, side, price, size, kind, tif, reduce_only, draw.pick((0, 0, 0, 1, 2, 3, 4)),
                        *self.client(), 0, expires, display)]  # fmt: skip

    do_ladder = soak_algos.ladder
    do_twap = soak_algos.twap

    def do_gamble(self) -> list[m.Command]:
        """A gambler goes all in with an order that takes what the book has."""
        draw = self.draw
        account, market, side = draw.pick(self.gamblers), self.market(), draw.integer(0, 1)
        p = self.exchange.position(account, market)
        if p.size and draw.chance(50):
            side = int(p.size < 0)  # more of the same
        size = max(1, min(self.carried(account, market, p.leverage) * draw.pick((60, 90, 98)) // 100, int(MAX_LOTS)))
        price = self.clipped(self.mark(market) * (1_000 + draw.pick((5, 20, 90)) * (1 - 2 * side)) // 1_000, market)
        return [m.Place(self.now, account, market, side, price, size, 0, draw.pick((0, 1, 1, 2)))]

    def do_hit(self) -> list[m.Command]:
        """Somebody, now and then its owner, trades with a resting order, and perhaps with those behind it."""
        draw, found = self.draw, self.order()
        if found is None:
            return self.do_place()
        owner, market, side, price, size = found[1][:5]
        account = owner if draw.chance(8) else self.account()
        held = abs(self.exchange.position(account, market).size)
        lots = draw.pick((size, size, 2 * size, max(1, size // 2), self.size(account, market), held))
        limit = draw.pick((price, price, self.x.terms[market].max_price if side == 1 else 1))
        tif = draw.pick((0, 1, 2, 2))
        return [m.Place(self.now, account, market, 1 - side, limit, max(1, min(lots, int(MAX_LOTS))), 0, tif,
                        int(draw.chance(15)), draw.integer(0, 4))]  # fmt: skip

    def do_close(self) -> list[m.Command]:
        """Somebody who has a position offers to close it, in part or to the last lot: at a price, or at whatever the book pays."""
        draw, account = self.draw, self.account()
        for market in self.markets:
            size = self.exchange.position(account, market).size
            if size and draw.chance(70):
                side = int(size > 0)
                near = sum(lots for _, lots in self.exchange.depth(market, 1 - side, draw.integer(1, 4)))
                lots = min(draw.pick((abs(size), abs(size), abs(size) // 2 + 1, 2 * abs(size), near)), int(MAX_LOTS))
                price = self.price(market, side)
                if draw.chance(50):
                    price = self.clipped(self.mark(market) * (1_000 + draw.pick((20, 100, 250)) * (1 - 2 * side)) // 1_000, market)
                options = (0, draw.pick((0, 0, 1, 2, 2)), int(draw.chance(65)), draw.integer(0, 4))
                return [m.Place(self.now, account, market, side, price, max(1, lots), *options, *self.client())]
        return []

    def do_amend(self) -> list[m.Command]:
        draw, found = self.draw, self.order()
        if found is None:
            return []
        account, market, side, price, size = found[1][:5]
        price = price if draw.chance(40) else self.price(market, side)
        lots = draw.pick((0, size, max(1, size // 2), max(1, size - 1), size + 1, 3 * size, self.size(account, market)))
        return [m.Amend(self.now, account, found[0], price, min(lots, int(MAX_LOTS)))]

    do_trigger = soak_algos.trigger
    do_link = soak_algos.link
    do_bracket = soak_algos.bracket
    do_untrigger = soak_algos.untrigger

    def do_cancel(self) -> list[m.Command]:
        found = self.order()
        if found is None or self.draw.chance(5):
            return [m.Cancel(self.now, self.account(), self.draw.integer(1, 50))]
        return [m.Cancel(self.now, found[1][0], found[0])]

    def do_cancel_client(self) -> list[m.Command]:
        found = self.order()
        account = found[1][0] if found and self.draw.chance(80) else self.account()
        known = [(o.client_hi, o.client_lo) for o in self.exchange.open_orders(account) if o.client_lo]
        return [m.CancelClient(self.now, account, *self.draw.pick(known or [(0, self.draw.integer(1, 5))]))]

    def do_cancel_all(self) -> list[m.Command]:
        return [m.CancelAll(self.now, self.account(), self.draw.pick((-1, self.market())))]

    def do_switch(self) -> list[m.Command]:
        return [m.CancelAllAfter(self.now, self.account(), self.draw.pick((0, 1, 10**9, 10 * 10**9)))]

    do_kill = soak_accounts.kill
    do_alert = soak_accounts.alert

    def do_debit(self) -> list[m.Command]:
        """The operator takes what an account has above maintenance, and a micro-unit more; or all it has; or more than that."""
        account, market = self.account(), self.market()
        asset = self.x.terms[market].asset
        p = self.exchange.position(account, market)
        if p.mode == 1 and p.size:
            return [m.Debit(self.now, account, asset, max(1, min(MOST, p.isolated_margin * self.draw.integer(50, 101) // 100)), market)]
        equity, needed = self.exchange.equity(account, asset), self.exchange.maintenance_margin(account, asset)
        amount = self.draw.pick((equity - needed + 1, equity - needed + 1, equity, equity + 1))
        return [m.Debit(self.now, account, asset, max(1, min(MOST, amount)))]

    def do_funding(self) -> list[m.Command]:
        return [m.SetFunding(self.now, self.market(), self.draw.integer(0, 2), self.draw.pick((0, 10**9, -(10**10), 10**12)))]

    def do_drain(self) -> list[m.Command]:
        """A market's makers are gone."""
        market = self.market()
        return [m.CancelAll(self.now, account, market) for account in sorted({o[0] for o in self.tape.orders.values() if o[1] == market})]

    def do_block(self) -> list[m.Command]:
        market = self.market()
        buyer, seller = self.two()
        size = min(self.size(buyer, market), self.size(seller, market))
        price = self.mark(market) if self.draw.chance(70) else self.price(market, 0)
        return [m.BlockTrade(self.now, buyer, seller, market, size, price)]

    def do_deposit(self) -> list[m.Command]:
        """Mostly to a gambler who has lost all."""
        account, asset = self.account(), self.asset()
        poor = [a for a in self.gamblers if self.exchange.equity(a, asset) < 10**7 * self.scale]
        if poor and self.draw.chance(80):
            account = self.draw.pick(poor)
        return [m.Deposit(self.now, account, asset, self.amount())]

    def outflow(self, account: int, asset: int) -> int:
        free = self.exchange.free_margin(account, asset)
        return max(1, min(MOST, self.draw.pick((self.amount(), free, free, free + 1, free // 2))))

    def do_withdraw(self) -> list[m.Command]:
        account, asset = self.account(), self.asset()
        return [m.Withdraw(self.now, account, asset, self.outflow(account, asset))]

    def do_transfer(self) -> list[m.Command]:
        (account, to), asset = self.two(), self.asset()
        return [m.Transfer(self.now, account, to, asset, self.outflow(account, asset))]

    def do_leverage(self) -> list[m.Command]:
        return [m.SetLeverage(self.now, self.account(), self.market(), self.draw.pick((1, 2, 5, 10, 20, 100)))]

    def do_mode(self) -> list[m.Command]:
        return [m.SetMarginMode(self.now, self.account(), self.market(), self.draw.integer(0, 1))]

    def do_margin(self) -> list[m.Command]:
        """Money into an isolated position or out of it, up to the last micro-unit that may go."""
        draw, account, market = self.draw, self.account(), self.market()
        for other in self.markets:
            if self.exchange.position(account, other).mode == 1 and self.exchange.position(account, other).size:
                market = other
        p = self.exchange.position(account, market)
        spare = int(self.x.margin.isolated_equity(p) - self.x.margin.row_initial(p))
        free = self.exchange.free_margin(account, self.x.terms[market].asset)
        amount = draw.pick((self.amount(), -self.amount(), -max(0, spare), -max(0, spare) - 1, -p.isolated_margin, max(0, free), free + 1))
        return [m.MoveIsolatedMargin(self.now, account, market, max(-MOST, min(amount, MOST)))]

    def do_oracle(self) -> list[m.Command]:
        """Small steps, shocks, and steps to or just across somebody's liquidation or bankruptcy price."""
        draw, market = self.draw, self.market()
        if self.number < self.silent[market] or self.tape.status[market] == MarketStatus.SETTLED:
            return self.do_wait()
        steps = (2, 5, 10, 30) if self.mood == "calm" else (10, 30, 60, 100, 200, 400)
        reach = self.prices[market] * draw.pick(steps) // 1_000 + 1
        price = self.prices[market] + draw.integer(-reach, reach)
        if draw.chance(25):
            price = self.threshold(market)
        first, top = FIRST_PRICES[market], self.x.terms[market].max_price
        if not first // 6 < price < first * 6:
            price = first
        self.prices[market] = price
        if draw.chance(0.3):
            price = draw.pick((1, top, top + 1))
        outside = self.clipped(price + draw.integer(-reach, reach), market) if draw.chance(15) else 0
        return [m.UpdateOracle(self.now, market, max(1, price), outside, int(draw.chance(3)))]

    def do_take(self) -> list[m.Command]:
        """Bids: by bidders, by whoever comes by, by the owner's other account, by the account itself."""
        draw = self.draw
        if not self.tape.auctions and draw.chance(95):
            return self.do_oracle()
        auction = self.auction()
        victim = self.tape.auctioned.get(auction, (FIRST_USER, -1))[0]
        account = draw.pick((draw.pick(BIDDERS), draw.pick(BIDDERS), draw.pick(MAKERS), self.account(), victim ^ 1))
        if draw.chance(3):
            account = victim
        share = draw.pick((10**6, 10**6, 500_000, 100_000, draw.integer(1, 10**6), 1))
        gain = draw.pick((-MOST, -MOST, 0, 0, 1, 10**6, MOST))
        return [m.TakeAuction(self.now, account, auction, share, gain)]

    def do_wait(self) -> list[m.Command]:
        draw = self.draw
        some = (1, MILLI, 100 * MILLI, NS, NS, 3 * NS, 3 * NS, 10 * NS, 61 * NS, self.longest if draw.chance(20) else NS)
        self.now += min(draw.pick(some), self.longest)
        if draw.chance(30):
            return []
        heard = [n for n in self.markets if self.number >= self.silent[n] and self.tape.status[n] != MarketStatus.SETTLED]
        return [m.Tick(self.now), *(m.UpdateOracle(self.now, n, self.prices[n]) for n in heard if draw.chance(50))]

    # -- rare ones

    def do_open(self) -> list[m.Command]:
        return [m.OpenAccount(self.now, self.kind(), self.draw.integer(0, 9)) for _ in range(self.draw.pick((1, 1, 9)))]

    do_maintain = soak_accounts.maintain
    do_sub = soak_accounts.sub

    def do_status(self) -> list[m.Command]:
        """The operator changes a market's status, for a while."""
        market = self.market()
        self.until[market] = self.number + self.draw.pick((5, 15, 30, 60))
        return [m.SetMarketStatus(self.now, market, self.draw.pick((1, 2, 3, 3, 4)))]

    def do_silence(self) -> list[m.Command]:
        """The oracle of a market, or of all, falls silent for a while."""
        for market in self.markets if self.draw.chance(20) else (self.market(),):
            self.silent[market] = self.number + self.draw.integer(20, 80)
        self.now += min(25 * NS, self.longest)
        return []

    do_add = soak_curves.add
    do_remove = soak_curves.remove
    do_skim = soak_curves.skim
    do_gas = soak_curves.gas
    do_coins = soak_mixed.coins
    do_hedge = soak_mixed.hedge
    do_pair = soak_mixed.pair
    do_stranger = soak_bounds.stranger
    do_malformed = soak_bounds.malformed
    do_big = soak_bounds.big
    do_flood = soak_bounds.flood
