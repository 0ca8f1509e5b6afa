"""A report's table as a picture, for a page where no terminal is."""

from __future__ import annotations

import io
import re
from typing import Final

from rich.console import Console

from .report import Report
from .table import Overview

WIDTH: Final = 140  # [characters] six designs side by side
FONT: Final = re.compile(r"@font-face\s*\{.*?\}\s*", re.DOTALL)  # it would be fetched from elsewhere; the reader's own serves


def svg(report: Report, title: str) -> str:
    """The overview of a report as SVG, drawn as a dark terminal."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Overview(report, "`perplab docs metrics` defines every metric."))
    return FONT.sub("", console.export_svg(title=title, unique_id="perplab"))
