"""Command line options that several commands share, and values that click has not, or not as strict: numbers, folders, lists of names."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import click

MOST: Final = Decimal(10**15)  # of an amount: more than any venue holds
MOST_SECONDS: Final = 3_650 * 86_400
UNITS: Final = {"%": 2, "bp": 4, "ppm": 6}  # of a share: how many places it is moved by
SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
HOST: Final = "127.0.0.1"
PORT: Final = 3100  # of a server that runs, unless said
Decorator = Callable[[Any], Any]  # of a command: an option


class Number(click.FloatRange):
    """A number within bounds; NaN, which is below and above nothing and so passes click's own bounds, and infinities are none."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:  # a text, as all options are
        found = float(super().convert(value, param, ctx))
        if not math.isfinite(found):
            self.fail(f"{value!r} is not in the range {self._describe_range()}.", param, ctx)
        return found


class Folder(click.Path):
    """A folder that is there or can be made. An empty text is none: it would mean the current folder, or the default."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, file_okay=False)

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Path:  # type: ignore[override]
        if not value:
            self.fail("'' given, expected a folder.", param, ctx)
        return Path(str(super().convert(value, param, ctx)))


FOLDER: Final = Folder()


def names_in(option: str, given: str, expected: str = "names separated by commas") -> list[str]:
    """Names separated by commas. Raises click.UsageError: one of them is empty."""
    names = [name.strip() for name in given.split(",")]
    if "" in names:
        which = f": name {names.index('') + 1} is empty" if any(names) else ""
        raise click.UsageError(f"{option}: {given!r} given, expected {expected}{which}")
    return names


class Amount(click.ParamType[Decimal]):
    """An exact number above 0; with bounds, within them."""

    name = "amount"

    def __init__(self, least: Decimal | None = None, most: Decimal = MOST) -> None:
        self.least, self.most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        found = decimal_of(str(value))
        if found is None or found > self.most or (found <= 0 if self.least is None else found < self.least):
            bounds = "above 0, and at most" if self.least is None else f"from {self.least:,} to"
            self.fail(f"{value!r} given, expected a number {bounds} {self.most:,}.", param, ctx)
        return found


class Share(click.ParamType[Decimal]):
    """A part of something, with its unit, since 1 may mean all of it or a hundredth: 1%, 50bp, 300ppm."""

    name = "share"

    def __init__(self, least: str = "0", most: str = "1") -> None:
        self.least, self.most = Decimal(least), Decimal(most)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        if isinstance(value, Decimal):
            return value
        found = share_of(str(value))
        if found is None or not self.least <= found <= self.most:
            bounds = f"{percent(self.least)} to {percent(self.most)}"
            self.fail(f"{value!r} given, expected a number with its unit, as 1%, 50bp or 300ppm, from {bounds}.", param, ctx)
        return found


class Duration(click.ParamType[float]):
    """A time with its unit: 90s, 30m, 24h, 7d. In seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = seconds_of(str(value)) if isinstance(value, str) else value
        if found is None or not 0 < found <= MOST_SECONDS:
            self.fail(f"{value!r} given, expected a time with its unit, as 90s, 30m, 24h or 7d, at most 3650d.", param, ctx)
        return float(found)


class Rate(click.ParamType[tuple[Decimal, float]]):
    """A share per time: 0.01%/8h. The share, and the seconds."""

    name = "share/time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Decimal, float]:
        if isinstance(value, tuple):
            return value
        share, _, time = str(value).partition("/")
        found, seconds = share_of(share), seconds_of(time)
        if found is None or seconds is None or not -1 < found < 1 or not 0 < seconds <= MOST_SECONDS:
            self.fail(f"{value!r} given, expected a share per time, as 0.01%/8h or -1bp/1h.", param, ctx)
        return found, seconds


def decimal_of(text: str) -> Decimal | None:
    """The number; None: it is none."""
    try:
        found = Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def share_of(text: str) -> Decimal | None:
    for unit, places in UNITS.items():
        if text.endswith(unit):
            found = decimal_of(text.removesuffix(unit).strip())
            return None if found is None or found.copy_abs() > MOST else found.scaleb(-places)
    return None


def seconds_of(text: str) -> float | None:
    found = decimal_of(text[:-1]) if text[-1:] in SECONDS else None
    return None if found is None else float(found) * SECONDS[text[-1]]


def percent(share: Decimal) -> str:
    """3 %, without zeros that say nothing."""
    return f"{plain(share * 100)} %"


def plain(number: Decimal) -> str:
    """With thousands apart, and without zeros that say nothing."""
    text = f"{number:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


AMOUNT: Final = Amount()
DURATION: Final = Duration()


class Address(click.ParamType[tuple[str, int]]):
    """Where a server is: HOST:PORT, or one of the two."""

    name = "host:port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        host, colon, port = str(value).rpartition(":")
        if not colon:
            host, port = ("", value) if value.isdecimal() else (value, str(PORT))
        if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65_536):
            names = "/".join(param.opts) if param else "the address"
            raise click.UsageError(f"{names}: {value!r} given, expected HOST:PORT, such as {HOST}:{PORT}, or one of the two")
        return host or HOST, int(port)


# -- options that several commands have --


def with_options(*options: Decorator) -> Decorator:
    """The command with these options, listed in this order."""

    def decorated(command: Any) -> Any:
        for decorate in reversed(options):
            command = decorate(command)
        return command

    return decorated


def of_runs(seeds: int) -> tuple[Decorator, ...]:
    """Which runs of a scenario: `seeds`, unless said, from which one on, with how many accounts, and what is changed in the scenario."""
    return (
        click.option("--seeds", type=click.IntRange(1, 1000), default=seeds, show_default=True, help="How many seeds."),
        click.option("--seed", type=click.IntRange(0, 2**31), default=1, show_default=True, help="The first of them."),
        click.option("--accounts", type=click.IntRange(12, 1_000_000), help="Traders who hold positions.  [default: the scenario's]"),
        click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="Change the scenario: oracle.lag_ms=5000. Repeatable."),
    )


def of_server(told: str, default: str | None) -> Decorator:
    """Which server: under both names, for all who ask one that runs. None, unless said, is none."""
    return click.option(
        "--connect", "--port", "server", type=Address(), metavar="HOST:PORT", default=default, show_default=default is not None, help=told
    )


OPERATED: Final = of_server("The server: HOST:PORT, or one of the two.", f"{HOST}:{PORT}")
