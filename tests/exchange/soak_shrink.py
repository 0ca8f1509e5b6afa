"""Shrinks a broken stretch: drops commands, waits and options of the design as long as the same rule stays broken."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from typing import Final

from designs import Tree
from msgspec import ValidationError
from soak import Dead, World
from soak_designs import tree, venue_of
from soak_rules import ABOUT

from perplab.exchange import Malformed, VenueError
from perplab.exchange import messages as m
from perplab.exchange.codes import AccountKind, MarketStatus, SelfTrade

Row = list[int]
NS: Final = 10**9
KEPT: Final = ("name", "tick", "lot", "max_price", "tiers", "steps", "assets", "markets", "settlement_asset", "capital", "max_leverage")


def broken_at(design: Tree, rows: list[Row], rule: str) -> int:
    """The command that breaks the rule, or -1."""
    try:
        world = World(venue_of(design), set(ABOUT) - {rule}, rule == "no_trace", 1 if rule == "check" else 10**9)
        for row in rows:
            world.do(row)
            if world.breaches:
                break
        else:
            world.compare_twin()
    except (Malformed, VenueError, ValidationError, ValueError, KeyError, IndexError):
        return -1
    except Dead:
        pass
    return next((breach.at for breach in world.breaches if breach.rule == rule), -1)


def fewer(rows: list[Row], fails: Callable[[list[Row]], bool]) -> list[Row]:
    """Drop what can be dropped: halves first, single commands last."""
    size = len(rows) // 2
    while size > 0:
        at = len(rows)
        while at > 0:
            without = rows[: max(0, at - size)] + rows[at:]
            if fails(without):
                rows = without
            at -= size
        size //= 2
    return rows


def sooner(rows: list[Row], fails: Callable[[list[Row]], bool]) -> list[Row]:
    """Take out the waits, or make them whole seconds."""
    for at in range(1, len(rows)):
        wait = rows[at][1] - rows[at - 1][1]
        for less in (wait, wait - NS, wait % NS):
            if 0 < less <= wait:
                moved = [[row[0], row[1] - less, *row[2:]] if number >= at else row for number, row in enumerate(rows)]
                if fails(moved):
                    rows = moved
                    break
    return rows


def rounder(rows: list[Row], fails: Callable[[list[Row]], bool]) -> list[Row]:
    """Rounder numbers where they do as well."""
    for at in range(len(rows)):
        for column in range(2, 13):
            value = rows[at][column]
            for other in (0, 1, *(value // grid * grid for grid in (10**9, 10**7, 10**6, 1_000, 100, 10) if abs(value) > grid)):
                if abs(other) < abs(value) and m.command_row(m.command_of_row(rows[at]))[column] == value:
                    changed = [*rows[at][:column], other, *rows[at][column + 1 :]]
                    if fails([*rows[:at], changed, *rows[at + 1 :]]):
                        rows = [*rows[:at], changed, *rows[at + 1 :]]
                        break
    return rows


def paths(node: object, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The keys of a design, deepest last."""
    if isinstance(node, dict):
        for key in node:
            if key not in KEPT:
                yield (*at, key)
            if key != "tiers":
                yield from paths(node[key], (*at, key))
    elif isinstance(node, list):
        for number, item in enumerate(node):
            if isinstance(item, dict):
                yield from paths(item, (*at, number))


def without(design: Tree, path: tuple[str | int, ...]) -> Tree:
    changed = deepcopy(design)
    node = changed
    for key in path[:-1]:
        node = node[key]  # type: ignore[assignment, index]
    node.pop(path[-1], None)  # type: ignore[arg-type]
    return changed


def plainer(design: Tree, fails: Callable[[Tree], bool]) -> Tree:
    """Leave out every option that the breach does not need; the last markets too."""
    candidates: list[Callable[[Tree], None]] = [lambda d: d["markets"].pop()] * 3  # type: ignore[attr-defined]
    for number in range(len(design["markets"])):  # type: ignore[arg-type]
        candidates.append(lambda d, n=number: d["markets"][n]["tiers"].__delitem__(slice(1, None)))  # type: ignore[misc]
    candidates += [lambda d, i=i: d["liquidation"]["steps"].pop(i) for i in (2, 1, 0)]  # type: ignore[misc]
    candidates += [lambda d, i=i: d["backstops"].pop(i) for i in (2, 1, 0)]  # type: ignore[misc]
    for change in candidates:
        changed = deepcopy(design)
        try:
            change(changed)
        except (IndexError, KeyError):
            continue
        if fails(changed):
            design = changed
    for path in list(paths(design)):
        try:
            changed = without(design, path)
        except (KeyError, IndexError):
            continue
        if changed != design and fails(changed):
            design = changed
    quiet = deepcopy(design)
    for market in quiet["markets"]:  # type: ignore[attr-defined]
        market["funding"] = {"cap_ppt": 0, "sample_interval_ms": 86_400_000, "interval_ms": 86_400_000}
    return quiet if fails(quiet) else design


