"""Reading designs: TOML to frozen structs, with errors that name file, key, value given, what was expected and the nearest known name."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T", bound=msgspec.Struct)
Tree = dict[str, object]


class DesignError(ValueError):
    """A design file that cannot be used; the message is complete."""


def read_toml(path: Path) -> Tree:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise DesignError(f"{path}: cannot be read: {error.strerror}") from None
    except RecursionError:
        raise DesignError(f"{path}: not valid TOML: nested too deeply") from None
    except ValueError as error:  # of the syntax, of the text's encoding, and of numbers with thousands of digits
        raise DesignError(f"{path}: not valid TOML: {error}") from None


def merged(base: Mapping[str, object], over: Mapping[str, object]) -> Tree:
    """`over` laid on `base`, table by table; anything but a table is replaced, lists as a whole.

    So `[[markets]]` replaces all markets. A table laid on a list of tables is laid on each: `[markets]` changes keys of all markets.
    """
    result: Tree = dict(base)
    for key, value in over.items():
        old = result.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            result[key] = merged(old, value)
        elif isinstance(old, list) and old and isinstance(value, dict) and all(isinstance(item, dict) for item in old):
            result[key] = [merged(item, value) for item in old]
        else:
            result[key] = value
    return result


def nearest(given: object, known: list[str], or_list: bool = True) -> str:
    """"; did you mean 'x'?", or else the list of what is known."""
    close = difflib.get_close_matches(str(given), known, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return (f"; known: {', '.join(known)}" if known else "; none is known") if or_list else ""


def at_path(tree: object, path: str) -> object:
    """The value at a msgspec error path such as `$.markets[0].tick`."""
    for name, number in re.findall(r"\.([^.\[]+)|\[(\d+)\]", path):
        if name and isinstance(tree, dict):
            tree = tree.get(name)
        elif number and isinstance(tree, list):
            tree = tree[int(number)]
    return tree


def convert(tree: object, kind: type[T], file: str, at: str = "", beside: list[str] | None = None) -> T:
    """A validated struct of `tree`, which is found in the file `at` a key, with the keys `beside` in the same table. Raises DesignError."""
    try:
        return msgspec.convert(tree, kind, strict=False)
    except msgspec.ValidationError as error:
        raise DesignError(f"{file}: {explain(str(error), tree, kind, at, beside or [])}") from None


def explain(message: str, tree: object, kind: type[msgspec.Struct], at: str = "", beside: list[str] | None = None) -> str:
    text, _, path = message.partition(" - at `")
    path = path.rstrip("`") or "$"
    unknown = re.search(r"unknown field `(.+)`", text)
    key = (at + path.removeprefix("$")).removeprefix(".")
    if unknown:
        place = f"{key}.{unknown[1]}" if key else unknown[1]
        value = at_path(tree, f"{path}.{unknown[1]}")
        told = "" if isinstance(value, dict | list) else f" = {value!r}"
        return f"unknown key {place}{told}{nearest(unknown[1], [*(beside or []), *fields_at(kind, path)])}"
    missing = re.search(r"missing required field `(.+)`", text)
    if missing:
        listed = re.match(r"(\w+)\[\d+\]$", key)
        hint = f"; [[{listed[1]}]] is a list of its own, [{listed[1]}] changes keys of the list that is extended" if listed else ""
        return f"missing key {f'{key}.' if key else ''}{missing[1]}{hint}"
    given = at_path(tree, path)
    if isinstance(given, dict) and holds_tables(type_at(kind, path)):
        return f"{key} is a table: expected [[{key}]], a list of tables; [{key}] changes keys of the list that is extended, if any is"
    known = choices_at(kind, path)
    if known:
        return f"{key} is {given!r}: expected one of {', '.join(known)}{nearest(given, known, or_list=False)}"
    if isinstance(given, dict):  # a table whose keys do not fit together: the text names them
        return f"{key}: {text}" if key else text
    return f"{key or 'the file'} is {given!r}: {text[:1].lower()}{text[1:]}"


def type_at(kind: type[msgspec.Struct], path: str) -> object:
    """What msgspec expects at an error path."""
    at: object = msgspec.inspect.type_info(kind)
    for name, number in re.findall(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]", path):
        if number and isinstance(at, msgspec.inspect.ListType | msgspec.inspect.VarTupleType):
            at = at.item_type
        inner = struct_in(at)
        if name and isinstance(inner, msgspec.inspect.StructType):
            at = next((field.type for field in inner.fields if field.encode_name == name), at)
    return at


def holds_tables(info: object) -> bool:
    """Whether a type is a list of tables."""
    is_list = isinstance(info, msgspec.inspect.ListType | msgspec.inspect.VarTupleType)
    return is_list and isinstance(struct_in(info), msgspec.inspect.StructType)


def choices_at(kind: type[msgspec.Struct], path: str) -> list[str]:
    """The words that are allowed at an error path: those of a literal, or the tags of a union; none if it is neither."""
    info = type_at(kind, path)
    if isinstance(info, msgspec.inspect.LiteralType):
        return [str(value) for value in info.values]
    parent, _, name = path.rpartition(".")
    above = type_at(kind, parent)
    structs = above.types if isinstance(above, msgspec.inspect.UnionType) else ()
    return [str(one.tag) for one in structs if isinstance(one, msgspec.inspect.StructType) and one.tag_field == name]


def fields_at(kind: type[msgspec.Struct], path: str) -> list[str]:
    """Keys of the table that an error path leads to."""
    at = struct_in(type_at(kind, path))
    return [field.encode_name for field in at.fields if field.name != "own"] if isinstance(at, msgspec.inspect.StructType) else []


def struct_in(info: object) -> object:
    """The struct type inside lists and unions."""
    if isinstance(info, msgspec.inspect.ListType | msgspec.inspect.VarTupleType):
        return struct_in(info.item_type)
    if isinstance(info, msgspec.inspect.UnionType):
        return next((found for found in map(struct_in, info.types) if isinstance(found, msgspec.inspect.StructType)), info)
    return info
