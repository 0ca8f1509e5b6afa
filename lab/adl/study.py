"""Policies compared on one snapshot: what each does, and the sentences that follow from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np

from perplab.exchange.units import BP_PER_ONE, MICRO

from ..amounts import dollars
from ..runs import Floats
from .catalogue import BY_NAME, CLOSES
from .measures import Bucket, Measures, by_leverage, by_size, haircut_of, measure, optimal_fund
from .policies import Closed
from .snapshot import Snapshot, usd

AS_IT_RAN: Final = "as it ran"
KNOWN_ORDER: Final = ("contract_pro_rata", "wealth_pro_rata")  # behind a queue
ENOUGH: Final = 2  # passes: with fewer there is no sample


@dataclass(frozen=True)
class Outcome:
    name: str
    kind: str
    closed: Closed
    measures: Measures


@dataclass(frozen=True)
class Study:
    """All of it for one snapshot. `budget`: [micro] what each policy has to raise. `sample`: [micro] deficits, one for each pass."""

    snapshot: Snapshot
    budget: int
    outcomes: tuple[Outcome, ...]
    sample: Floats
    capital_cost: float

    @cached_property
    def leverages(self) -> list[Bucket]:
        return by_leverage(self.snapshot.winners)

    @cached_property
    def sizes(self) -> list[Bucket]:
        return by_size(self.snapshot.winners)

    def of(self, name: str) -> Outcome | None:
        return next((one for one in self.outcomes if one.name == name), None)


def study(snapshot: Snapshot, names: Sequence[str], budget: int, sample: Sequence[int], capital_cost: float) -> Study:
    outcomes = []
    actual = snapshot.actual
    if actual is not None and budget == snapshot.deficit:
        outcomes.append(Outcome(AS_IT_RAN, CLOSES, actual.closed, measure(snapshot, actual.closed, budget)))
    for name in names:
        closed = BY_NAME[name].rule(snapshot, budget)
        outcomes.append(Outcome(name, BY_NAME[name].kind, closed, measure(snapshot, closed, budget)))
    return Study(snapshot, budget, tuple(outcomes), np.array(sample, dtype=np.float64), capital_cost)


# -- sentences --


def findings(done: Study) -> list[str]:
    parts = (ordering, extremes, top_winner, own_rule, population, missing, three_amounts, fund)
    return [sentence for part in parts for sentence in part(done)]


def queue_of(snapshot: Snapshot) -> str:
    """The queue that is compared: by the venue's own rank where it is known, else by profit x leverage."""
    own = f"queue_{snapshot.actual.rank}" if snapshot.actual else ""
    return own if own in BY_NAME else "queue_profit_leverage"


def ordering(done: Study) -> Iterator[str]:
    """The largest haircuts of a queue and of both kinds of pro-rata against the order that is known of real data."""
    names = (queue_of(done.snapshot), *KNOWN_ORDER)
    found = [one for name in names if (one := done.of(name)) is not None]
    if len(found) < len(names):
        return
    largest = [one.measures.max_haircut for one in found]
    told = ", ".join(f"{one.name} {basis(share)} bp" for one, share in zip(found, largest, strict=True))
    same = all(before > after for before, after in pairwise(largest))
    known = "on 10 October 2025 at Hyperliquid (arXiv 2512.01112, means over 16 waves): queue, contract pro-rata, wealth pro-rata"
    yield f"Largest haircut: {told}. That is {'' if same else 'not '}the order found {known}."


def extremes(done: Study) -> Iterator[str]:
    """Of the policies that raise all that is needed, which spreads it most and which least."""
    enough = [one for one in done.outcomes if one.name != AS_IT_RAN and one.measures.raised_usd >= usd(done.budget)]
    if len(enough) > 1:
        least, most = (best(enough, key=lambda one: one.measures.max_haircut) for best in (min, max))
        low, high = basis(least.measures.max_haircut), basis(most.measures.max_haircut)
        yield f"Nobody loses more than {low} bp of his equity by {least.name}; somebody loses {high} bp by {most.name}."


def top_winner(done: Study) -> Iterator[str]:
    """What the theorem says the winner with the largest endowment loses by a queue."""
    before, after = done.of("endowment_queue"), done.of("wealth_pro_rata")
    endowment = done.snapshot.winners.endowment
    if before is None or after is None or not endowment.any():
        return
    top, total = int(endowment.argmax()), int(endowment.sum())
    first = int(endowment[top])
    gap = usd(int(before.closed.taken[top]) - int(after.closed.taken[top]))
    told = f"The winner with the most profit, {dollars(usd(first))}, keeps {dollars(gap)} more by wealth_pro_rata than by endowment_queue"
    if done.budget <= first:
        yield f"{told}, as proven: H (1 - w1/U) = {dollars(usd(done.budget) * (1 - first / total))}."
    else:
        yield f"{told}. H (1 - w1/U) is for H up to w1 only: more is to be raised here than he has."


