"""What the dashboard is made of: small readable scripts, no markup made of values, nothing from elsewhere, colours with contrast."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "exchange" / "server" / "dashboard"
SCRIPTS = sorted((FOLDER / "js").glob("*.js"))
OWN = [*SCRIPTS, FOLDER / "index.html", FOLDER / "style.css", FOLDER / "icon.svg"]
MARKUP = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc|DOMParser|\bstyle=\"|\son\w+=\"")
ELSEWHERE = re.compile(r"(?:src|href|url|import|fetch|from)\W{1,3}(?:https?:)?//[^\"')\s]+")
LINKS = ['href="https://www.tradingview.com/']  # a link is followed by who clicks it; the licence of the charts asks for this one
SCRIPT_LINES, LINE = 300, 140
LEAST_CONTRAST = 4.5  # WCAG 2.2, AA, of text
PAIRS = (
    *(("panel", name) for name in ("text", "soft", "up", "down", "mark", "oracle", "adl", "warn")), ("page", "text"), ("page", "soft"),
    ("raised", "text"), ("raised", "soft"), ("up", "on-up"), ("down", "on-down"), ("accent", "on-accent"),
)  # fmt: skip


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_small_and_say_what_they_are(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("// ") and len(lines) < SCRIPT_LINES
    assert not [line for line in lines if len(line) > LINE or line != line.rstrip() or "\t" in line]


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_no_markup_is_made_of_values_and_nothing_comes_from_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not MARKUP.findall(text)
    assert [found for found in ELSEWHERE.findall(text) if found not in LINKS] == []


def test_licences_are_kept() -> None:
    for name, words in (("lightweight-charts", "Apache License"), ("uplot", "MIT License")):
        assert words in (FOLDER / "vendor" / name / "LICENSE").read_text(encoding="utf-8")


def test_ids_that_scripts_ask_for_are_on_the_page() -> None:
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    there = re.findall(r'\bid="([\w-]+)"', page)
    asked = {name for path in SCRIPTS for name in re.findall(r'byId\("([\w-]+)"\)', path.read_text(encoding="utf-8"))}
    assert len(there) == len(set(there)) and asked <= set(there)


def colours(theme: str) -> dict[str, str]:
    text = (FOLDER / "style.css").read_text(encoding="utf-8")
    found = re.search(rf'\[data-theme="{theme}"\] \{{(.*?)\n\}}', text, re.DOTALL)
    assert found
    told = re.findall(r"--([\w-]+): #([0-9a-f]{6}|[0-9a-f]{3});", found[1])
    return {name: value if len(value) == 6 else "".join(2 * one for one in value) for name, value in told}


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance of an sRGB colour."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_text_has_contrast(theme: str) -> None:
    found = colours(theme)
    for below, above in PAIRS:
        low, high = sorted((luminance(found[below]), luminance(found[above])))
        assert (high + 0.05) / (low + 0.05) >= LEAST_CONTRAST, f"{theme}: --{above} on --{below} has {(high + 0.05) / (low + 0.05):.2f}"
