"""`perplab size`: its options. What is wrong with them is one line, and exit code 2."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import click

from ..options import AMOUNT, DURATION, Amount, Number, Rate, Share, decimal_of, of_server, share_of, with_options

FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False)
SLIPPAGE: Final = Share("0", "0.99")
MOST_LEVERAGE: Final = 1_000


class JumpsText(click.ParamType[tuple[float, Decimal, Decimal]]):
    """How many a year, their mean, their standard deviation: 50,-3%,4%."""

    name = "n,mean,deviation"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, Decimal, Decimal]:
        if isinstance(value, tuple):
            return value
        count, _, moves = str(value).partition(",")
        mean, _, deviation = moves.partition(",")
        found = decimal_of(count), share_of(mean), share_of(deviation)
        if found[0] is None or found[1] is None or found[2] is None or found[0] < 0 or not 0 <= found[2] <= 1 or abs(found[1]) > 1:
            self.fail(f"{value!r} given, expected how many a year, their mean and their deviation, as 50,-3%,4%.", param, ctx)
        return float(found[0]), found[1], found[2]


OPTIONS: Final = (
    click.option("--equity", type=AMOUNT, required=True, metavar="USD", help="Of the account."),
    click.option("--risk", type=Share(), default="1%", show_default=True, metavar="SHARE", help="Of it, that may be lost at the stop."),
    click.option("--entry", type=AMOUNT, metavar="USD", help="Where it begins.  [default: with --connect the middle of the book]"),
    click.option("--stop", type=AMOUNT, required=True, metavar="USD", help="Where it is given up: below the entry for a long."),
    click.option("--leverage", type=click.IntRange(1, MOST_LEVERAGE), metavar="N", help="At most.  [default: the market's largest]"),
    click.option("--slippage", type=SLIPPAGE, metavar="SHARE", help="Of entry and stop.  [default: with --connect the book is walked]"),
    click.option("--entry-slippage", type=SLIPPAGE, metavar="SHARE", help="Of the entry, if it is another."),
    click.option("--stop-depth", type=Share("0.0001"), default="100%", show_default=True, help="Of the book, that is left at the stop."),
    click.option("--rests", is_flag=True, help="The entry is an order that rests: maker fee, no slippage."),
    click.option("--venue", metavar="NAME|FILE", help="Whose terms: a shipped design or a TOML file.  [default: sandbox]"),
    click.option("--market", metavar="NAME", help="Which of its markets.  [default: the first]"),
    of_server("Take terms, price, book and funding from a server that runs.", default=None),
    click.option("--volume", type=Amount(Decimal(0)), metavar="USD", help="Traded in the days that count: its fee tier.  [default: 0]"),
    click.option("--key", metavar="KEY", help="With --connect and --secret: ask the server for the fees of this key's account."),
    click.option("--secret", metavar="SECRET", help="Of the key."),
    click.option("--hold", type=DURATION, metavar="TIME", help="How long it is held, for funding: 24h."),
    click.option("--funding", type=Rate(), metavar="SHARE/TIME", help="What longs pay: 0.01%/8h.  [default: with --connect the rate now]"),
    click.option("--volatility", type=Share("0.0001", "100"), metavar="SHARE", help="A year's: 80%. Tells the odds of liquidation."),
    click.option("--model", type=click.Choice(["gbm", "jumps", "replay"]), default="gbm", show_default=True, help="Of the price."),
    click.option("--drift", type=Share("-100", "100"), default="0%", show_default=True, help="Of the price, a year."),
    click.option("--jumps", type=JumpsText(), metavar="N,MEAN,DEV", help="For --model jumps: how many a year, and what they do."),
    click.option("--path", type=FILE, help="For --model replay: klines (.csv, .csv.gz, .zip)."),
    click.option("--seed", type=click.IntRange(0, 2**31), default=1, show_default=True, help="Of what is simulated."),
    click.option("--horizon", type=DURATION, default="24h", show_default=True, metavar="TIME", help="Of the odds."),
    click.option("--bound", type=Share("0.000001", "0.999999"), default="1%", show_default=True, help="On the odds."),
    click.option("--distance", type=Share("0", "0.9999"), metavar="SHARE", help="To liquidation, that margin is wanted for."),
    click.option("--beta", type=Amount(Decimal(-1_000), Decimal(1_000)), metavar="X", help="How it moves with the hedge.  [default: 1]"),
    click.option("--hedge-ratio", type=Amount(Decimal(0), Decimal(1_000)), metavar="X", help="Part to hedge.  [default: 1]"),
    click.option("--correlation", type=Number(-1, 1), metavar="X", help="With the hedge: tells what is left of the variance."),
    click.option("--hedge-market", metavar="NAME", help="[default: the same market]"),
    click.option("--hedge-price", type=AMOUNT, metavar="USD", help="In it.  [default: with --connect its mark]"),
    click.option("--json", "as_json", is_flag=True, help="Print JSON, with all digits."),
)  # fmt: skip


@click.command(short_help="Size a position for a loss, with every step of the arithmetic.")
@with_options(*OPTIONS)
def size(
    venue: str | None, market: str | None, server: tuple[str, int] | None, hedge_market: str | None, volume: Decimal | None,
    key: str | None, secret: str | None, as_json: bool, **given: Any,
) -> None:  # fmt: skip
    """How large a position may be for no more than a share of the equity to be lost at its stop, all costs counted.

    \b
    perplab size --equity 1000000 --risk 1% --entry 60000 --stop 58200 --leverage 10 --slippage 3%
    perplab size --equity 50000 --stop 58200 --connect 127.0.0.1:3100 --hold 24h
    perplab size ... --venue hyperliquid --volume 30000000          fees by what was traded
    perplab size ... --volatility 80% --horizon 24h --bound 1%      which leverage survives a day
    perplab size ... --hedge-market ETH --hedge-price 3000 --beta 1.3 --correlation 0.8

    Shares have a unit (1%, 50bp, 300ppm), times too (90s, 30m, 24h, 7d). Formulas and bounds: perplab docs clients.
    """
    from .answer import Asked, answer_of
    from .source import fees_asked, of_design, of_running

    if server is not None and venue is not None:
        raise click.UsageError("--venue: given with --connect, expected one of the two: the server says what its venue is")
    fees = fees_asked(volume, key, secret, server is not None)
    names = market, hedge_market
    source = of_running(*server, *names, fees) if server is not None else of_design(venue or "sandbox", *names, fees)
    answer = answer_of(Asked(hedge_market=hedge_market, **given), source)
    if as_json:
        import json

        import msgspec

        click.echo(json.dumps(msgspec.to_builtins(answer), indent=2))
        return
    from rich.console import Console

    from .lines import Told

    Console().print(Told(answer))
