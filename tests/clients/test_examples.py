"""The examples that use a client, and the README's, against the real server, in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_sockets import Server

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
TOLD = {
    "quote.py": r"quoted ETH 10 times, \d+ fills, 0 orders left\n",
    "take.py": r"(FILLED|CANCELLED): bought 0\.0\d* BTC at [\d,]+\.\d\d USD, the ask was [\d,]+ USD\n",
    "twap.py": r"bought 20 SOL in 5 slices at \d+\.\d{3} USD on average, 0 left\n",
    "kill_switch.py": r"stopped: 0 orders and 0 positions are open\n",
}


@pytest.fixture(scope="module", params=[True, False], ids=["trusting", "by key"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    server = Server(*(["--trust"] if request.param else []))
    yield server
    server.stop()


@pytest.mark.parametrize("name", TOLD)
def test_an_example_says_what_it_did(server: Server, name: str) -> None:
    command = [sys.executable, str(EXAMPLES / name), str(server.port)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(TOLD[name], done.stdout), done.stdout
    assert len((EXAMPLES / name).read_text(encoding="utf-8").splitlines()) <= 60


def test_the_client_of_the_readme_runs(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    readme = (EXAMPLES.parent / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    (block,) = (block for block in blocks if "SyncClient" in block)
    exec(compile(block.replace("3100", str(server.port)), "README.md", "exec"), {})
    assert re.fullmatch(r"0\.01000 \(Position\(market='BTC', .*\),\) 2\n", capsys.readouterr().out)


def test_every_example_is_tried() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == {*TOLD, "first_fill.py"}
