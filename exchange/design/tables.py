"""The tables of rules in a design: from the keys of a TOML to the Parameters of the rules that it names, each judged by its own struct.

Where a table names one rule (`rule = "hyperliquid"`), the keys of the rule stand beside the name. A design inherits such a table from the
one it extends, so keys of other registered rules may be left in it; they are passed over. Where a key names several (`steps = [...]`),
each may have a table of its name beside that key. Tables of rules that are not named are judged and dropped.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from . import shipped as shipped  # registers what ships
from .parameters import Parameters
from .reader import DesignError, Tree, convert, nearest
from .registry import KINDS, find, names_of, rules_of
from .structs import Tables

SEVERAL: Final = {  # table -> keys in it that name rules
    "": ("backstops",),
    "liquidation": ("liquidation.steps",),
    "auto_deleverage": ("auto_deleverage.rank", "auto_deleverage.selection"),
}


def with_parameters(tree: Tree, file: str) -> Tree:
    """The tree of a design in which every table has what it says to rules in `own`, converted. Raises DesignError.

    What has not the shape of a design is left as it is, for the conversion of the whole to explain.
    """
    made = dict(tree)
    markets = tree.get("markets")
    if isinstance(markets, list):
        made["markets"] = [of_market(one, f"markets[{number}]", file) for number, one in enumerate(markets)]
    for name in ("screen", "sequencing"):
        if name in tree:
            made[name] = of_one(tree[name], f"{name}.rule", name, file)
    for name in ("liquidation", "auto_deleverage"):
        if name in tree:
            made[name] = of_several(tree[name], name, file)
    result = of_several(made, "", file)
    assert isinstance(result, dict)
    return result


def of_market(market: object, at: str, file: str) -> object:
    if not isinstance(market, dict):
        return market
    own = {name: of_one(market[name], f"{name}.rule", f"{at}.{name}", file) for name in ("mark", "funding", "curve") if name in market}
    return {**market, **own}


def of_one(table: object, key: str, at: str, file: str) -> object:
    """A table that names one rule, whose keys stand in it."""
    common = keys_of(KINDS[key].home)
    name = table.get("rule", default_of(KINDS[key].home, "rule")) if isinstance(table, dict) else None
    if not isinstance(table, dict) or not isinstance(name, str):
        return table
    known_name(key, name, f"{at}.rule", file)
    rule = find(key, name)
    params = Parameters if rule is None else rule.params
    others = {field for other in rules_of(key) for field in other.params.__struct_fields__} - set(params.__struct_fields__)
    own = {field: value for field, value in table.items() if field not in common and field not in others}
    return {**{field: value for field, value in table.items() if field in common}, "own": convert(own, params, file, at, common)}


def roles_told(tree: Tree, file: str) -> None:
    """A curve says its role, since one that stands alone takes the market's book away. Raises DesignError."""
    for at, table in single_tables(tree):
        if at.endswith(".curve") and table.get("rule", "none") != "none" and "role" not in table:
            told = "'separate' (there is no book), 'interleaved', 'jit' or 'last_resort'"
            raise DesignError(f"{file}: missing key {at}.role: a curve says when an order meets it: {told}")


def keys_heard(own: Tree, whole: Tree, file: str) -> None:
    """What a file says itself is said to the rule that its design names; keys that it inherits may be those of other rules. DesignError."""
    rules = {at: table.get("rule") for at, table in single_tables(whole)}
    for at, table in single_tables(own):
        key = f"{at.rpartition('.')[2]}.rule"
        name = rules.get(at.replace("[*]", "[0]"), default_of(KINDS[key].home, "rule"))
        name = default_of(KINDS[key].home, "rule") if name is None else name
        rule = find(key, name) if isinstance(name, str) else None
        known = [*keys_of(KINDS[key].home), *(() if rule is None else rule.params.__struct_fields__)]
        for field in table if rule is not None or (isinstance(name, str) and name in KINDS[key].words) else ():
            other = next((one.name for one in rules_of(key) if field in one.params.__struct_fields__), None)
            if field not in known and other is not None:
                place = f"{at.replace('[*]', '[0]')}.{field}"
                raise DesignError(f"{file}: {place} is a key of rule = {other!r}, but the rule is {name!r}, which does not hear it")


def single_tables(tree: Tree) -> list[tuple[str, Tree]]:
    """(where it stands, itself) of every table that names one rule. A table [markets] stands for all of them."""
    found: list[tuple[str, object]] = [(name, tree.get(name)) for name in ("screen", "sequencing")]
    markets = tree.get("markets")
    listed = enumerate(markets) if isinstance(markets, list) else [("*", markets)]
    for number, market in listed:
        if isinstance(market, dict):
            found += [(f"markets[{number}].{name}", market.get(name)) for name in ("mark", "funding", "curve")]
    return [(at, table) for at, table in found if isinstance(table, dict)]


def of_several(table: object, at: str, file: str) -> object:
    """A table with keys that name rules, each of which may have a table in it."""
    if not isinstance(table, dict):
        return table
    named: list[tuple[str, str]] = []  # key, name
    made, own = dict(table), Tables()
    for key in SEVERAL[at]:
        named += names_in(table, key, file)
        static = keys_of(KINDS[key].home)
        for name in [field for field in made if field not in static]:
            rule = find(key, name)
            if rule is not None:
                own[name] = convert(made.pop(name), rule.params, file, f"{at}.{name}".removeprefix("."))
    for key, name in named:
        rule = find(key, name)
        if rule is not None and rule.params.__struct_fields__ and name not in keys_of(KINDS[key].home):
            own[name] = own.get(name) or convert({}, rule.params, file, f"{at}.{name}".removeprefix("."))
    used = {name for _, name in named}
    if "own" in made:
        raise DesignError(f"{file}: unknown key {f'{at}.own'.removeprefix('.')}")
    return {**made, "own": {name: given for name, given in own.items() if name in used}}


def names_in(table: Tree, key: str, file: str) -> list[tuple[str, str]]:
    """The rules that a key names, those that there are. Raises DesignError for one that is not."""
    last = key.rpartition(".")[2]
    value = table.get(last, default_of(KINDS[key].home, last))
    given = [(value, key)] if isinstance(value, str) else []
    if isinstance(value, list | tuple):
        given = [(one, f"{key}[{number}]") for number, one in enumerate(value) if isinstance(one, str)]
    for name, at in given:
        known_name(key, name, at, file)
    return [(key, name) for name, _ in given]


UNKNOWN_RULE: Final = (
    "; a rule of your own is registered when the file that holds it is imported: the command line finds it in an installed package with an "
    "entry point of perplab.rules"
)


def known_name(key: str, name: str, at: str, file: str) -> None:
    """Raises DesignError."""
    if find(key, name) is None and name not in KINDS[key].words:
        known = names_of(key)
        hint = nearest(name, known, or_list=False) or UNKNOWN_RULE
        raise DesignError(f"{file}: {at} is {name!r}: expected one of {', '.join(known)}{hint}")


def keys_of(table: type[Struct]) -> list[str]:
    """What every such table may say, whatever rules it names."""
    return [name for name in table.__struct_fields__ if name != "own"]


def default_of(table: type[Struct], key: str) -> object:
    defaults = table.__struct_defaults__
    names = table.__struct_fields__
    at = names.index(key) - (len(names) - len(defaults))
    return defaults[at] if at >= 0 else None
