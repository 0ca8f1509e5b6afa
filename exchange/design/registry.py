"""The registry of rules: (key of the TOML, name) -> what makes the rule from its own table.

A rule is known by the key that names it and by its name: `auto_deleverage.rank`, "random". What ships is registered through the same
door as a user's own (`shipped.py`). A name that nobody has registered is looked for among the entry points of installed packages.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Final, NamedTuple, NoReturn, TypeVar, overload

from msgspec import Struct
from msgspec.structs import fields

from ..liquidation.backstops import Backstop
from ..liquidation.ranks import AdlRank
from ..liquidation.screening import Screen
from ..liquidation.selections import AdlSelection
from ..liquidation.steps import LiquidationStep
from ..trading.curve import Curve
from ..trading.funding import FundingRule
from ..trading.mark import MarkRule
from ..trading.sequencing import Sequencing
from .parameters import Parameters
from .reader import DesignError, nearest
from .structs import (
    AdlDesign,
    CurveDesign,
    FundingDesign,
    LiquidationDesign,
    MarkDesign,
    ScreenDesign,
    SequencingDesign,
    VenueDesign,
)

GROUP: Final = "perplab.rules"  # of entry points: each names a module that registers rules when it is imported
R = TypeVar("R", bound=type)
Maker = Callable[..., object]  # of a rule, from its Parameters and the place where it is used (shipped.py)


class Kind(NamedTuple):
    """A place in a design that names rules: one, with its keys beside the name, or several, each with a table of its name."""

    base: type  # of its rules
    home: type[Struct]  # the table that it is in
    words: tuple[str, ...] = ()  # that may stand there besides the names of rules

    @property
    def is_single(self) -> bool:
        """Is it `rule = NAME`, the keys of the rule beside it?"""
        return "rule" in self.home.__struct_fields__


KINDS: Final[dict[str, Kind]] = {  # by the key that names them
    "mark.rule": Kind(MarkRule, MarkDesign),
    "funding.rule": Kind(FundingRule, FundingDesign),
    "curve.rule": Kind(Curve, CurveDesign, ("none",)),
    "sequencing.rule": Kind(Sequencing, SequencingDesign),
    "screen.rule": Kind(Screen, ScreenDesign, ("auto",)),
    "liquidation.steps": Kind(LiquidationStep, LiquidationDesign),
    "backstops": Kind(Backstop, VenueDesign, ("auto_deleverage",)),
    "auto_deleverage.rank": Kind(AdlRank, AdlDesign),
    "auto_deleverage.selection": Kind(AdlSelection, AdlDesign),
}


class Rule(NamedTuple):
    """A registered rule."""

    key: str
    name: str
    rule: type
    params: type[Parameters]
    make: Maker | None  # None: the class itself, from its parameters if it has any

    def made(self, given: object, place: object) -> object:
        """The rule, of what its table says."""
        if self.make is not None:
            return self.make(given, place)
        return self.rule() if self.params is Parameters else self.rule(given)


RULES: Final[dict[tuple[str, str], Rule]] = {}
searched: list[str] = []  # GROUP, once its entry points have been loaded


class RegisterError(DesignError):
    """A rule that cannot be registered; the message is complete."""


@overload
def register(key: str, name: str, rule: R, *, params: type[Parameters] = ..., make: Maker | None = ...) -> R: ...
@overload
def register(key: str, name: str, *, params: type[Parameters] = ..., make: Maker | None = ...) -> Callable[[R], R]: ...
def register(
    key: str, name: str, rule: R | None = None, *, params: type[Parameters] = Parameters, make: Maker | None = None
) -> R | Callable[[R], R]:
    """Let designs name a rule: `@register("auto_deleverage.rank", "mine")` above its class, or a call with it. Raises RegisterError.

    `key` is where a design names it, one of KINDS. With `params`, a subclass of Parameters, the class is called with what the rule's table
    says; without, with nothing. `make` stands in for the class where that is called otherwise.
    """

    def add(rule: R) -> R:
        examine(key, name, rule, params)
        RULES[key, name] = Rule(key, name, rule, params, make)
        return rule

    return add if rule is None else add(rule)


def examine(key: str, name: str, rule: object, params: object) -> None:
    """Raises RegisterError."""

    def refuse(told: str) -> NoReturn:
        raise RegisterError(f"register({key!r}, {name!r}): {told}")

    if key not in KINDS:
        refuse(f"no key of a design that names rules{nearest(key, list(KINDS))}")
    kind = KINDS[key]
    if not isinstance(name, str) or not name.isidentifier():
        refuse("expected a name of letters, digits and underscores")
    if not isinstance(rule, type) or not issubclass(rule, kind.base):
        given = rule.__name__ if isinstance(rule, type) else repr(rule)
        refuse(f"{given} is no rule of that kind: expected a subclass of {kind.base.__name__}")
    if not isinstance(params, type) or not issubclass(params, Parameters):
        refuse(f"params is {params!r}: expected a subclass of Parameters")
    keys = {field.encode_name: field.type for field in fields(kind.home)}
    clash = next((field for field in params.__struct_fields__ if field == "own" or (kind.is_single and field in keys)), None)
    if clash is not None:
        refuse(f"params has {clash!r}, a key that the table has for every rule")
    if name in kind.words or (not kind.is_single and keys.get(name, params) is not params):
        refuse("the name has another meaning there")
    taken = next((one for one in RULES.values() if one.name == name and beside(one.key) == beside(key)), None)
    if taken is not None:
        by = f"{taken.rule.__module__}.{taken.rule.__qualname__}"
        refuse(f"the name is taken by {by}, registered for {taken.key}; forget({taken.key!r}, {name!r}) frees it")


def beside(key: str) -> str:
    """Where the tables of a kind's rules stand: of two with one name there nobody could say which is meant."""
    return "auto_deleverage" if key.startswith("auto_deleverage.") else key


def forget(key: str, name: str) -> None:
    """Undo `register`, as before a class is defined again in a notebook. A name that is not registered is no error."""
    RULES.pop((key, name), None)


def find(key: str, name: str) -> Rule | None:
    """The rule that a design names. Raises DesignError where an installed package with rules cannot be loaded."""
    found = RULES.get((key, name))
    if found is None and name not in KINDS[key].words:
        load_entry_points()
        found = RULES.get((key, name))
    return found


def load_entry_points() -> None:
    """Import what installed packages name as rules, once. Raises DesignError."""
    if GROUP in searched:
        return
    searched.append(GROUP)
    for point in sorted(entry_points(group=GROUP), key=lambda one: (one.name, one.value)):
        try:
            point.load()
        except (ImportError, AttributeError, RegisterError) as error:
            raise DesignError(f"entry point {point.name!r} of {GROUP} ({point.value}) cannot be loaded: {error}") from None


def rules_of(key: str) -> list[Rule]:
    """Those that a key may name, by name."""
    return sorted((rule for rule in RULES.values() if rule.key == key), key=lambda rule: rule.name)


def names_of(key: str) -> list[str]:
    """All that may stand at a key."""
    return sorted([*(rule.name for rule in rules_of(key)), *KINDS[key].words])
