"""What has happened on a venue that is served: the questions that can be asked about it. The package says what they are."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Reversible
from heapq import merge
from typing import Final, Protocol, TypeVar

from librt.vecs import vec
from msgspec import structs
from mypy_extensions import i64

from ...engine import Exchange
from ...schema import events as e
from ...schema.audience import AUDIENCE_COLUMNS
from ...schema.codes import FIRST_USER, Side, SystemAccount
from ...schema.messages import column_of
from ...state.twaps import TW_INTERVAL
from ...state.types import NIL
from ..routing import NOBODY, Owners
from .account_past import CURVE_TRADED, TRADED, AccountPast, Happening, Markets
from .candles import DAY, candles
from .episodes import Episodes
from .holdings import Holding
from .order_past import SEQ, TS, Row, columns, order_now, trigger_now, twap_now
from .recording import (
    ORACLE,
    PREMIUMS,
    SAMPLES,
    TO_ACCOUNTS,
    TO_LIQUIDATIONS,
    TO_MARKETS,
    Recorder,
)
from .records import MINUTE, Candle, Charge, Closing, Day, Fill, Liquidation, Move, OrderRecord, Payment, Settled, Source, Trade

CANDLES: Final = 5_000  # of a market, by the minute and by the hour
KEPT: Final = 2_000  # records of a kind about one account, and charges of a market
KEPT_TRADES: Final = 500
ROWS: Final = 1 << 18  # of all accounts together: 32 MiB
ROWS_OF_ACCOUNT: Final = 8_192  # 2,000 orders that came and went, and as many fills
ROWS_OF_LIQUIDATIONS: Final = 8_192
READ_ACCOUNTS: Final = 256  # whose records are ready; others are made of their rows when somebody asks
FOREVER: Final = 1 << 62

OF_ACCOUNTS: Final = (
    e.Rejected, e.Deposited, e.Withdrawn, e.Transferred, e.OrderPlaced, e.OrderAmended, e.OrderReduced, e.OrderCancelled, e.Traded,
    e.BlockTraded, e.LiquidationStarted, e.LiquidationEnded, e.Liquidated, e.AuctionTaken, e.Deleveraged, e.SurplusPaid, e.Debited,
    e.CurveTraded, e.LiquidityAdded, e.LiquidityRemoved, e.TriggerPlaced, e.TriggerFired, e.TriggerCancelled, e.TriggerResized,
    e.TwapPlaced, e.TwapSliced, e.TwapEnded, e.PaymentArrived,
)  # fmt: skip
OF_MARKETS: Final = (
    e.Traded, e.CurveTraded, e.OracleUpdated, e.MarkMoved, e.FundingSampled, e.FundingCharged, e.MarketStatusChanged,
)  # fmt: skip
OF_LIQUIDATIONS: Final = (e.Liquidated, e.Deleveraged, e.TakenOver, e.AuctionTaken, e.DeficitPaid, e.CollateralSold)
CHARGED: Final = columns(e.FundingCharged, "market", "rate_ppt", "price", "accrual_delta", "pool_delta")
SETTLED: Final = columns(e.MarketStatusChanged, "market", "price")
LIQUIDATION: Final = column_of(e.Traded, "liquidation")
CURVE_LIQUIDATION: Final = column_of(e.CurveTraded, "liquidation")


class Recorded(Protocol):
    """What every record has."""

    @property
    def seq(self) -> int: ...

    @property
    def ts(self) -> int: ...


Of = TypeVar("Of", bound=Recorded)


def chosen(records: Reversible[Of], since: int, until: int, limit: int, after: int) -> list[Of]:
    """See the package. Looks from the end on: who asks again and again asks for what is new."""
    found: list[Of] = []
    for one in reversed(records):
        if one.seq <= after or one.ts < since or len(found) >= limit:
            break
        if one.ts <= until:
            found.append(one)
    found.reverse()
    return found


def uses() -> dict[type[e.Event], int]:
    """What is done with events of each kind."""
    found: dict[type[e.Event], int] = {}
    for events, use in ((OF_ACCOUNTS, TO_ACCOUNTS), (OF_MARKETS, TO_MARKETS), (OF_LIQUIDATIONS, TO_LIQUIDATIONS)):
        for event in events:
            found[event] = found.get(event, 0) | int(use)
    return found


class History:
    """`record` is called with every block of events, `begin_anew` when the venue has gone back to an earlier state."""

    def __init__(self, exchange: Exchange, owners: Owners) -> None:
        self.owners = owners
        self.begin_anew(exchange)

    def begin_anew(self, exchange: Exchange, known: Iterable[OrderRecord] = ()) -> None:
        """Of a venue as it is now: nothing has happened yet; `known`: what `open_now` said of the orders that are open in it."""
        self.exchange = exchange
        self.know(known)
        markets = exchange.state.markets
        self.markets = Markets(
            tuple(int(one.unit) for one in markets), tuple(int(one.asset) for one in markets),
            tuple(int(one.accrual_shift) for one in markets), tuple(bool(one.is_spot) for one in markets),
        )  # fmt: skip
        most = ROWS_OF_ACCOUNT, KEPT_TRADES, KEPT, ROWS_OF_LIQUIDATIONS
        self.recorder = Recorder(list(self.markets.units), self.owners, ROWS, most, CANDLES)
        for event, use in uses().items():
            market = column_of(event, "market") if "market" in event.__struct_fields__ else int(NIL)
            self.recorder.want(event.KIND, use, list(AUDIENCE_COLUMNS[event.KIND]), market)
        for number, one in enumerate(markets):
            self.recorder.begin_market(number, int(one.mark), int(one.oracle))
        self._first_account = exchange.state.accounts.count  # those before it are older than what is kept
        self._accounts: OrderedDict[int, AccountPast] = OrderedDict()
        self._episodes = Episodes(self.markets.units, int(SystemAccount.CURVE))
        self._trades: list[deque[Trade]] = [deque(maxlen=KEPT_TRADES) for _ in markets]
        self._trades_done = [0 for _ in markets]
        self._charges: list[deque[Charge | Settled]] = [deque(maxlen=KEPT) for _ in markets]
        self._charges_done = [0 for _ in markets]

    def know(self, known: Iterable[OrderRecord]) -> None:
        """What was open before all that is kept."""
        self._known: dict[int, list[OrderRecord]] = {}  # by account
        for one in known:
            self._known.setdefault(one.account, []).append(one)

    def record(self, events: vec[i64]) -> None:
        self.recorder.read(events)

    @property
    def began(self) -> tuple[int, int]:
        """(number of the last event before all that is kept, time [ns] of the first one that is); (number of the venue's last event, its
        time): nothing has happened since."""
        if self.recorder.began:
            return int(self.recorder.began) - 1, int(self.recorder.began_ts)
        return int(self.exchange.state.log.seq), int(self.exchange.now)

    # -- of markets --

    def candles(self, market: int, interval: str, since: int = 0, until: int = FOREVER, limit: int = CANDLES) -> list[Candle]:
        """Those of intervals in which something happened, the first being the one in which `since` lies. Raises KeyError: no such
        interval."""
        until = max(since, min(until, int(self.exchange.now)))
        since = max(since, 0)
        found = candles(self.recorder.minutes[market], interval, since, until)
        return found[len(found) - limit :] if 0 <= limit < len(found) else found

    def day(self, market: int) -> Day:
        series = self.recorder.minutes[market]
        first = (int(self.exchange.now) - DAY) // MINUTE + 1
        lots, value, trades, high, low = series.total(first)
        mark = int(self.exchange.state.markets[market].mark)
        previous = series.last_trade_before(first) or series.first_trade_from(first) or mark
        return Day(lots, value, trades, previous, high, low)

    def trades(self, market: int, after: int = 0, limit: int = KEPT_TRADES) -> list[Trade]:
        rows, lost = self.recorder.trades.rows_behind(market, self._trades_done[market])
        self._trades_done[market] += len(rows) + lost
        self._trades[market].extend(self._trade(row) for row in rows)
        return chosen(self._trades[market], 0, FOREVER, limit, after)

    def _trade(self, row: Row) -> Trade:
        if row[0] == e.Traded.KIND:
            market, price, lots, side, taker, maker = (row[at] for at in TRADED[:6])
            value, source = price * lots * self.markets.units[market], Source.BOOK
            is_forced = bool(row[LIQUIDATION])
        else:
            market, price, lots, side, _, value = (row[at] for at in CURVE_TRADED[:6])
            taker, maker, source = row[column_of(e.CurveTraded, "taker")], int(SystemAccount.CURVE), Source.CURVE
            is_forced = bool(row[CURVE_LIQUIDATION])
        buyer, seller = (taker, maker) if side == Side.BUY else (maker, taker)
        return Trade(row[SEQ], row[TS], market, price, lots, value, Side(side), buyer, seller, is_forced, source)

    def charges(self, market: int, since: int = 0, until: int = FOREVER, limit: int = KEPT, after: int = 0) -> list[Charge]:
        return chosen([one for one in self._read_charges(market) if isinstance(one, Charge)], since, until, limit, after)

    def _read_charges(self, market: int) -> deque[Charge | Settled]:
        rows, lost = self.recorder.funding.rows_behind(market, self._charges_done[market])
        self._charges_done[market] += len(rows) + lost
        for row in rows:
            if row[0] == e.FundingCharged.KIND:
                number, rate, price, long_delta, pool_delta = (row[at] for at in CHARGED)
                count = row[SAMPLES]
                premium = row[PREMIUMS] // count if count else 0
                short_delta = pool_delta - long_delta
                charge = Charge(row[SEQ], row[TS], number, rate, price, row[ORACLE], premium, count, long_delta, short_delta)
                self._charges[market].append(charge)
            else:
                number, price = (row[at] for at in SETTLED)
                self._charges[market].append(Settled(row[SEQ], row[TS], number, price))
        return self._charges[market]

    # -- of the venue --

    def liquidations(self, after: int = 0, limit: int = KEPT_TRADES) -> list[Liquidation]:
        rows, lost = self.recorder.liquidations.rows_behind(0, self._episodes.done)
        self._episodes.done += len(rows) + lost
        self._episodes.read(rows)
        return chosen(self._episodes.last, 0, FOREVER, limit, after)

    # -- of accounts --

    def fills(self, account: int, since: int = 0, until: int = FOREVER, limit: int = KEPT, after: int = 0) -> list[Fill]:
        return chosen(self._past(account).fills, since, until, limit, after)

    def payments(self, account: int, since: int = 0, until: int = FOREVER, limit: int = KEPT, after: int = 0) -> list[Payment]:
        return chosen(self._past(account).payments, since, until, limit, after)

    def moves(self, account: int, since: int = 0, until: int = FOREVER, limit: int = KEPT, after: int = 0) -> list[Move]:
        return chosen(self._past(account).moves, since, until, limit, after)

    def closings(self, account: int, since: int = 0, until: int = FOREVER, limit: int = KEPT, after: int = 0) -> list[Closing]:
        return chosen(self._past(account).closings, since, until, limit, after)

    def orders(self, account: int, since: int = 0, until: int = FOREVER, limit: int = KEPT, after: int = 0) -> list[OrderRecord]:
        """The newest so many of those that have ended, and of those that were refused."""
        orders = self._past(account).orders
        found = chosen(orders.ended, since, until, limit, after) + chosen(orders.refused, since, until, limit, after)
        found.sort(key=lambda record: record.seq)
        return found[max(0, len(found) - limit) :]

    def order(self, account: int, order_id: int) -> OrderRecord | None:
        return self._past(account).orders.of_id(order_id)

    def twap_of(self, account: int, order_id: int) -> int:
        return self._past(account).orders.twap_of(order_id)

    def order_of_client(self, account: int, hi: int, lo: int) -> OrderRecord | None:
        return self._past(account).orders.of_client(hi, lo)

    def open_now(self) -> list[OrderRecord]:
        """Of the orders, triggers and TWAPs of all users that are open, with all that is known of them."""
        owner, found = self.owners.owner, []
        for account in range(FIRST_USER, min(int(self.exchange.state.accounts.count), len(owner))):
            now = self._open_now(account) if owner[account] != NOBODY else {}
            orders = self._past(account).orders if now else None
            found += [structs.replace(orders.of_id(order_id) or one) for order_id, one in now.items()] if orders is not None else []
        return found

    def _open_now(self, account: int) -> dict[int, OrderRecord]:
        """By number: as the venue knows them."""
        venue, twaps = self.exchange, self.exchange.state.twaps
        found = [order_now(one) for one in venue.open_orders(account)] + [trigger_now(one) for one in venue.triggers(account)]
        for one in venue.twaps(account):
            found.append(twap_now(one, int(twaps.cells[twaps.find(one.order_id) + TW_INTERVAL]), int(venue.now)))
        return {one.order_id: one for one in found}

    def _past(self, account: int) -> AccountPast:
        """All that is kept of an account, as of now."""
        past = self._accounts.get(account)
        if past is not None:
            rows, lost = self.recorder.accounts.rows_behind(account, past.done)
            if lost:
                past = None  # it will be made anew of what is left
        if past is None:
            past = self._accounts[account] = AccountPast(account, self.markets)
            rows, lost = self.recorder.accounts.rows_behind(account, 0)
            self._begin(past, rows, lost)
        else:
            past.read(self._happened(past, rows, past.touched(rows), past.seq))
        past.done += len(rows) + lost
        past.seq = int(self.recorder.seq)
        self._accounts.move_to_end(account)
        if len(self._accounts) > READ_ACCOUNTS:
            self._accounts.popitem(last=False)
        return past

    def _begin(self, past: AccountPast, rows: list[list[int]], lost: int) -> None:
        """Read all that is kept of an account."""
        if past.account >= self._first_account and not lost:
            past.read(self._happened(past, rows, past.touched(rows), 0))  # it began with nothing
            return
        now: dict[int, Holding] = {}
        for market in range(len(self.markets.units)):
            position = self.exchange.position(past.account, market)
            if position.size:
                now[market] = Holding(position.size, position.entry_notional)
        open_now = self._open_now(past.account)
        past.orders.begin_at(self._known.get(past.account, ()), open_now)
        happened = list(self._happened(past, rows, past.touched(rows) | now.keys(), rows[0][SEQ] if lost else 0))
        past.begin_at(happened, now)
        past.read(happened)
        past.orders.correct(open_now)

    def _happened(self, past: AccountPast, rows: list[list[int]], markets: Iterable[int], after: int) -> Iterable[Happening]:
        """What has happened to an account, in order: its rows, and what was charged behind event `after` in these markets."""
        of_markets: list[Charge | Settled] = []
        for market in markets:
            for one in reversed(self._read_charges(market)):
                if one.seq <= after:
                    break
                of_markets.append(one)
        of_markets.sort(key=lambda one: one.seq)
        return merge(rows, of_markets, key=lambda one: one[SEQ] if isinstance(one, list) else one.seq)
