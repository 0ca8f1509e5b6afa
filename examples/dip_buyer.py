"""A bot for lab_notebook.py: buys once the mark has fallen far enough, and sells when it is back."""

from msgspec import Struct
from numpy.random import Generator

from perplab.clients.bots.base import NOTHING, Action, Bot, Seat, View, pack
from perplab.exchange.messages import Place, Side, TimeInForce
from perplab.exchange.units import MICRO, SECOND_NS


class DipTerms(Struct):
    below: tuple[float, float]  # of the mark where it began, drawn for each between these: it buys
    above: float  # and sells
    usd: float


class DipBuyer(Bot):
    def __init__(self, seat: Seat, terms: DipTerms, draws: Generator) -> None:
        super().__init__(seat)
        self.terms = terms
        self.below = draws.uniform(*terms.below)

    def on_start(self, ts: int, view: View) -> Action:
        self.first = view.mark
        return NOTHING, ts + SECOND_NS

    def on_wake(self, ts: int, view: View) -> Action:
        if view.size == 0 and view.mark < self.below * self.first:
            side, limit, lots = Side.BUY, 1.005, self.seat.lots(self.terms.usd * MICRO, view.mark)
        elif view.size > 0 and view.mark > self.terms.above * self.first:
            side, limit, lots = Side.SELL, 0.995, view.size
        else:
            return NOTHING, ts + SECOND_NS
        order = Place(0, self.seat.account, self.seat.market, side, round(limit * view.mark), lots, tif=TimeInForce.IOC)
        return pack(order), ts + SECOND_NS
