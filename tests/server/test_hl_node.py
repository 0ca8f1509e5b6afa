"""Clients in JavaScript against `perplab serve`: @nktkas/hyperliquid (hyperliquid.mjs) and ccxt (ccxt.mjs)."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from test_first_fill import NODE, node
from test_hl_ccxt import url as url

HERE = Path(__file__).parent
BOT = """account 10000.0 BTC is asset 0
levels true,true
order open true
cancel success
filled 0.01
position 0.01 5
answers 38
done 26 refused unsupported in sandbox: nobody leads vaults here
heard 18
unknown Error parsing JSON into valid websocket request: {
"""
CCXT = """reads 16 lists 13
open orders 0
position 0.1 isolated 5
out 0 true
withdrawn 5
unwatched true
untried unWatchBalance,unWatchPositions
"""


@pytest.mark.parametrize(("script", "package", "said"), [("hyperliquid.mjs", "@nktkas", BOT), ("ccxt.mjs", "ccxt", CCXT)])
def test_a_client_in_javascript(url: str, script: str, package: str, said: str) -> None:
    found = node()
    if found is None or not (NODE / "node_modules" / package).is_dir():
        assert not os.environ.get("PERPLAB_NODE"), (
            f"no Node.js, or no {package} for it, and PERPLAB_NODE says that it must be tried: make node"
        )
        pytest.skip(f"no Node.js with {package}: make node")
    shutil.copy(HERE / script, NODE)
    done = subprocess.run([found, script, url], cwd=NODE, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (0, said), done.stderr
