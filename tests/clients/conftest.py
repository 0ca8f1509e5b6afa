"""The tests of the clients use what those of the server have: a real server in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "server"))
