"""help() on both builds: what is compiled keeps the docstrings and signatures of its source, which lies beside it."""

from __future__ import annotations

import ast
import inspect
import pydoc
from pathlib import Path
from typing import Any

import pytest

import perplab.exchange
from perplab.exchange import Exchange, Journal, VenueDesign, load_venue, replay
from perplab.exchange.journal import JournalSink
from perplab.exchange.liquidation import backstops, desk, ranks
from perplab.exchange.trading import funding, mark

FOLDER = Path(perplab.exchange.__file__).parent
CLASSES: tuple[type[Any], ...] = (
    Exchange, Journal, JournalSink, VenueDesign, mark.MarkRule, funding.FundingRule, desk.LiquidationStep,
    backstops.Backstop, ranks.AdlRank, ranks.HyperliquidIndex,
)  # fmt: skip


def source_of(thing: Any) -> ast.ClassDef | ast.FunctionDef:
    """The syntax of a class or function of perplab.exchange, from the file that ships."""
    path = FOLDER.joinpath(*thing.__module__.split(".")[2:]).with_suffix(".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return next(node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == thing.__name__)


def methods_of(node: ast.ClassDef) -> list[ast.FunctionDef]:
    """Its public methods, no properties."""
    found = [one for one in node.body if isinstance(one, ast.FunctionDef) and not one.decorator_list]
    return [one for one in found if not one.name.startswith("_") or one.name == "__init__"]


def described(arguments: ast.arguments) -> list[tuple[str, bool]]:
    """The names of a function's arguments, and which have a default; `self` left out."""
    names = [one.arg for one in [*arguments.posonlyargs, *arguments.args]]
    required = len(names) - len(arguments.defaults)
    return [(name, number >= required) for number, name in enumerate(names) if name != "self"]


def told(signature: inspect.Signature) -> list[tuple[str, bool]]:
    return [(one.name, one.default is not one.empty) for one in signature.parameters.values() if one.name != "self"]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_a_class_keeps_its_docstring(cls: type[Any]) -> None:
    written = ast.get_docstring(source_of(cls))
    assert written, "a public class says what it is"
    assert inspect.getdoc(cls) == written


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_a_method_keeps_its_docstring_and_signature(cls: type[Any]) -> None:
    node = source_of(cls)
    assert isinstance(node, ast.ClassDef)
    for method in methods_of(node):
        if method.name == "__init__":
            assert told(inspect.signature(cls)) == described(method.args)
            continue
        attribute = getattr(cls, method.name)
        assert told(inspect.signature(attribute)) == described(method.args), method.name
        assert inspect.cleandoc(attribute.__doc__ or "") == (ast.get_docstring(method) or ""), method.name


@pytest.mark.parametrize("function", [load_venue, replay, backstops.equity_behind])
def test_a_function_keeps_its_docstring_and_signature(function: Any) -> None:
    node = source_of(function)
    assert isinstance(node, ast.FunctionDef)
    assert (inspect.getdoc(function) or None) == ast.get_docstring(node)
    assert told(inspect.signature(function)) == described(node.args)


def test_help_shows_it() -> None:
    page = pydoc.plain(pydoc.render_doc(Exchange))
    assert "One venue, for one thread: it holds no locks. `reserve_orders` and `reserve_accounts` size the tables at first" in page
    assert "Carry out one typed command. Raises Malformed." in page
    assert "command" in str(inspect.signature(Exchange.apply))