def shrunk(world: World, number: int, rule: str) -> str:
    """The fewest commands, and the plainest design, that break the rule; as text."""
    design, rows = tree(number), world.rows
    at = broken_at(design, rows, rule)
    if at < 0:
        return f"{rule} is not broken"
    rows = rows[: at + 1]

    def fails(some: list[Row]) -> bool:
        return broken_at(design, some, rule) >= 0

    for _ in range(2):
        rows = fewer(rows, fails)
        design = plainer(design, partial(lambda rows, some: broken_at(some, rows, rule) >= 0, rows))
    rows = rounder(sooner(fewer(rows, fails), fails), fails)
    final = World(venue_of(design), set(ABOUT) - {rule}, rule == "no_trace")
    lines = [f"# {rule}: {ABOUT[rule]}", json.dumps(design)]
    last = rows[0][1]
    try:
        for row in rows:
            wait, last = row[1] - last, row[1]
            lines.append(f"{f'+{wait}ns ' if wait else ''}{line_of(m.command_of_row(row), final)}")
            final.do(row)
            if final.breaches:
                break
        else:
            final.compare_twin()
    except Dead:
        pass
    lines += [f"    {e}" for e in final.x.events if not isinstance(e, m.FundingSampled | m.FundingCharged)]
    return "\n".join([*lines, *(f"BROKEN {breach.message}" for breach in final.breaches)])


def line_of(c: m.Command, world: World) -> str:
    """A command much as the text cases (case_files.py) write it; accounts by their numbers."""
    names = [market.name for market in world.exchange.design.markets]
    market = names[c.market] if 0 <= getattr(c, "market", -1) < len(names) else ""
    if isinstance(c, m.OpenAccount):
        return f"open #{world.accounts} {AccountKind(c.account_kind).name.lower()}" + (f" owner {c.owner}" if c.owner else "")
    if isinstance(c, m.Deposit | m.Withdraw):
        return f"{type(c).__name__.lower()} #{c.account} {c.amount / 10**6:f} {world.exchange.design.assets[c.asset]}"
    if isinstance(c, m.Place):
        options = [("", "ioc", "fok", "post_only", "rpi")[c.tif], "reduce_only" * c.reduce_only]
        options.append(f"self_trade={SelfTrade(c.self_trade).name.lower()}" if c.self_trade else "")
        options.append(f"shows={c.display}" if c.display else "")
        options.append(f"until={c.expires}ns" if c.expires else "")
        options.append(f"client={c.client_hi}:{c.client_lo}" if c.client_hi or c.client_lo else "")
        price = f"{'market ' * c.order_type}{f'@ {c.price}' if c.price or not c.order_type else ''}"
        return " ".join(f"place #{c.account} {market} {('buy', 'sell')[c.side]} {c.size} {price} {' '.join(options)}".split())
    if isinstance(c, m.Amend):
        return f"amend #{c.account} {c.order_id} {c.size} @ {c.price}"
    if isinstance(c, m.BlockTrade):
        return f"block #{c.buyer} #{c.seller} {market} {c.size} @ {c.price}"
    if isinstance(c, m.UpdateOracle):
        return f"oracle {market} {c.price}" + (f" perps {c.perp_median}" if c.perp_median else "") + " more" * c.more
    if isinstance(c, m.TakeAuction):
        return f"take #{c.account} {c.auction} {c.share_ppm} gain {c.minimum_gain / 10**6:f}"
    if isinstance(c, m.SetMarketStatus):
        return f"status {market} {MarketStatus(c.status).name.lower()}" + (f" @ {c.price}" if c.price else "")
    fields = " ".join(f"{name}={getattr(c, name)}" for name in c.__struct_fields__ if name != "ts")
    return f"{type(c).__name__} {fields}".rstrip()
