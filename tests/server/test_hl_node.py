"""@nktkas/hyperliquid, a client in JavaScript, against `perplab serve`: a bot of one screen (hyperliquid.mjs)."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from test_first_fill import NODE, node
from test_hl_ccxt import url as url

SCRIPT = Path(__file__).parent / "hyperliquid.mjs"
SAID = """account 10000 BTC is asset 0
levels true,true
order open true
cancel success
filled 0.01
position 0.01 5
"""


def test_a_bot_in_javascript_trades(url: str) -> None:
    found = node()
    if found is None or not (NODE / "node_modules" / "@nktkas").is_dir():
        assert not os.environ.get("PERPLAB_NODE"), "no Node.js, or no client for it, and PERPLAB_NODE says that it must be tried: make node"
        pytest.skip("no Node.js with @nktkas/hyperliquid: make node")
    shutil.copy(SCRIPT, NODE)
    done = subprocess.run([found, SCRIPT.name, url], cwd=NODE, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (0, SAID), done.stderr