def own_rule(done: Study) -> Iterator[str]:
    actual, ran = done.snapshot.actual, done.of(AS_IT_RAN)
    if actual is None or ran is None:
        return
    same = [
        one.name
        for one in done.outcomes
        if one is not ran and np.array_equal(one.closed.lots, ran.closed.lots) and np.array_equal(one.closed.taken, ran.closed.taken)
    ]
    told = f"As it ran: {actual.rule}"
    yield f"{told}; to the micro-dollar what {' and '.join(same)} does." if same else f"{told}; no policy of the table does the same."


def population(done: Study) -> Iterator[str]:
    """How the winners compare with those of a real day, as far as the order of the pro-rata rules hangs on it."""
    winners = done.snapshot.winners
    has = winners.endowment > 0
    if has.any():
        low, high = np.quantile(winners.profit[has] / winners.notional[has], (0.1, 0.9))
        middle = float(np.median(winners.equity[has] / winners.endowment[has]))
        yield (
            f"Winners here have profits of {percent(low)} to {percent(high)} % of their positions' value (10th to 90th percentile), and in "
            f"equity {short(middle)} times their profit (median); those deleveraged on 10 October 2025 had 13 to 168 % "
            "(ConejoCapital/HyperMultiAssetedADL) and 4.4 times (the paper). Where all entered at one price, pro-rata by contracts and by "
            "wealth come to the same."
        )


def missing(done: Study) -> Iterator[str]:
    """Policies that cannot raise what is needed."""
    short = [one for one in done.outcomes if one.measures.raised_usd < usd(done.budget)]
    if short:
        told = ", ".join(f"{one.name} ({percent(one.measures.raised_usd / usd(done.budget))} %)" for one in short)
        yield f"Not all that is needed is raised by {told}: the winners have no more that may be taken so."
    if done.snapshot.unpriced:
        beyond = dollars(usd(done.snapshot.unpriced))
        yield f"Another {beyond} of deficits is beyond the whole value of the losers' positions, and no price of a position can pass it on."


def three_amounts(done: Study) -> Iterator[str]:
    one = done.of(AS_IT_RAN) or done.of(queue_of(done.snapshot))
    if one is not None:
        of = one.measures
        closed, realized, raised = dollars(of.closed_usd), signed(of.realized_usd), dollars(of.raised_usd)
        yield (
            f"Three amounts that must not be mixed, {one.name}: {closed} of positions closed, {realized} of profit turned into cash by it, "
            f"{raised} taken. Only the last is a loss."
        )


def fund(done: Study) -> Iterator[str]:
    if len(done.sample) >= ENOUGH:
        best, cost = optimal_fund(done.sample, done.capital_cost, 1.0), done.capital_cost
        yield (
            f"An insurance fund of {dollars(best / MICRO)} would be the cheapest for deficits like those of the {len(done.sample)} passes, "
            f"where a dollar of it costs {cost:g} of a dollar of loss passed on: K*, their {100 - 100 * cost:g} % quantile. "
            "The passes of one run are no independent sample."
        )


def signed(amount: float) -> str:
    return f"-{dollars(-amount)}" if amount < 0 else dollars(amount)


def percent(share: float) -> str:
    """A share of 1 in percent."""
    return short(100 * share)


def basis(share: float) -> str:
    """A share of 1 in basis points."""
    return short(BP_PER_ONE * share)


def short(value: float) -> str:
    """Three digits that count, of what is 0 or more; whole numbers above 1,000."""
    if value >= 999.5:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 1e-3 else "0" if value <= 0 else "<0.001"


# -- as data --


def as_data(done: Study) -> dict[str, object]:
    """For JSON: the names of docs/metrics.md."""
    snapshot = done.snapshot
    winners = snapshot.winners
    return {
        "snapshot": {
            "title": snapshot.title, "market": snapshot.market, "mark_usd": snapshot.mark_usd, "losing_side": snapshot.losing_side,
            "losers": len(snapshot.losers.lots), "lots": snapshot.lots, "deficit_usd": usd(snapshot.deficit),
            "winners": len(winners), "endowment_usd": usd(int(winners.endowment.sum())), "equity_usd": usd(int(winners.equity.sum())),
            "unpriced_usd": usd(snapshot.unpriced), "rule": snapshot.actual.rule if snapshot.actual else None,
        },
        "needed_usd": usd(done.budget),
        "policies": {one.name: policy_data(done, one) for one in done.outcomes},
        "findings": findings(done),
    }  # fmt: skip


def policy_data(done: Study, one: Outcome) -> dict[str, object]:
    measures = {name: getattr(one.measures, name) for name in one.measures.__struct_fields__}
    winners = done.snapshot.winners
    groups = {"haircut_by_leverage": done.leverages, "haircut_by_size": done.sizes}
    by = {name: {bucket.label: haircut_of(bucket, winners, one.closed) for bucket in group} for name, group in groups.items()}
    return {"kind": "closes" if one.kind == CLOSES else "takes", **measures, **by}
