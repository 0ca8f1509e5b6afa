"""Designs read: a shipped one by name, a user's file by path, and the one in a journal's header.

A design may extend another (`extends = "base"`) and override single keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec

from .checks import VenueError as VenueError
from .checks import checked
from .parameters import FundDesign as FundDesign
from .reader import DesignError, Tree, convert, merged, nearest, read_toml
from .structs import VenueDesign as VenueDesign
from .tables import keys_heard, roles_told, with_parameters

NOT_LISTED: Final = ("base", "sandbox", "testnet", "portfolio")  # what the others extend; and venues that have several markets
COMPARED: Final = (  # by default: they differ in how a position is closed and in who pays, and in nothing else; in that order
    "book_fund_adl",
    "book_vault_adl",
    "book_fund_social",
    "auction_fund_social",
    "auction_fund_adl",
    "social_only",
)


def design_of(tree: Tree, file: str) -> VenueDesign:
    """The design that a tree in the shape of its TOML describes. Raises VenueError, which names the file."""
    try:
        venue = checked(convert(with_parameters(tree, file), VenueDesign, file), file)
        roles_told(tree, file)
        return venue
    except VenueError:
        raise
    except DesignError as error:
        raise VenueError(str(error)) from None


def venue_of_json(data: bytes, file: str = "journal header") -> VenueDesign:
    """The design in a journal's header, or in whatever `file` says. Raises VenueError."""
    try:
        tree = msgspec.json.decode(data, type=dict[str, object])
    except msgspec.DecodeError as error:
        raise VenueError(f"{file}: not a design: {error}") from None
    return design_of(tree, file)


def shipped_venues() -> list[str]:
    """Names of the designs of one market that come with perplab: those that are compared by default, and those of real venues."""
    names = [path.name.removesuffix(".toml") for path in files(__package__).joinpath("presets").iterdir() if path.name.endswith(".toml")]
    return sorted(name for name in names if name not in NOT_LISTED)


def compared_venues() -> list[str]:
    """Names of the shipped designs that a comparison is made of if nothing else is said, in the order of its table."""
    return list(COMPARED)


def load_venue(name: str | Path, overrides: Mapping[str, object] | None = None) -> VenueDesign:
    """A shipped design by name, or a file by path; `overrides` is laid over it. Raises VenueError."""
    try:
        path, tree = resolved(str(name))
        return design_of(merged(tree, overrides or {}), path.name)
    except VenueError:
        raise
    except DesignError as error:
        raise VenueError(str(error)) from None


def resolved(name: str, below: tuple[Path, ...] = ()) -> tuple[Path, Tree]:
    """The file of a design and its tree, what it extends included; `below` are the files that extend it."""
    path = venue_path(name)
    tree = read_toml(path)
    parent = tree.pop("extends", None)
    if parent is not None:
        beside = path.parent / f"{parent}.toml"
        found = beside if beside.is_file() else Path(str(files(__package__).joinpath("presets", f"{parent}.toml")))
        known = sorted({*shipped_venues(), *NOT_LISTED})
        if not isinstance(parent, str) or not found.is_file():
            raise VenueError(f"{path.name}: extends is {parent!r}: expected a design beside it or a shipped one{nearest(parent, known)}")
        if found in (*below, path):
            raise VenueError(f"{path.name}: extends is {parent!r}: expected a design that does not extend this one")
        _, base = resolved(str(found), (*below, path))
        own, tree = tree, merged(base, {"name": path.stem, **tree})
        keys_heard(own, tree, path.name)
    else:
        keys_heard(tree, tree, path.name)
    return path, {"name": path.stem, **tree}


def venue_path(name: str) -> Path:
    if name.endswith(".toml"):
        if not Path(name).is_file():
            raise VenueError(f"venue file {name}: not found")
        return Path(name)
    path = Path(str(files(__package__).joinpath("presets", f"{name}.toml")))
    if not path.is_file():
        raise VenueError(f"unknown venue {name!r}{nearest(name, shipped_venues())}")
    return path
