"""What made a result: results of two programs are never mixed, since one may have found what the other would not.

Rules of the file: cheap, and the same wherever the same program runs: in the process of the command line, in a worker, on a cluster.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final, TypeAlias

from ..comparison.report import made_by

PACKAGES: Final = ("perplab.exchange", "perplab.oracle", "perplab.lab")  # what a run is made by

Identity: TypeAlias = dict[str, str]


def identity() -> Identity:
    """Version, build (compiled or interpreted), Python, numpy, and `code`, a hash of the sources: a version may be under work."""
    return {**made_by(), "code": code_hash()}


@cache
def code_hash() -> str:
    """Of all Python files of the packages, by name and content."""
    made = hashlib.sha256()
    for package in PACKAGES:
        found = find_spec(package)
        places = found.submodule_search_locations if found else None
        for place in map(Path, places or ()):
            for path in sorted(place.rglob("*.py")):
                made.update(f"{package}/{path.relative_to(place).as_posix()}\n".encode() + path.read_bytes())
    return made.hexdigest()[:16]


def differences(before: Identity, now: Identity) -> list[str]:
    """What differs between two programs, in words; none if they are one."""
    return [f"{key} {before.get(key, '(unknown)')}, here {now[key]}" for key in now if before.get(key) != now[key]]
