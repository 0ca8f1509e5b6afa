"""Names that become file names: those of designs and scenarios.

Rule: what is allowed here is allowed in a file name on every system, and can be told apart in a list separated by commas.
"""

from __future__ import annotations

import re
from typing import Final

MAX_BYTES: Final = 100  # with "-seed2147483648.journal" behind it, a file name has room to spare
ALLOWED: Final = re.compile(r"\w[\w.+-]*")


def wrong_name(name: str) -> str:
    """What is wrong with a name: "'a/b' given, expected ..."; "" if nothing is."""
    if len(name.encode("utf-8", "replace")) > MAX_BYTES:
        return f"{name[:20] + '...'!r} given, expected at most {MAX_BYTES} bytes, since files are named after it"
    if not ALLOWED.fullmatch(name):
        return f"{name!r} given, expected letters, digits, _ - + and . (not first), since files are named after it"
    return ""
