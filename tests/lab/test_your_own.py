"""docs/your-own.md does what it says: its files are written and its commands run, in its order, in an empty folder."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "your-own.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECONDS = 300  # of one command: a hang fails the test instead of the suite


def run(line: str, folder: Path) -> str:
    """Standard output of a command of the page; the test fails with all it said if it fails."""
    program, *words = shlex.split(line)
    command = {"perplab": [sys.executable, "-m", "perplab.lab.cli"], "python": [sys.executable]}[program]
    done = subprocess.run([*command, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_page_works_from_its_first_line_to_its_last(tmp_path: Path) -> None:
    said: dict[str, str] = {}
    for kind, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if kind == "sh":
            said |= {line: run(line, tmp_path) for line in text.splitlines()}
        else:  # its first line names its file
            named = re.match(r"# (\S+\.(?:toml|py))\n", text)
            assert named, f"a block of {kind} that does not begin with its file's name:\n{text}"
            (tmp_path / named[1]).write_text(text, encoding="utf-8")
    assert len(said) >= 9
    told = {line.split()[1]: text for line, text in said.items() if not line.startswith("perplab compare")}
    lines = told["finding.py"].splitlines()
    assert re.fullmatch(r"the bots won -?[\d,.]+ USD and hold -?\d+ lots, of [\d,]+ commands in all", lines[0])
    assert re.fullmatch(r"total cost against book_fund_adl: -?[\d,]+ to -?[\d,]+ USD, (not )?distinguished", lines[1])
    assert re.fullmatch(r"[0-9a-f]{32}\n", told["replay"])
    repeated = next(text for line, text in said.items() if "--from-report" in line)
    assert repeated.endswith("all state hashes and metrics of its 2 runs are equal.\n")
    own = next(text for line, text in said.items() if "--own-capital" in line)
    assert "mine insurance fund 10 M USD, poor insurance fund 1 M USD." in " ".join(own.split())
    broken = " ".join(next(text for line, text in said.items() if "outage.toml" in line).split())
    assert "5 dip_buyers (my_bot.py:DipBuyer)" in broken and "oracle_frozen from 70 s to 90 s" in broken
    based = next(text for line, text in said.items() if "--baseline" in line)
    assert "difference to mine" in based
    assert len({path.name for path in (tmp_path / "out").iterdir()}) == 10, "each scenario, file and set of settings has its folder"


def test_the_readme_leads_there() -> None:
    assert "(docs/your-own.md)" in (PAGE.parents[1] / "README.md").read_text(encoding="utf-8")
