"""The text cases (tests/cases/*.txt): command -> expected events, one line each.

A file is a list of scenarios; each starts a fresh venue. A line that is not indented is one of

    === TITLE                   a new scenario
    venue NAME                  use a shipped design instead of the plain venue of kit.py
    set KEY = VALUE             override one key of the design, VALUE as in TOML; `markets.X` is laid on all markets, `BTC.X` on one
    COMMAND                     followed by the events it must give, indented, in order: all of them, with the listed fields
    given COMMAND               a step of the set-up: must give exactly the event that such a command gives when all is well
    repeat N COMMAND            N times, with {n} counting from 1, in the command and in its events
    = WHAT KEY VALUE ...        a query of the state (below)
    # ...                       a comment; also at the end of a line

A command may start with the time it takes: `+1s`, `+250ms`, `+1ns`, `+1m`, `+1h`; alone, that is a Tick. Time starts at 0, a midnight.
Accounts have names (the venue's own: insurance, fees, rounding, clearing, uncovered, vault; any number as #99), markets the names of
the design (any number as #9). Amounts are USD, prices ticks, sizes lots. Commands:

    accounts NAME AMOUNT, ...   open trader accounts with a deposit (0: none); never refused
    open NAME [KIND]            deposit NAME AMOUNT [ASSET]     withdraw NAME AMOUNT [ASSET]     transfer FROM TO AMOUNT [ASSET]
    place NAME MARKET buy|sell SIZE @ PRICE [OPTION ...]        options: gtc ioc fok post_only reduce_only self_trade=none client=HI:LO
    place NAME MARKET buy|sell SIZE market [@ PRICE] [OPTION ...]
    amend NAME ID SIZE @ PRICE  cancel NAME ID                  cancel_client NAME HI:LO         cancel_all NAME [MARKET]
    leverage NAME MARKET N      mode NAME MARKET cross|isolated margin NAME MARKET AMOUNT        block BUYER SELLER MARKET SIZE @ PRICE
    oracle MARKET PRICE [perps PRICE]                           take NAME AUCTION PPM [gain AMOUNT]
    status MARKET STATUS [@ PRICE]

An event is `Kind key=value ...` with the fields of events.py, codes by their names; `id` is order_id, `client` HI:LO or `-`.
Queries:

    = NAME cash A equity A free A available A initial A maintenance A
    = NAME MARKET size N entry A margin A unsettled A leverage N liquidation P bankruptcy P
    = MARKET mark P oracle P last P interest N bids SIZE@PRICE,... asks SIZE@PRICE,...      (`-`: none)
    = auction ID share PPM gain A equity A insolvent 0|1

The runner proves more than the lines say: `check()` after every command; a second venue that is sent a Tick wherever the first one
refused has the same state there, the same events and the same end; replay, and all rows in bulk, give the same events and state.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
from kit import ROW, START, packed, plain_venue, typed, unnumbered
from msgspec.structs import asdict

from perplab.exchange import Exchange, Journal, VenueDesign, load_venue, replay
from perplab.exchange import messages as m
from perplab.exchange.codes import (
    AccountKind,
    CancelReason,
    MarginMode,
    MarketStatus,
    Method,
    OrderState,
    Outcome,
    Payer,
    Reason,
    Side,
    TimeInForce,
)
from perplab.exchange.events import EVENTS, Event

FOLDER = Path(__file__).resolve().parent.parent / "cases"
FILES = sorted(path.name for path in FOLDER.glob("*.txt"))
SYSTEM = {"insurance": 0, "fees": 1, "rounding": 2, "clearing": 3, "uncovered": 4, "vault": 5}
UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
NIL = -1
COMMENT = re.compile(r"(^|\s+)#(\s.*)?$")

MONEY = {
    "amount", "taker_fee", "maker_fee", "margin", "equity", "maintenance", "notional", "value", "deficit", "fee", "gain", "paid",
    "profit", "conceded",
}  # fmt: skip
ACCOUNTS = {"account", "to", "buyer", "seller", "taker", "maker", "bidder", "vault", "winner", "loser"}
CODES = {
    "account_kind": AccountKind, "side": Side, "taker_side": Side, "tif": TimeInForce, "state": OrderState, "mode": MarginMode,
    "status": MarketStatus, "payer": Payer, "method": Method, "outcome": Outcome,
}  # fmt: skip
GIVEN = {
    m.OpenAccount: ["AccountOpened"],
    m.Deposit: ["Deposited"],
    m.Withdraw: ["Withdrawn"],
    m.Place: ["OrderPlaced"],
    m.SetLeverage: ["LeverageSet"],
    m.SetMarginMode: ["MarginModeSet"],
    m.MoveIsolatedMargin: ["IsolatedMarginMoved"],
    m.BlockTrade: ["BlockTraded"],
    m.UpdateOracle: ["OracleUpdated", "MarkMoved"],
    m.SetMarketStatus: ["MarketStatusChanged"],
}


# -- reading --


@dataclass
class Step:
    """A line that is not indented, and the indented ones below it."""

    number: int
    text: str
    events: list[str] = field(default_factory=list)


@dataclass
class Scenario:
    file: str
    title: str
    design: list[Step] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


def scenarios_of(file: str) -> list[Scenario]:
    found: list[Scenario] = []
    for number, line in enumerate((FOLDER / file).read_text(encoding="utf-8").splitlines(), 1):
        text = COMMENT.sub("", line).strip()
        if text.startswith("==="):
            found.append(Scenario(file, text.strip("= ")))
        elif line[:1].isspace() and text:
            found[-1].steps[-1].events.append(text)
        elif text.startswith(("venue ", "set ")):
            found[-1].design.append(Step(number, text))
        elif text:
            found[-1].steps.append(Step(number, text))
    return found


@cache
def scenarios() -> dict[str, Scenario]:
    return {f"{file.removesuffix('.txt')}: {one.title}": one for file in FILES for one in scenarios_of(file)}


def venue_of(scenario: Scenario) -> VenueDesign:
    name = ""
    market_names = ["BTC", "ETH"]
    over: dict[str, object] = {}
    one: list[tuple[int, dict[str, object]]] = []
    for step in scenario.design:
        if step.text.startswith("venue "):
            name = step.text.removeprefix("venue ")
            continue
        tree = tomllib.loads(step.text.removeprefix("set "))
        key = next(iter(tree))
        if key in market_names:
            one.append((market_names.index(key), tree[key]))
        else:
            over = m_merged(over, tree)
    if name:
        return load_venue(name, over)
    return plain_venue(laid_on_one(over, one))


def m_merged(over: dict[str, object], tree: dict[str, object]) -> dict[str, object]:
    from perplab.exchange.design.reader import merged

    return merged(over, tree)


def laid_on_one(over: dict[str, object], one: list[tuple[int, dict[str, object]]]) -> dict[str, object]:
    """Overrides of single markets, as a whole list of markets."""
    from kit import PLAIN

    if not one:
        return over
    markets = m_merged({"markets": PLAIN["markets"]}, {"markets": over.get("markets", {})})["markets"]
    assert isinstance(markets, list)
    for number, tree in one:
        markets[number] = m_merged(markets[number], tree)
    return over | {"markets": markets}


# -- commands --


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
        refused = bool(events) and isinstance(events[-1], m.Rejected)
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


def at_price(words: list[str]) -> tuple[list[str], int]:
    """The words without `@ PRICE`, and the price (0 if there is none)."""
    if "@" not in words:
        return words, 0
    at = words.index("@")
    return words[:at] + words[at + 2 :], int(words[at + 1])


def place(w: World, words: list[str]) -> m.Command:
    words, price = at_price(words)
    account, market, side, size, *options = words
    values: dict[str, int] = {}
    for option in options:
        if option == "market":
            values["order_type"] = 1
        elif option == "reduce_only":
            values["reduce_only"] = 1
        elif option == "self_trade=none":
            values["self_trade"] = 1
        elif option.startswith("client="):
            values["client_hi"], values["client_lo"] = ids(option.removeprefix("client="))
        else:
            values["tif"] = TimeInForce[option.upper()]
    return m.Place(w.ts, w.account(account), w.market(market), Side[side.upper()], price, int(size), **values)


def open_account(w: World, words: list[str]) -> m.Command:
    w.accounts[words[0]] = w.exchange.state.accounts.count
    return m.OpenAccount(w.ts, AccountKind[(words[1] if len(words) > 1 else "trader").upper()], 0)


def money(kind: type[m.Deposit | m.Withdraw]) -> Callable[[World, list[str]], m.Command]:
    return lambda w, words: kind(w.ts, w.account(words[0]), int(words[2]) if len(words) > 2 else 0, micro(words[1]))


def amend(w: World, words: list[str]) -> m.Command:
    (account, order, size), price = at_price(words)
    return m.Amend(w.ts, w.account(account), int(order), price, int(size))


def block(w: World, words: list[str]) -> m.Command:
    (buyer, seller, market, size), price = at_price(words)
    return m.BlockTrade(w.ts, w.account(buyer), w.account(seller), w.market(market), int(size), price)


def status(w: World, words: list[str]) -> m.Command:
    (market, name), price = at_price(words)
    return m.SetMarketStatus(w.ts, w.market(market), MarketStatus[name.upper()], price)


COMMANDS: dict[str, Callable[[World, list[str]], m.Command]] = {
    "open": open_account,
    "deposit": money(m.Deposit),
    "withdraw": money(m.Withdraw),
    "transfer": lambda w, a: m.Transfer(w.ts, w.account(a[0]), w.account(a[1]), int(a[3]) if len(a) > 3 else 0, micro(a[2])),
    "place": place,
    "amend": amend,
    "cancel": lambda w, a: m.Cancel(w.ts, w.account(a[0]), int(a[1])),
    "cancel_client": lambda w, a: m.CancelClient(w.ts, w.account(a[0]), *ids(a[1])),
    "cancel_all": lambda w, a: m.CancelAll(w.ts, w.account(a[0]), w.market(a[1]) if len(a) > 1 else NIL),
    "leverage": lambda w, a: m.SetLeverage(w.ts, w.account(a[0]), w.market(a[1]), int(a[2])),
    "mode": lambda w, a: m.SetMarginMode(w.ts, w.account(a[0]), w.market(a[1]), MarginMode[a[2].upper()]),
    "margin": lambda w, a: m.MoveIsolatedMargin(w.ts, w.account(a[0]), w.market(a[1]), micro(a[2])),
    "block": block,
    "oracle": lambda w, a: m.UpdateOracle(w.ts, w.market(a[0]), int(a[1]), int(a[3]) if len(a) > 3 else 0),
    "take": lambda w, a: m.TakeAuction(w.ts, w.account(a[0]), int(a[1]), int(a[2]), micro(a[4]) if len(a) > 4 else 0),
    "status": status,
    "tick": lambda w, a: m.Tick(w.ts),
}


# -- events --


def value_shown(w: World, event: Event, name: str, value: int) -> str:
    if name == "ts":
        return str(value - START)
    if name in MONEY:
        return shown_money(value)
    if name in ACCOUNTS:
        return w.account_name(value)
    if name == "market":
        return w.market_name(value)
    if name == "command":
        return m.COMMAND_OF[value].__name__
    if name == "reason":
        return (Reason if isinstance(event, m.Rejected) else CancelReason)(value).name.lower()
    return CODES[name](value).name.lower() if name in CODES else str(value)


def shown(w: World, event: Event) -> dict[str, str]:
    """The fields of an event as the cases write them."""
    values = asdict(event)
    texts = {name.replace("order_id", "id"): value_shown(w, event, name, value) for name, value in values.items() if name != "seq"}
    if "client_hi" in values:
        hi, lo = values["client_hi"], values["client_lo"]
        texts["client"] = (f"{hi}:{lo}" if hi else str(lo)) if hi or lo else "-"
        del texts["client_hi"], texts["client_lo"]
    return texts


def line_of(w: World, event: Event) -> str:
    return " ".join([type(event).__name__, *(f"{key}={text}" for key, text in shown(w, event).items() if key != "ts")])


def agrees(w: World, event: Event, line: str) -> bool:
    kind, *pairs = line.split()
    fields = shown(w, event)
    for pair in pairs:
        assert pair.partition("=")[0] in fields or kind != type(event).__name__, f"{kind} has no field {pair}"
    return kind == type(event).__name__ and all(fields[key] == text for key, _, text in (pair.partition("=") for pair in pairs))


def compare(w: World, events: list[Event], expected: list[str], place_of: str) -> None:
    if len(events) != len(expected) or not all(map(agrees, [w] * len(events), events, expected)):
        got = "\n    ".join(line_of(w, event) for event in events)
        joined = "\n    ".join(expected)
        pytest.fail(f"{place_of}\nexpected\n    {joined}\ngot\n    {got}", pytrace=False)


# -- queries --


def queried(w: World, words: list[str]) -> tuple[Callable[[str], object], list[str]]:
    """What a query asks of, as a function from key to value, and the rest of its words."""
    x = w.exchange
    if words[0] == "auction":
        auction = next(one for one in x.auctions() if one.auction == int(words[1]))
        return lambda key: {
            "share": auction.share_ppm, "gain": shown_money(auction.gain), "equity": shown_money(auction.equity),
            "insolvent": int(auction.insolvent), "size": auction.size,
        }[key], words[2:]  # fmt: skip
    if words[0] in w.markets:
        return market_values(x, w.market(words[0])), words[1:]
    account = w.account(words[0])
    if words[1] in w.markets:
        return position_values(x, account, w.market(words[1])), words[2:]
    return lambda key: shown_money({
        "cash": x.balance, "equity": x.equity, "free": x.free_margin, "available": x.available_margin, "initial": x.initial_margin,
        "maintenance": x.maintenance_margin,
    }[key](account)), words[1:]  # fmt: skip


def market_values(x: Exchange, market: int) -> Callable[[str], object]:
    def ladder(side: int) -> str:
        return ",".join(f"{lots}@{price}" for price, lots in x.depth(market, side, 99)) or "-"

    return lambda key: {
        "mark": x.mark_price, "oracle": x.oracle_price, "last": x.last_price, "interest": x.open_interest,
        "bids": lambda _: ladder(Side.BUY), "asks": lambda _: ladder(Side.SELL),
    }[key](market)  # fmt: skip


def position_values(x: Exchange, account: int, market: int) -> Callable[[str], object]:
    position = x.position(account, market)
    return lambda key: {
        "size": position.size, "entry": shown_money(position.entry_notional), "margin": shown_money(position.isolated_margin),
        "unsettled": shown_money(position.unsettled), "leverage": position.leverage,
        "liquidation": x.liquidation_price(account, market), "bankruptcy": x.bankruptcy_price(account, market),
    }[key]  # fmt: skip


def query(w: World, words: list[str], place_of: str) -> None:
    value_of, pairs = queried(w, words)
    got = [(key, str(value_of(key))) for key in pairs[::2]]
    expected = list(zip(pairs[::2], pairs[1::2], strict=True))
    if got != expected:
        pytest.fail(f"{place_of}\nexpected {expected}\ngot      {got}", pytrace=False)


# -- running --


def timed(w: World, text: str) -> str:
    """Let the time of a `+1s` pass; return what follows it."""
    found = re.match(r"\+(\d+)(ns|us|ms|s|m|h)\b\s*", text)
    if not found:
        return text
    w.ts += int(found[1]) * UNITS[found[2]]
    return text[found.end() :] or "tick"


def command_of(w: World, text: str) -> m.Command:
    verb, *words = timed(w, text).split()
    return COMMANDS[verb](w, words)


def open_all(w: World, text: str) -> None:
    for pair in text.split(","):
        name, amount = pair.split()
        assert len(w.send(open_account(w, [name]))) == 1
        if micro(amount):
            assert len(w.send(money(m.Deposit)(w, [name, amount]))) == 1


def run_step(w: World, step: Step, place_of: str) -> None:
    text = step.text
    if text.startswith("= "):
        query(w, text[2:].split(), place_of)
    elif text.startswith("accounts "):
        open_all(w, text.removeprefix("accounts "))
    elif text.startswith("given "):
        command = command_of(w, text.removeprefix("given "))
        compare(w, w.send(command), GIVEN[type(command)], place_of)
    elif text.startswith("repeat "):
        _, times, template = text.split(maxsplit=2)
        for n in range(1, int(times) + 1):
            events = w.send(command_of(w, template.replace("{n}", str(n))))
            compare(w, events, [line.replace("{n}", str(n)) for line in step.events], f"{place_of} (time {n})")
    else:
        compare(w, w.send(command_of(w, text)), step.events, place_of)


@cache
def run(name: str) -> World:
    scenario = scenarios()[name]
    world = World(venue_of(scenario))
    for step in scenario.steps:
        run_step(world, step, f"tests/cases/{scenario.file}:{step.number}: {step.text}")
    return world


def in_bulk(world: World, rows_per_call: int) -> tuple[list[Event], str]:
    """All commands of a scenario, some rows at a time, through a new venue: events and final state."""
    exchange = Exchange(world.venue, None, 8, 8)
    rows = packed(world.sent)
    events: list[Event] = []
    for at in range(0, len(rows), rows_per_call * ROW):
        events += typed(exchange.apply_rows(rows[at : at + rows_per_call * ROW]))
    exchange.check()
    return events, exchange.state_hash()


# -- tests --


@pytest.mark.parametrize("name", scenarios())
def test_scenario(name: str) -> None:
    """Commands give the expected events; replay and bulk give the same state, and the same events without a gap in their numbers."""
    world = run(name)
    assert [event.seq for event in world.events] == list(range(1, len(world.events) + 1))
    assert world.ticked.state_hash() == world.exchange.state_hash()
    assert replay(world.journal.bytes()).state_hash() == world.exchange.state_hash()
    for rows_per_call in (len(world.sent), 3):
        assert in_bulk(world, rows_per_call) == (world.events, world.exchange.state_hash())


def every_event() -> Iterator[Event]:
    for name in scenarios():
        with suppress(pytest.fail.Exception, AssertionError):  # one that fails says so in its own test
            yield from run(name).events


def missing(codes: type[m.IntEnum], kinds: tuple[type[Event], ...], field_name: str) -> set[str]:
    seen = {getattr(event, field_name) for event in every_event() if isinstance(event, kinds)}
    return {code.name for code in codes if code not in seen}


def test_every_reason_is_reached() -> None:
    """Each way to be refused happens in at least one scenario."""
    assert missing(Reason, (m.Rejected,), "reason") == set()


def test_titles_are_short_and_told_once() -> None:
    """Else pytest would number them."""
    titles = [name for file in FILES for name in (one.title for one in scenarios_of(file))]
    assert max(map(len, titles)) <= 90 and len(set(titles)) == len(titles)


def test_every_event_and_code_happens() -> None:
    """Each kind of event, each cause of a cancel, payer, method and outcome happens in at least one scenario."""
    assert {kind.__name__ for kind in EVENTS} - {type(event).__name__ for event in every_event()} == set()
    assert missing(CancelReason, (m.OrderCancelled,), "reason") == set()
    assert missing(Payer, (m.DeficitPaid,), "payer") == set()
    assert missing(Method, (m.Liquidated,), "method") == set()
    assert missing(Outcome, (m.LiquidationEnded, m.AuctionEnded), "outcome") == set()
