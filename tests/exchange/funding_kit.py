"""What tests of funding and marks by a curve share: a line with fees to spend, a market with it, and traders who trade with it."""

from __future__ import annotations

from curve_kit import Line, LineDesign
from kit import BTC, MILLION, Bench, markets_of, named

from perplab.exchange import register
from perplab.exchange.codes import Side, TimeInForce
from perplab.exchange.design.registry import forget
from perplab.exchange.events import Event
from perplab.exchange.money.margin import row_equity
from perplab.exchange.state.market import Market
from perplab.exchange.state.pools import Pool

BUY, SELL, IOC = int(Side.BUY), int(Side.SELL), int(TimeInForce.IOC)
HOUR = 3_600_000  # [ms]
DAY = 86_400_000
FUNDED: list[int] = []  # what a curve was told that its pool gained


class RichDesign(LineDesign, frozen=True):
    fees: int = 0  # [micro] that it may spend


class Rich(Line):
    """A line with fees to spend."""

    def __init__(self, given: RichDesign) -> None:
        super().__init__(given)
        self.fees = given.fees

    def fee_pool(self, market: Market, pool: Pool) -> int:
        return self.fees

    def funded(self, market: Market, pool: Pool, inventory: int, amount: int) -> int:
        FUNDED.append(amount)
        return 0


def register_rich() -> None:
    forget("curve.rule", "rich")
    register("curve.rule", "rich", Rich, params=RichDesign)


def bench(funding: dict[str, object], price: int = 1_000, fees: int = 0, **terms: object) -> Bench:
    """One market: a line whose n-th lot is n ticks dearer, with 1,000,000 USD behind it. A lot is worth a USD per tick."""
    curve = {"rule": "rich", "role": "separate", "capital": 1_000_000, "margin_ppm": 100_000, "fees": fees}
    made = Bench(markets_of({"curve": curve, "funding": {"sample_interval_ms": 60_000, "interval_ms": HOUR, **funding}, **terms}))
    made.oracle(price)
    FUNDED.clear()
    return made


def take(bench: Bench, account: int, lots: int) -> None:
    """Trade with the curve: signed lots."""
    side, price = (BUY, 2_900) if lots > 0 else (SELL, 1)
    events = bench.place(account, side, abs(lots), price, tif=IOC)
    assert named(events, "CurveTraded"), events


def pool_equity(bench: Bench) -> int:
    """[micro] behind the curve's position, what is not settled included."""
    row = bench.exchange.state.markets[BTC].pool.row
    return int(row_equity(bench.exchange.state, row))


def held(bench: Bench, *lots: int) -> list[int]:
    """A trader for each of some positions, all against the curve."""
    traders = [bench.open(MILLION) for _ in lots]
    for account, size in zip(traders, lots, strict=True):
        take(bench, account, size)
    return traders


def charged(events: list[Event]) -> list[Event]:
    return named(events, "FundingCharged")
