"""The examples that use a client, and the README's, against the real server, in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_sockets import Server
from updates import Updates

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
STEPPED = "--clock step --seed 1 --trust"
EMPTY = "--venue auction_fund_adl --world none --clock step --trust"
SERVED = {  # how the server is started at which an example prints what lies in its .out file
    "quote.py": STEPPED, "take.py": STEPPED, "twap.py": STEPPED, "oco.py": STEPPED, "hedge.py": STEPPED,
    "size.py": STEPPED, "kill_switch.py": STEPPED, "bracket.py": STEPPED,
    "bidder.py": EMPTY, "bot.py": STEPPED, "blocks.py": f"--venue {EXAMPLES / 'blocks.toml'} {STEPPED}",
    "hedged_spot.py": "--venue portfolio --world none --clock step --trust",
    "provide_liquidity.py": f"--venue {EXAMPLES / 'pool.toml'} --world none --clock step --trust",
}  # fmt: skip
RUNNING = {  # what some say at a server whose clock runs, and that wants keys
    "quote.py": r"quoted ETH 10 times, \d+ fills, -?\d+\.\d\d USD of fees, 0 orders left\n",
    "take.py": r"(FILLED|CANCELLED): bought 0\.0\d* BTC at [\d,]+\.\d\d USD, the ask was [\d,]+ USD\n",
    "twap.py": r"(filled|all slices were sent): [\d,]+ SOL in 5 slices at \d+\.\d{3} USD, \d+ left\nthe same at once, .*\n",
    "kill_switch.py": r"tripped: .*\n(  .*\n)+left: 0 orders, 0 positions\nnothing opens a position until switch\.reset\(\)\n",
    "hedge.py": r"(ETH counts .*\n)+cancelled: the hedge ends with .*\n",
}


def said(name: str, port: int) -> str:
    command = [sys.executable, str(EXAMPLES / name), str(port)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", SERVED)
def test_an_example_says_the_same_each_time(name: str, updates: Updates) -> None:
    """With a stepped clock and a seed, to the last byte."""
    path = EXAMPLES / name
    expected = path.with_suffix(".out")
    server = Server(*SERVED[name].split())
    try:
        out = said(name, server.port)
    finally:
        server.stop()
    if updates.on:
        expected.touch()
        updates.put(expected, expected.read_text(encoding="utf-8"), out)
    assert updates.on or out == expected.read_text(encoding="utf-8")
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 60


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server("--clock", "x4")
    yield server
    server.stop()


@pytest.mark.parametrize("name", RUNNING)
def test_an_example_at_a_clock_that_runs(server: Server, name: str) -> None:
    out = said(name, server.port)
    assert re.fullmatch(RUNNING[name], out), out


def test_the_client_of_the_readme_runs(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    readme = (EXAMPLES.parent / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    (block,) = (block for block in blocks if "SyncClient" in block)
    exec(compile(block.replace("3100", str(server.port)), "README.md", "exec"), {})
    assert re.fullmatch(r"0\.01000 \(Position\(market='BTC', .* mode=CROSS, .*\),\) CANCELLED\n", capsys.readouterr().out)


def test_every_example_is_tried() -> None:
    lab = {"lab_notebook.py", "dip_buyer.py"}  # tried by tests/lab/test_notebook.py
    assert {path.name for path in EXAMPLES.glob("*.py")} == {*SERVED, "first_fill.py", *lab}
    assert {path.stem for path in EXAMPLES.glob("*.out")} == {Path(name).stem for name in (*SERVED, "lab_notebook.py")}
