"""What the venue has no mechanism for."""
from typing import Final

UNCOVERED: Final[dict[tuple[str, str], str]] = {}
