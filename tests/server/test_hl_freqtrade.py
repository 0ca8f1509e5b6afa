"""freqtrade's exchange layer against `perplab serve`, dry and live, configured by `ccxt_config` alone (freqtrade_calls.py)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hl_serve_kit import served

HERE = Path(__file__).resolve().parent
PYTHON = HERE.parent.parent / "build" / "freqtrade" / "bin" / "python"  # made by `make freqtrade`, since it is 770 MB


def test_a_bot_of_freqtrade_trades() -> None:
    if not PYTHON.is_file():
        assert not os.environ.get("PERPLAB_FREQTRADE"), "no freqtrade, and PERPLAB_FREQTRADE says that it must be tried: make freqtrade"
        pytest.skip("no freqtrade: make freqtrade")
    with served() as url:
        done = subprocess.run([PYTHON, HERE / "freqtrade_calls.py", url], capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stdout) == (0, "dry Hyperliquid\nlive Hyperliquid\n"), done.stderr
