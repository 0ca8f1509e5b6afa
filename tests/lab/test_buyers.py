"""Controls of the one buying decision: book and auction meet the same capital at the same edge, and what is multiplied moves both alike.

One buyer of last resort with one edge: whoever sells to it, in the book or by auction, gives that edge over the true price. Equal must be:
the buyer's edge, capital, clip and delays; a mark that is the true price when an account is looked at (else the auction begins elsewhere);
and the clip must be larger than what is sold, or the second look buys for a later price. What then differs: the price is up to a look old
when a resting bid is hit, and an auction's offer goes on improving until the next look, by maintenance over its duration, 125 bp in 30 s.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from test_controls import column, deleveraged, made, rows, worst

from perplab.exchange.events import AuctionStarted, AuctionTaken, Liquidated, Traded
from perplab.lab.professionals import beyond_population
from perplab.lab.runs import Floats, Ints, ProfessionalGroup, Run
from perplab.lab.scenario import load_scenario

BOOK, AUCTION = "book_fund_social", "auction_fund_social"
AUCTION_S = 30.0  # duration_ms of the design
FACTORS = (1.0, 3.0)


def edges_bp(of: Run, ts: Ints, price_usd: Floats) -> Floats:
    """What buyers at these prices have under the true price of the moment. [bp]"""
    true = of.path_usd[np.searchsorted(of.path_ts, ts, side="right") - 1]
    edge: Floats = (1.0 - price_usd / true) * 1e4
    return edge


def sold_at_bp(of: Run) -> float:
    """Average edge of those who bought from liquidated longs, in the book or by auction, weighted by value. [bp]"""
    tick, unit = of.terms.tick, of.terms.unit
    if of.venue == BOOK:
        fills = rows(of, Traded)
        names = Traded.__struct_fields__
        mine = (fills[:, names.index("liquidation") + 1] == 1) & (fills[:, names.index("taker_side") + 1] == 1)
        ts, price, size = (fills[mine, names.index(name) + 1] for name in ("ts", "price", "size"))
        return float(np.average(edges_bp(of, ts, price * tick), weights=price * size))
    names = Liquidated.__struct_fields__
    ts, account, size, worth = (rows(of, Liquidated)[:, names.index(name) + 1] for name in ("ts", "account", "size", "value"))
    edge, paid = [], []
    for when, who, gain in zip(*(column(of, AuctionTaken, name) for name in ("ts", "account", "gain")), strict=True):
        part = (ts == when) & (account == who) & (size > 0)  # handed on at the mark
        if part.any():
            paid.append(int(worth[part].sum()) - int(gain))
            price = paid[-1] / (int(size[part].sum()) * unit)
            edge.append(float(edges_bp(of, np.array([when]), np.array([price * tick]))[0]))
    return float(np.average(edge, weights=paid))


def at_once() -> dict[str, object]:
    """A fall of 1.2 % a minute for three minutes, of which the venue hears within half a second."""
    falls = [100_000.0, 98_800.0, 97_600.0, 96_400.0]
    bars = [(first, first, last, last) for first, last in pairwise(falls)]
    return {"oracle": {"cadence_s": 0.5, "lag_ms": 0, "jitter_ms": 0, "noise_bp": 0.0}, "path": worst(bars=bars, noise=0.0)}


@cache
def last_resort(venue: str, edge_bp: float = 40.0) -> Run:
    """Nobody buys but one bidder with one edge."""
    bidder = {
        "count": 1, "capital_usd": 1e9, "leverage": 4.0, "edge_bp": [edge_bp, edge_bp + 1e-6], "share": [1.0 - 1e-12, 1e-12],
        "wild_edge": 1.0, "clip_usd": 2e9, "unwind_share": 0.0, "outside_ms": 0, "order_ms": 0, "interval_ms": 100,
    }  # fmt: skip
    nobody = {"count": 0}
    changes = {
        "makers": nobody, "arbitrageurs": nobody, "momentum": nobody, "noise": {"accounts": 0}, "bidders": bidder,
        "population": {"entry": [1.0, 1.0], "adders": 0.0}, **at_once(),
    }  # fmt: skip
    return made(venue, changes)


@pytest.mark.parametrize("edge_bp", [20.0, 40.0])
def test_one_buyer_of_last_resort_gets_its_edge_in_book_and_auction(edge_bp: float) -> None:
    book, auction = sold_at_bp(last_resort(BOOK, edge_bp)), sold_at_bp(last_resort(AUCTION, edge_bp))
    look_bp = 0.1 * 125.0 / AUCTION_S + 0.1 * 120.0 / 60.0  # a look of 100 ms: what an offer improves by, and what the price falls by
    tick_bp = 0.2
    late_bp = 0.5 * 120.0 / 60.0  # of the oracle's cadence: how far the mark, and with it an offer, is behind the true price
    assert book == pytest.approx(edge_bp, abs=look_bp + tick_bp)
    assert edge_bp - tick_bp <= auction <= edge_bp + look_bp + late_bp + tick_bp


@cache
def crash(venue: str, capital: float = 1.0) -> Run:
    """The worst five minutes with everybody's capital multiplied."""
    shipped = load_scenario("flash")
    groups = {"makers": shipped.makers, "arbitrageurs": shipped.arbitrageurs, "bidders": shipped.bidders}
    return made(venue, {name: {"capital_usd": capital * who.capital_usd} for name, who in groups.items()})


