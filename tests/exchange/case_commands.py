"""The commands of the text cases: what a line means in a venue in which accounts and markets have names."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from kit import START, unnumbered

from perplab.exchange import Exchange, Journal, VenueDesign
from perplab.exchange import messages as m
from perplab.exchange.codes import (
    AccountKind,
    AccountMode,
    FundingMode,
    MarginMode,
    MarketStatus,
    PriceSource,
    SelfTrade,
    Side,
    Spacing,
    TimeInForce,
    TriggerKind,
)
from perplab.exchange.events import Event

SYSTEM = {"insurance": 0, "fees": 1, "rounding": 2, "clearing": 3, "uncovered": 4, "vault": 5, "curve": 6, "transit": 7}
UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
NIL = -1


def micro(text: str) -> int:
    amount = Decimal(text) * 10**6
    assert amount == int(amount), f"{text} is no whole number of micro-units"
    return int(amount)


def shown_money(value: int) -> str:
    text = f"{Decimal(value) / 10**6:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class World:
    """Names, time and the venues of one scenario."""

    def __init__(self, venue: VenueDesign) -> None:
        self.venue = venue
        self.journal = Journal()
        self.exchange = Exchange(venue, self.journal)
        self.ticked = Exchange(venue, None, 8, 8)  # gets a Tick for every command that is refused; its tables have to grow
        self.accounts = dict(SYSTEM)
        self.markets = {market.name.removesuffix("-PERP"): number for number, market in enumerate(venue.markets)}
        self.ts = START
        self.sent: list[m.Command] = []
        self.events: list[Event] = []

    def account(self, text: str) -> int:
        return int(text[1:]) if text.startswith("#") else self.accounts[text]

    def market(self, text: str) -> int:
        return int(text[1:]) if text.startswith("#") else self.markets[text]

    def account_name(self, number: int) -> str:
        return next((name for name, at in self.accounts.items() if at == number), "-" if number == NIL else f"#{number}")

    def market_name(self, number: int) -> str:
        return next((name for name, at in self.markets.items() if at == number), "-" if number == NIL else f"#{number}")

    def send(self, command: m.Command) -> list[Event]:
        """Apply a command to both venues; what the first refuses must leave what a Tick leaves."""
        events = self.exchange.apply(command)
        self.exchange.check()
        last = events[-1] if events else None
        refused = isinstance(last, m.Rejected) and last.command == command.KIND  # what waited is refused while something else is sent
        if refused and any(isinstance(event, m.GasPaid) for event in events[-2:]):
            refused = False  # it has left its gas
        others = self.ticked.apply(m.Tick(command.ts) if refused else command)
        assert unnumbered(others) == unnumbered(events[: len(events) - refused])
        if refused:
            assert self.ticked.state_hash() == self.exchange.state_hash(), "a refused command has left something behind"
        self.sent.append(command)
        self.events += events
        return events


def ids(text: str) -> tuple[int, int]:
    hi, _, lo = text.rpartition(":")
    return int(hi or 0), int(lo)


def at_fee(words: list[str]) -> tuple[list[str], int]:
    """The words without `fee=AMOUNT`, and the priority fee [micro]."""
    fees = [micro(word.removeprefix("fee=")) for word in words if word.startswith("fee=")]
    return [word for word in words if not word.startswith("fee=")], sum(fees)


def at_price(words: list[str]) -> tuple[list[str], int]:
    """The words without `@ PRICE`, and the price (0 if there is none)."""
    if "@" not in words:
        return words, 0
    at = words.index("@")
    return words[:at] + words[at + 2 :], int(words[at + 1])


def place(w: World, words: list[str]) -> m.Command:
    words, fee = at_fee(words)
    words, price = at_price(words)
    account, market, side, size, *options = words
    values: dict[str, int] = {"priority_fee": fee}
    for option in options:
        if option == "market":
            values["order_type"] = 1
        elif option == "reduce_only":
            values["reduce_only"] = 1
        elif option.startswith("self_trade="):
            values["self_trade"] = SelfTrade[option.removeprefix("self_trade=").upper()]
        elif option.startswith("shows="):
            values["display"] = int(option.removeprefix("shows="))
        elif option.startswith("until="):
            values["expires"] = START + span(option.removeprefix("until="))
        elif option.startswith("client="):
            values["client_hi"], values["client_lo"] = ids(option.removeprefix("client="))
        else:
            values["tif"] = TimeInForce[option.upper()]
    return m.Place(w.ts, w.account(account), w.market(market), Side[side.upper()], price, int(size), **values)


def trigger(w: World, words: list[str]) -> m.Command:
    """NAME MARKET buy|sell SIZE KIND[:TRAIL] of SOURCE TRIGGER_PRICE [@ LIMIT] [OPTION ...]"""
    words, price = at_price(words)
    account, market, side, size, kind, _, source, at, *options = words
    name, _, trail = kind.partition(":")
    values: dict[str, int] = {"trail": int(trail or 0), "price": price}
    for option in options:
        if option == "reduce_only":
            values["reduce_only"] = 1
        elif option.startswith("slippage="):
            values["slippage_ppm"] = int(option.removeprefix("slippage="))
        elif option.startswith("client="):
            values["client_hi"], values["client_lo"] = ids(option.removeprefix("client="))
        else:
            values["tif"] = TimeInForce[option.upper()]
    return m.PlaceTrigger(
        w.ts, w.account(account), w.market(market), Side[side.upper()], int(size), TriggerKind[name.upper()],
        PriceSource[source.upper()], int(at), **values,
    )  # fmt: skip


def ladder(w: World, words: list[str]) -> m.Command:
    account, market, side, size, first, _, last, _, count, *options = words  # FIRST .. LAST in COUNT
    values: dict[str, int] = {}
    for option in options:
        key, _, value = option.partition("=")
        if option == "reduce_only":
            values["reduce_only"] = 1
        elif key == "client":
            values["client_hi"], values["client_lo"] = ids(value)
        elif key == "skew":
            values["skew_ppm"] = int(value)
        elif option.upper() in Spacing.__members__:
            values["spacing"] = Spacing[option.upper()]
        else:
            values["tif"] = TimeInForce[option.upper()]
    where = w.account(account), w.market(market), Side[side.upper()]
    return m.PlaceLadder(w.ts, *where, int(size), int(first), int(last), int(count), **values)


def twap(w: World, words: list[str]) -> m.Command:
    account, market, side, size, _, slices, _, interval, *options = words  # SIZE in SLICES every TIME
    values: dict[str, int] = {}
    names = {"slippage": "slippage_ppm", "catch_up": "catch_up_ppm", "minimum": "minimum_slice", "profit": "take_profit", "stop": "stop"}
    for option in options:
        key, _, value = option.partition("=")
        if option == "reduce_only":
            values["reduce_only"] = 1
        elif key == "client":
            values["client_hi"], values["client_lo"] = ids(value)
        else:
            values[names[key]] = int(value)
    where = w.account(account), w.market(market), Side[side.upper()]
    return m.PlaceTwap(w.ts, *where, int(size), int(slices), span(interval), **values)
def bracket(w: World, words: list[str]) -> m.Command:
    """NAME MARKET buy|sell SIZE @ PRICE|market profit=PRICE stop=PRICE [OPTION ...]"""
    words, price = at_price(words)
    account, market, side, size, *options = words
    values = {"order_type": 0, "tif": 0, "take_profit": 0, "stop": 0}
    for option in options:
        name, _, text = option.partition("=")
        if option == "market":
            values["order_type"] = 1
        elif option == "alone":
            values["alone"] = 1
        elif name == "client":
            values["client_hi"], values["client_lo"] = ids(text)
        elif name == "of":
            values["source"] = PriceSource[text.upper()]
        elif text:
            values[{"profit": "take_profit", "stop": "stop", "slippage": "slippage_ppm"}[name]] = int(text)
        else:
            values["tif"] = TimeInForce[option.upper()]
    return m.PlaceBracket(w.ts, w.account(account), w.market(market), Side[side.upper()], price, int(size), **values)
def quotes(w: World, words: list[str]) -> m.Command:
    account, market, side, *told = words  # told: SIZE@PRICE, at most five
    values = [int(value) for one in told for value in reversed(one.split("@"))]
    return m.MassQuote(w.ts, w.account(account), w.market(market), Side[side.upper()], *values)


def protect(w: World, words: list[str]) -> m.Command:
    account, market, window, *limits = words
    values = dict(zip(limits[::2], map(int, limits[1::2]), strict=True))
    return m.SetQuoteProtection(w.ts, w.account(account), w.market(market), span(window), **values)


def open_account(w: World, words: list[str]) -> m.Command:
    w.accounts[words[0]] = w.exchange.state.accounts.count
    return m.OpenAccount(w.ts, AccountKind[(words[1] if len(words) > 1 else "trader").upper()], int(words[2]) if len(words) > 2 else 0)


def oracle(w: World, a: list[str]) -> m.Command:
    """`oracle BTC 100 perps 101 more`."""
    outside = int(a[a.index("perps") + 1]) if "perps" in a else 0
    return m.UpdateOracle(w.ts, w.market(a[0]), int(a[1]), outside, int("more" in a))


def maintain(w: World, words: list[str]) -> m.Command:
    market, start, end, *statuses = words
    during, after = (MarketStatus[one.upper()] for one in [*statuses, "active"][:2])
    return m.ScheduleMaintenance(w.ts, NIL if market == "all" else w.market(market), START + span(start), START + span(end), during, after)


def sub_account(w: World, words: list[str]) -> m.Command:
    if len(words) > 1:
        w.accounts[words[1]] = w.exchange.state.accounts.count
    return m.OpenSubAccount(w.ts, w.account(words[0]))


def money(kind: type[m.Deposit | m.Withdraw]) -> Callable[[World, list[str]], m.Command]:
    return lambda w, words: kind(w.ts, w.account(words[0]), int(words[2]) if len(words) > 2 else 0, micro(words[1]))


def amend(w: World, words: list[str]) -> m.Command:
    words, fee = at_fee(words)
    (account, order, size), price = at_price(words)
    return m.Amend(w.ts, w.account(account), int(order), price, int(size), fee)


def cancel(w: World, words: list[str]) -> m.Command:
    (account, order), fee = at_fee(words)
    return m.Cancel(w.ts, w.account(account), int(order), fee)


def cancel_client(w: World, words: list[str]) -> m.Command:
    (account, client), fee = at_fee(words)
    return m.CancelClient(w.ts, w.account(account), *ids(client), fee)


def cancel_all(w: World, words: list[str]) -> m.Command:
    (account, *market), fee = at_fee(words)
    return m.CancelAll(w.ts, w.account(account), w.market(market[0]) if market else NIL, fee)


def block(w: World, words: list[str]) -> m.Command:
    (buyer, seller, market, size), price = at_price(words)
    return m.BlockTrade(w.ts, w.account(buyer), w.account(seller), w.market(market), int(size), price)


def debit(w: World, words: list[str]) -> m.Command:
    words, market = (words[:-2], w.market(words[-1])) if "from" in words else (words, NIL)
    return m.Debit(w.ts, w.account(words[0]), int(words[2]) if len(words) > 2 else 0, micro(words[1]), market)


def status(w: World, words: list[str]) -> m.Command:
    (market, name), price = at_price(words)
    return m.SetMarketStatus(w.ts, w.market(market), MarketStatus[name.upper()], price)


def add_liquidity(w: World, words: list[str]) -> m.Command:
    account, market, amount, *bounds = words  # bounds: LOWER .. UPPER
    lower, upper = (int(bounds[0]), int(bounds[2])) if bounds else (0, 0)
    return m.AddLiquidity(w.ts, w.account(account), w.market(market), micro(amount), lower, upper)


def alert(w: World, words: list[str]) -> m.Command:
    account, number, threshold, hysteresis, *asset = [*words, *(["0"] if len(words) == 3 else [])]
    return m.SetMarginAlert(w.ts, w.account(account), int(asset[0]) if asset else 0, int(number), int(threshold), int(hysteresis))


COMMANDS: dict[str, Callable[[World, list[str]], m.Command]] = {
    "open": open_account,
    "deposit": money(m.Deposit),
    "withdraw": money(m.Withdraw),
    "transfer": lambda w, a: m.Transfer(w.ts, w.account(a[0]), w.account(a[1]), int(a[3]) if len(a) > 3 else 0, micro(a[2])),
    "place": place,
    "trigger": trigger,
    "ladder": ladder,
    "twap": twap,
    "bracket": bracket,
    "oco": lambda w, a: m.LinkOco(w.ts, w.account(a[0]), int(a[1]), int(a[2]), int(a[3:] == ["alone"])),
    "amend": amend,
    "quotes": quotes,
    "protect": protect,
    "cancel": cancel,
    "cancel_client": cancel_client,
    "cancel_all_after": lambda w, a: m.CancelAllAfter(w.ts, w.account(a[0]), span(a[1])),
    "cancel_all": cancel_all,
    "debit": debit,
    "funding": lambda w, a: m.SetFunding(w.ts, w.market(a[0]), FundingMode[a[1].upper()], int(a[2]) if len(a) > 2 else 0),
    "gas": lambda w, a: m.SetGas(w.ts, int(a[0])),
    "alert": alert,
    "maintain": maintain,
    "cancel_maintenance": lambda w, a: m.CancelMaintenance(w.ts, int(a[0])),
    "sub": sub_account,
    "kill": lambda w, a: m.SetAccountMode(w.ts, w.account(a[0]), AccountMode[a[1].upper()]),
    "leverage": lambda w, a: m.SetLeverage(w.ts, w.account(a[0]), w.market(a[1]), int(a[2])),
    "mode": lambda w, a: m.SetMarginMode(w.ts, w.account(a[0]), w.market(a[1]), MarginMode[a[2].upper()]),
    "margin": lambda w, a: m.MoveIsolatedMargin(w.ts, w.account(a[0]), w.market(a[1]), micro(a[2])),
    "block": block,
    "oracle": oracle,
    "take": lambda w, a: m.TakeAuction(w.ts, w.account(a[0]), int(a[1]), int(a[2]), micro(a[4]) if len(a) > 4 else 0),
    "status": status,
    "add_liquidity": add_liquidity,
    "remove_liquidity": lambda w, a: m.RemoveLiquidity(
        w.ts, w.account(a[0]), w.market(a[1]), int(a[2]), int(a[4]) if len(a) > 4 else 0
    ),
    "tick": lambda w, a: m.Tick(w.ts),
}


def span(text: str) -> int:
    """[ns] of a time such as 250ms."""
    number, unit = re.fullmatch(r"(\d+)(ns|us|ms|s|m|h)", text).groups()  # type: ignore[union-attr]
    return int(number) * UNITS[unit]


def timed(w: World, text: str) -> str:
    """Let the time of a `+1s` pass; return what follows it."""
    found = re.match(r"\+(\d+)(ns|us|ms|s|m|h)\b\s*", text)
    if not found:
        return text
    w.ts += int(found[1]) * UNITS[found[2]]
    return text[found.end() :] or "tick"


def command_of(w: World, text: str) -> m.Command:
    verb, *words = timed(w, text).split()
    assert verb in COMMANDS, f"there is no verb {verb!r}: the list is COMMANDS of case_commands.py"
    return COMMANDS[verb](w, words)
