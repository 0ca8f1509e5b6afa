"""The blocks of docs/clients.md that are marked `python` run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

from perplab.testing import local_exchange

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "clients.md"


def test_the_blocks_of_the_page_run() -> None:
    client = local_exchange(world="sandbox")
    client.faucet("100000")
    names: dict[str, object] = {"client": client}
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, PAGE.name, "exec"), names)
