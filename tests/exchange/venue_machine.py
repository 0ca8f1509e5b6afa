"""The state machine that hypothesis drives; test_machine.py runs it."""

from __future__ import annotations

from actor import Actor, carry_out
from choices import Drawn, Seeded
from designs import drawn_venue
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from soak_curves import drawn_with_curves
from spot_draws import drawn_spot_venue
from world import World


class VenueMachine(RuleBasedStateMachine):
    """The whole engine as hypothesis drives it: any design, any commands, every check after each of them."""

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        self.last = Drawn(data)
        self.world = World(self.last.pick([drawn_venue, drawn_with_curves, drawn_spot_venue])(self.last))
        Actor(self.last, self.world).settle_in(4)

    def act(self, data: st.DataObject, *names: str) -> None:
        source = Drawn(data)
        carry_out(self.world, getattr(Actor(source, self.world), source.pick(names))())

    @rule(data=st.data())
    def place(self, data: st.DataObject) -> None:
        self.act(data, "place")

    @rule(data=st.data())
    def hit(self, data: st.DataObject) -> None:
        self.act(data, "hit", "close")

    @rule(data=st.data())
    def quote(self, data: st.DataObject) -> None:
        self.act(data, "quote", "ladder", "twap")

    @rule(data=st.data())
    def place_trigger(self, data: st.DataObject) -> None:
        self.act(data, "trigger", "bracket", "link")
        self.act(data, "quote", "mass_quote")

    @precondition(lambda self: self.world.books.orders)
    @rule(data=st.data())
    def change_order(self, data: st.DataObject) -> None:
        self.act(data, "amend", "cancel", "cancel_client", "cancel_all", "cancel_all_after")

    @rule(data=st.data())
    def move_money(self, data: st.DataObject) -> None:
        self.act(data, "deposit", "withdraw", "transfer", "move_isolated_margin", "debit")

    @precondition(lambda self: any(market.curve.rule != "none" for market in self.world.exchange.design.markets))
    @rule(data=st.data())
    def use_pool(self, data: st.DataObject) -> None:
        self.act(data, "add_liquidity", "remove_liquidity", "skim", "skim")

    @rule(data=st.data())
    def change_terms(self, data: st.DataObject) -> None:
        self.act(data, "set_leverage", "set_margin_mode", "open_account", "open_sub_account", "set_account_mode", "set_margin_alert")

    @rule(data=st.data())
    def block_trade(self, data: st.DataObject) -> None:
        self.act(data, "block_trade")

    @rule(data=st.data())
    def move_price(self, data: st.DataObject) -> None:
        self.act(data, "update_oracle")

    @rule(data=st.data())
    def wait(self, data: st.DataObject) -> None:
        self.act(data, "tick")

    @precondition(lambda self: self.world.exchange.auctions())
    @rule(data=st.data())
    def take_auction(self, data: st.DataObject) -> None:
        self.act(data, "take_auction")

    @rule(data=st.data())
    def change_status(self, data: st.DataObject) -> None:
        self.act(data, "set_status", "schedule_maintenance", "cancel_maintenance", "set_funding")

    @rule(data=st.data())
    def knock_in_vain(self, data: st.DataObject) -> None:
        self.world.refuse(Actor(Drawn(data), self.world).malformed())

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.finish(Seeded(len(self.world.rows)))
