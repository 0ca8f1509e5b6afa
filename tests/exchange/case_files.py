"""The language of the text cases (tests/cases/*.txt): command -> expected events, one line each.

A file is a list of scenarios; each starts a fresh venue. A line that is not indented is one of

    === TITLE                   a new scenario
    venue NAME                  use a shipped design instead of the plain venue of kit.py; `venue spot`: its SPOT
    set KEY = VALUE             override one key of the design, VALUE as in TOML; `markets.X` is laid on all markets, `BTC.X` on one
    COMMAND                     followed by the events it must give, indented, in order: all of them, with the listed fields
    given COMMAND               a step of the set-up: must give exactly the event that such a command gives when all is well
    repeat N COMMAND            N times, with {n} counting from 1, in the command and in its events
    = WHAT KEY VALUE ...        a query of the state (below)
    # ...                       a comment; also at the end of a line

A command may start with the time it takes: `+1s`, `+250ms`, `+1ns`, `+1m`, `+1h`; alone, that is a Tick. Time starts at 0, a midnight.
Accounts have names (the venue's own: insurance, fees, rounding, clearing, uncovered, vault, curve, transit; any number as #99), markets the
names of the design (any number as #9). Amounts are USD, prices ticks, sizes lots. Commands:

    accounts NAME AMOUNT, ...   open trader accounts with a deposit (0: none); never refused
    open NAME [KIND [OWNER]]    deposit NAME AMOUNT [ASSET]     withdraw NAME AMOUNT [ASSET]     transfer FROM TO AMOUNT [ASSET]
    place NAME MARKET buy|sell SIZE @ PRICE [OPTION ...]        options: gtc ioc fok post_only rpi reduce_only self_trade=RULE client=HI:LO
                                until=TIME (good til then) shows=SIZE (iceberg)
    place NAME MARKET buy|sell SIZE market [@ PRICE] [OPTION ...]
    trigger NAME MARKET buy|sell SIZE KIND[:TRAIL] of SOURCE AT [@ LIMIT] [OPTION ...]    options: TIF reduce_only slippage=PPM client=HI:LO
    ladder NAME MARKET buy|sell SIZE FIRST .. LAST in COUNT [OPTION ...]        options: geometric skew=PPM, a tif, reduce_only client=HI:LO
    twap NAME MARKET buy|sell SIZE in SLICES every TIME [OPTION ...]
                                                                options: slippage=PPM catch_up=PPM minimum=SIZE reduce_only client=HI:LO
    oco NAME ID ID [alone]
    bracket NAME MARKET buy|sell SIZE @ PRICE|market [OPTION ...]
                                                              options: profit=PRICE stop=PRICE of=SOURCE slippage=PPM TIF client=HI:LO alone
    amend NAME ID SIZE @ PRICE  (0: what is left)  cancel NAME ID      cancel_client NAME HI:LO     cancel_all NAME [MARKET]
    cancel_all_after NAME TIME  (0s: takes it back)             kill NAME normal|reduce_only|frozen
    alert NAME NUMBER PPM [HYSTERESIS [ASSET]]                  (0: takes it back)
    sub NAME [ITS_NAME]         open a sub-account of NAME
    quotes NAME MARKET buy|sell SIZE@PRICE ...                  protect NAME MARKET TIME [fills N] [lots N]
    maintain MARKET|all TIME TIME STATUS [STATUS]               from and to so long after 0     cancel_maintenance NUMBER
    leverage NAME MARKET N      mode NAME MARKET cross|isolated margin NAME MARKET AMOUNT        block BUYER SELLER MARKET SIZE @ PRICE
    oracle MARKET PRICE [perps PRICE] [more]                    take NAME AUCTION PPM [gain AMOUNT]
    status MARKET STATUS [@ PRICE]                              debit NAME AMOUNT [ASSET] [from MARKET]
    funding MARKET rule|set|shift [PPT]                         gas PPM
    place, amend, cancel, cancel_client and cancel_all take fee=AMOUNT, a priority fee
    add_liquidity NAME MARKET AMOUNT [LOWER .. UPPER]           remove_liquidity NAME MARKET SHARES [of RANGE]

An event is `Kind key=value ...` with the fields of events.py, codes by their names; `id` is order_id, `client` HI:LO or `-`.
Queries:

    = NAME cash A equity A free A available A initial A maintenance A     of the second asset: cash2, free2
    = NAME MARKET size N entry A margin A unsettled A leverage N liquidation P bankruptcy P
    = MARKET mark P oracle P last P interest N bids SIZE@PRICE,... asks SIZE@PRICE,...      (`-`: none)
    = NAME MARKET shares N paid_in A worth A locked T           = MARKET pool A pool_equity A inventory N pool_shares N middle P
    = NAME MARKET maker_fee PPB taker_fee PPB
    = auction ID share PPM gain A equity A insolvent 0|1
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from kit import PLAIN, SPOT, plain_venue

from perplab.exchange import VenueDesign, load_venue
from perplab.exchange.design.reader import merged

FOLDER = Path(__file__).resolve().parent.parent / "cases"
FILES = sorted(path.name for path in FOLDER.glob("*.txt"))
COMMENT = re.compile(r"(^|\s+)#(\s.*)?$")


@dataclass
class Step:
    """A line that is not indented, and the indented ones below it."""

    number: int
    text: str
    events: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)  # the lines of the events


@dataclass
class Scenario:
    file: str
    title: str
    design: list[Step] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


def parsed(file: str, content: str) -> list[Scenario]:
    found: list[Scenario] = []
    for number, line in enumerate(content.splitlines(), 1):
        text = COMMENT.sub("", line).strip()
        if text.startswith("==="):
            found.append(Scenario(file, text.strip("= ")))
        elif line[:1].isspace() and text:
            found[-1].steps[-1].events.append(text)
            found[-1].steps[-1].numbers.append(number)
        elif text.startswith(("venue ", "set ")):
            found[-1].design.append(Step(number, text))
        elif text:
            found[-1].steps.append(Step(number, text))
    return found


def content_of(file: str) -> str:
    """The text of a file, with the line ends that it has."""
    return (FOLDER / file).read_bytes().decode()


def scenarios_of(file: str) -> list[Scenario]:
    return parsed(file, content_of(file))


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
            market_names = ["BTC", "COIN"] if name == "spot" else market_names
            continue
        tree = tomllib.loads(step.text.removeprefix("set "))
        key = next(iter(tree))
        if key in market_names:
            one.append((market_names.index(key), tree[key]))
        else:
            over = merged(over, tree)
    if name == "spot":
        return plain_venue(laid_on_one(merged(SPOT, over), one))
    if name:
        return load_venue(name, over)
    return plain_venue(laid_on_one(over, one))


def laid_on_one(over: dict[str, object], one: list[tuple[int, dict[str, object]]]) -> dict[str, object]:
    """Overrides of single markets, as a whole list of markets."""
    if not one:
        return over
    given = over.get("markets", {})
    markets = list(given) if isinstance(given, list) else merged({"markets": PLAIN["markets"]}, {"markets": given})["markets"]
    assert isinstance(markets, list)
    for number, tree in one:
        markets[number] = merged(markets[number], tree)
    return over | {"markets": markets}
