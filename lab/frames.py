"""Tables that leave the lab: columns by name, as a polars or pandas frame, or as numpy arrays.

Rules of the file: a column has one type. What is not defined is null in a polars frame and NaN in the others, so a column of numbers in
which something is missing is float64. polars and pandas are looked for when they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas  # type: ignore[import-untyped, import-not-found, unused-ignore]
    import polars  # type: ignore[import-not-found, unused-ignore]

Cell: TypeAlias = str | int | float | bool | None
Array: TypeAlias = NDArray[np.int64] | NDArray[np.float64] | NDArray[np.bool_] | NDArray[np.str_]
Arrays: TypeAlias = dict[str, Array]  # all of one length
Frame = Literal["polars", "pandas", "arrays"]
EXTRAS: Final = {"polars": "frames", "pandas": "pandas"}  # of perplab, by library


def column(values: Sequence[Cell]) -> Array:
    """One column: text, truth values, whole numbers, or numbers of which some may be missing (NaN). Shape (n,)"""
    kinds = {type(value) for value in values}
    if kinds == {str}:
        return np.array(values, dtype=np.str_)
    if kinds == {bool}:
        return np.array(values, dtype=np.bool_)
    if kinds == {int}:
        return np.array(values, dtype=np.int64)
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def table(names: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Arrays:
    """Rows as columns; without a row, columns of no length."""
    given = list(zip(*rows, strict=True)) or [() for _ in names]
    return {name: column(values) for name, values in zip(names, given, strict=True)}


def framed(columns: Arrays, frame: str) -> Arrays | polars.DataFrame | pandas.DataFrame:
    """The columns as they are asked for. ImportError if the library is missing, ValueError for another word."""
    if frame == "arrays":
        return columns
    if frame not in EXTRAS:
        raise ValueError(f"frame: {frame!r} given, expected 'polars', 'pandas' or 'arrays'")
    try:
        library = import_module(frame)
    except ImportError:
        need = f"expected {frame}, which is not installed: pip install 'perplab[{EXTRAS[frame]}]', or frame='arrays' for numpy arrays"
        raise ImportError(f"frame: {frame!r} given, {need}") from None
    if frame == "pandas":
        return library.DataFrame(columns)
    whole = library.DataFrame(plain(columns))
    return whole.with_columns(library.selectors.float().fill_nan(None))


def plain(columns: Mapping[str, Array]) -> dict[str, Array | list[str]]:
    """Text as lists: polars takes no arrays of it."""
    return {name: values.tolist() if values.dtype.kind == "U" else values for name, values in columns.items()}
