"""A line of words for each design of a comparison that has a curve in it: who was liquidated, who paid, when, and how much.

Rules of the file: it computes nothing; every number is a median of the report, as in its table.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ..amounts import dollars
from .report import Report

MINUTE_S: Final = 60


class Payer(NamedTuple):
    """One who may pay for losses."""

    name: str
    amount: str  # metric
    since: str  # metric, "" where it is not told


PAYERS: Final = (
    Payer("the insurance fund paid {}", "losses.fund_usd", "when.fund_s"),
    Payer("the pool paid {} of deficits", "losses.pool_usd", "when.pool_s"),
    Payer("the vault lost {}", "losses.vault_usd", ""),
    Payer("ADL closed {} of winners", "adl.notional_usd", "when.adl_s"),
    Payer("they conceded {}", "losses.adl_conceded_usd", ""),
    Payer("all positions shared {}", "losses.socialized_usd", "when.socialized_s"),
    Payer("{} was paid by nobody", "losses.uncovered_usd", "when.uncovered_s"),
    Payer("{} is still owed at the end", "losses.open_deficit_usd", ""),
)


def stories(report: Report) -> list[str]:
    """A paragraph for each design, in the order of the table; none where no design of the comparison has a curve."""
    has_curves = any("pool" in usd for usd in report.about.capital.usd.values())
    told = {result.venue for result in report.counted}
    return [story(report, venue) for venue in report.venues if venue in told] if has_curves else []


def story(report: Report, venue: str) -> str:
    accounts = report.median(venue, "liquidation.accounts") or 0
    begun = report.median(venue, "when.liquidation_s")
    if begun is None:
        told = ["nobody fell below maintenance"]
    else:
        debt = report.median(venue, "losses.bad_debt_usd") or 0.0
        told = [f"{accounts:,.0f} liquidated from {clock(begun)} on, bad debt {dollars(debt) if debt else 'none'}"]
    paid = [text for payer in PAYERS if (text := payment(report, venue, payer))]
    if begun is not None:
        told += paid or ["nobody had to pay"]
    return f"{venue}: {'; '.join([*told, *owners(report, venue)])}."


def payment(report: Report, venue: str, payer: Payer) -> str:
    amount = report.median(venue, payer.amount)
    if not amount:
        return ""
    since = report.median(venue, payer.since) if payer.since else None
    return payer.name.format(dollars(amount)) + (f" from {clock(since)}" if since is not None else "")


def owners(report: Report, venue: str) -> list[str]:
    """What those gained or lost whose money stands behind the curve."""
    lp, own = report.median(venue, "pool.lp_usd"), report.median(venue, "pool.own_usd")
    whose = "its own pool" if report.about.capital.usd.get(venue, {}).get("pool") else "its virtual curve"
    return [f"{name} {gained(usd)}" for name, usd in (("liquidity providers", lp), (whose, own)) if usd is not None]


def gained(usd: float) -> str:
    if not usd:
        return "neither gained nor lost"
    return f"{'gained' if usd > 0 else 'lost'} {dollars(abs(usd))}"


def clock(seconds: float) -> str:
    """Time since the start as minutes and seconds."""
    minutes, rest = divmod(round(seconds), MINUTE_S)
    return f"{minutes}:{rest:02d}"
