"""docs/rules.md tells all that there is to tell: who may send each command."""

from __future__ import annotations

import re
from pathlib import Path

from perplab.exchange.messages import AUTHORITY, Role

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")


def test_the_page_says_who_may_send_each_command() -> None:
    table = PAGE.partition("| who may send it | commands |")[2].partition("\n\n")[0]
    told = {head: set(re.findall(r"`(\w+)`", commands)) for head, commands in re.findall(r"^\| (.+?) \| (.+) \|$", table, re.MULTILINE)}
    for role in Role:
        assert told[role.value] == {command.__name__ for command, asked in AUTHORITY.items() if asked is role}
    owned = {command.__name__ for command, asked in AUTHORITY.items() if not isinstance(asked, Role)}
    assert told["the owner of the `account` that it names"] == owned


def test_no_line_stands_twice_and_no_blank_line_is_left_over() -> None:
    lines = [line for line in PAGE.splitlines() if len(line) > 30 and not line.startswith(("|", " "))]
    assert [line for line in lines if lines.count(line) > 1] == [] and "\n\n\n" not in PAGE