def test_takes_do_not_sit_at_the_end_of_an_auction() -> None:
    shipped = crash(AUCTION)
    began = dict(zip(column(shipped, AuctionStarted, "auction").tolist(), column(shipped, AuctionStarted, "ts").tolist(), strict=True))
    taken = zip(column(shipped, AuctionTaken, "auction").tolist(), column(shipped, AuctionTaken, "ts").tolist(), strict=True)
    waited = np.array([(ts - began[auction]) / 1e9 / AUCTION_S for auction, ts in taken])
    solvent = waited[waited <= 1.0]
    assert solvent.size > 20
    assert (solvent > 0.9).mean() < 0.2, "it was 0.99 when bidders asked for 105 bp and more"


def mild(venue: str, edges: float) -> Run:
    """Everybody's edges multiplied, on a fall that nobody's edge is too large for."""
    shipped = load_scenario("flash")
    makers = {"nearest_bp": edges * shipped.makers.nearest_bp, "depth_bp": [edges * bp for bp in shipped.makers.depth_bp]}
    arbitrageurs = {"enter_bp": edges * shipped.arbitrageurs.enter_bp}
    bidders = {"edge_bp": [edges * bp for bp in shipped.bidders.edge_bp]}
    over_depth = shipped.population.open_interest_over_depth
    over_depth *= shipped.open_interest_usd / shipped.override({"makers": makers}).open_interest_usd  # the positions stay what they are
    people = {"entry": [1.0, 1.0], "open_interest_over_depth": over_depth}
    changes = {"makers": makers, "arbitrageurs": arbitrageurs, "bidders": bidders, "population": people, **at_once()}
    return made(venue, changes)


def test_larger_edges_move_book_and_auction_the_same_way() -> None:
    for venue in (BOOK, AUCTION):
        narrow, wide = (sold_at_bp(mild(venue, edges)) for edges in FACTORS)
        assert wide > narrow, f"{venue}: whoever asks for more gets more"


def test_ten_times_the_capital_deleverages_no_more_on_either() -> None:
    for venue in ("book_fund_adl", "auction_fund_adl"):
        assert deleveraged(crash(venue, 10.0)) <= deleveraged(crash(venue)), venue


# -- those who are hedged outside --


def test_a_run_says_when_it_is_beyond_its_population() -> None:
    fine = crash(AUCTION)
    assert beyond_population(fine) == []
    groups = (ProfessionalGroup("makers", 10**12, 0.31, 1, True), ProfessionalGroup("bidders", 0, 0.2, 0, False))
    assert beyond_population(replace(fine, professionals=groups)) == [
        "1 of 2 makers fell below maintenance margin",
        "makers had 31 % of their starting equity left, and margin calls that nobody could meet in full",
    ]
    in_a_pool = replace(fine, professionals=(ProfessionalGroup("makers", 0, 0.2, 0, True, False),))
    assert beyond_population(in_a_pool) == ["makers had 20 % of their starting equity left, and nobody who refills them"]


def test_without_money_outside_professionals_run_dry() -> None:
    """A maker that carries as much as the venue lets it, and nobody sends it anything."""
    dry = made(BOOK, {"makers": {"leverage": 30.0, "capital_usd": 2e7, "outside_usd": 0.0, "transfer_usd": 0.0}})
    makers = next(one for one in dry.professionals if one.cohort == "makers")
    assert makers.paid_in == 0
    assert makers.least_equity_share < 0.25
    assert makers.is_exhausted
    fed = made(BOOK, {"makers": {"leverage": 30.0, "capital_usd": 2e7, "outside_usd": 1e8, "transfer_usd": 1e8, "transfer_s": 1.0}})
    assert next(one for one in fed.professionals if one.cohort == "makers").paid_in > 0
    assert not any("makers" in told for told in beyond_population(fed))
