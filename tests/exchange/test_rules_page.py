"""docs/rules.md tells all that there is to tell: each key of a curve, who may send each command; and its Python runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from perplab.exchange.codes import Reason
from perplab.exchange.design import parameters_curves as curves
from perplab.exchange.design.parameters import Parameters
from perplab.exchange.design.structs import CurveDesign
from perplab.exchange.messages import AUTHORITY, CommandQueued, CurveTraded, LiquidityRemoved, OrderPlaced, Role

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
CURVES = PAGE.partition("\n## Curves\n")[2].partition("\n## ")[0]
TABLES = [one for one in vars(curves).values() if isinstance(one, type) and issubclass(one, Parameters) and one is not Parameters]


def test_the_page_says_who_may_send_each_command() -> None:
    table = PAGE.partition("| who may send it | commands |")[2].partition("\n\n")[0]
    told = {head: set(re.findall(r"`(\w+)`", commands)) for head, commands in re.findall(r"^\| (.+?) \| (.+) \|$", table, re.MULTILINE)}
    for role in Role:
        assert told[role.value] == {command.__name__ for command, asked in AUTHORITY.items() if asked is role}
    owned = {command.__name__ for command, asked in AUTHORITY.items() if not isinstance(asked, Role)}
    assert told["the owner of the `account` that it names"] == owned


def test_no_line_stands_twice_and_no_blank_line_is_left_over() -> None:
    prose = re.sub(r"^```.*?^```", "code", PAGE, flags=re.MULTILINE | re.DOTALL)
    lines = [line for line in prose.splitlines() if len(line) > 30 and not line.startswith(("|", " "))]
    assert [line for line in lines if lines.count(line) > 1] == [] and "\n\n\n" not in prose


@pytest.mark.parametrize("table", [CurveDesign, *TABLES], ids=lambda table: table.__name__)
def test_the_page_names_each_key_of_a_curve(table: type[Parameters]) -> None:
    assert len(TABLES) == 6
    assert [name for name in table.__struct_fields__ if name != "own" and f"`{name}`" not in CURVES] == []


def test_what_the_page_says_in_capitals_is_a_reason() -> None:
    named = set(re.findall(r"\(`([A-Z]+_[A-Z_]+)`\)", CURVES))
    assert {"NO_BOOK", "NO_CURVE", "POOL_MARGIN", "LIQUIDITY_LOCKED", "LIQUIDITY_LIMIT", "VENUE_SHORT"} <= named <= set(Reason.__members__)


def test_the_python_of_the_page_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(block, "rules.md", "exec"), names)
    assert capsys.readouterr().out.splitlines() == re.findall(r"^print\(.*\) +# (.+)$", block, re.MULTILINE)
    for name, kind in {"traded": CurveTraded, "removed": LiquidityRemoved, "queued": CommandQueued, "placed": OrderPlaced}.items():
        assert isinstance(names[name], kind), name
