"""Names of a package that are loaded when they are asked for, so that the command line starts without numpy."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module


def loaded(package: str, modules: Mapping[str, str], name: str) -> object:
    """What a package calls `name`, from the module below it that `modules` says; the package keeps it. AttributeError: it has no such."""
    if name not in modules:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    found: object = getattr(import_module(f".{modules[name]}", package), name)
    setattr(sys.modules[package], name, found)
    return found
