"""Who pays what a liquidated account cannot: the cash payers, deleveraging with its ranks and selections, and what is left for nobody."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from perplab.exchange.codes import Side
from perplab.exchange.design.build import adl_rule
from perplab.exchange.design.structs import VenueDesign
from perplab.exchange.rules import AdlRank, Winner
from perplab.exchange.units import MICRO, SECOND_NS

from . import units
from .document import Block, Fact, Formula, Grid, Head, Steps, Text, Worked
from .money import levered
from .probe import MIDNIGHT, Refused
from .story import SIZE, gap
from .subject import Explanation, Explanations, Subject, keys_of, nothing_more

ADL: Final = "auto_deleverage"
# (entry, equity, hours held) of winners who each hold a long of 100,000 USD: what a rank can tell apart
WINNERS: Final = ((90_000, 50_000, 1), (98_000, 5_000, 5), (95_000, 20_000, 3))  # [USD], [USD], [h]
SHOWN_LOTS: Final = (50, 30, 20)  # held by three winners, of whom 60 lots are closed
CLOSED_LOTS: Final = 60


def losses(at: Subject, payers: list[tuple[str, Explanation, Subject]], parts: list[tuple[str, Explanation, Subject]]) -> list[Block]:
    """The payers in their order, and the gap played twice: with what the design has, and once that is gone."""
    blocks: list[Block] = [
        Text(
            "A deficit is what a slice of a liquidated account lacks for its share to end at zero. It is paid at once, by the payers in "
            "their order; each pays what it can, and what nobody pays is booked to `uncovered`, a loss that is told and not hidden."
        ),
    ]
    if payers:
        blocks.append(Steps(tuple(f"`{name}`: {told.summary}" for name, told, _ in payers)))
    for name, told, subject in payers:
        blocks += [Head(f"`{name}`"), Text(told.summary), *told.tell(subject), *keys_of(subject.given, at.asset)]
        if name == ADL:
            for part, words, of_part in parts:
                blocks += [Head(f"`{part}`"), Text(words.summary), *words.tell(of_part), *keys_of(of_part.given, at.asset)]
    if not payers:
        blocks.append(Text("This design has no payers: every deficit is a loss that nobody pays."))
    blocks += gap(at)
    spent = emptied(at.design)
    if spent is not None:
        blocks += gap(at._replace(design=spent), "gap with empty funds", f", and {spent_words(spent)} nothing left")
    return blocks


def emptied(design: VenueDesign) -> VenueDesign | None:
    """The same design with a fund and a vault that have no money (a vault needs a capital: 1); None if it has none to begin with."""
    fund = replace(design.insurance_fund, capital=0)
    vault = replace(design.vault, capital=min(1, design.vault.capital))
    uses_fund = "insurance_fund" in design.backstops and design.insurance_fund.capital > 0
    if not uses_fund and ("takeover" not in design.liquidation.steps or vault == design.vault):
        return None
    return replace(design, insurance_fund=fund, vault=vault)


def spent_words(design: VenueDesign) -> str:
    has = [
        name
        for name, used in (("the fund", "insurance_fund" in design.backstops), ("the vault", "takeover" in design.liquidation.steps))
        if used
    ]
    return f"{units.joined(has)} {'has' if len(has) == 1 else 'have'}"


# -- cash payers --


def insurance_fund(at: Subject) -> list[Block]:
    try:
        probe, account = levered(at, at.market.max_leverage, Side.BUY, SIZE)
    except Refused as refused:
        return [Worked(f"No example: {refused}.")]
    backstops = probe.exchange.slices.backstops
    fund = next(one for one, name in zip(backstops.order, cash_payers(at.design)) if name == "insurance_fund")
    row = probe.exchange.state.find_position(account, at.number)
    facts = (
        at.fact("fund for one account", int(fund.available(probe.exchange.state, row))),
        at.fact("fund for all", int(fund.purse(probe.exchange.state, row))),
    )
    return [
        Formula(("pays min(deficit, what it has, what its caps leave of this window)",)),
        Worked(
            f"At the start it would pay up to {facts[0].shown} for one account, and up to {facts[1].shown} for all of the market together.",
            facts,
        ),
    ]


def cash_payers(design: VenueDesign) -> list[str]:
    """In the order of the venue's own list."""
    return [name for name in design.backstops if name != ADL]


def liquidity_pool(at: Subject) -> list[Block]:
    return [
        Formula(("pays min(deficit, money of the pool, its equity at the mark); nothing for a deficit of its own",)),
        Text("The pool was the other side of what the account has lost: what it pays back it has won before, or wins later."),
        pool_pays(at),
    ]


def pool_pays(at: Subject) -> Worked:
    """What the pool would pay at the start, by the payer itself."""
    try:
        probe, account = levered(at, at.market.max_leverage, Side.BUY, SIZE)
    except Refused as refused:
        return Worked(f"No example: {refused}.")
    order = probe.exchange.slices.backstops.order
    payer = next(one for one, name in zip(order, cash_payers(at.design)) if name == "liquidity_pool")
    row = probe.exchange.state.find_position(account, at.number)
    fact = at.fact("pool for one account", int(payer.available(probe.exchange.state, row)))
    return Worked(f"At the start it would pay up to {fact.shown}.", (fact,))


def socialized_loss(at: Subject) -> list[Block]:
    return [
        Formula(("each lot pays loss / (lots of both sides open before the slice, but for the loser's own), at most what a lot is worth",)),
        Text(
            "Lots that are still open pay by a per-lot accrual; lots opened in the slice at hand do not pay; lots that were closed "
            "against the loser in it pay at once, as far as their owner's equity goes."
        ),
    ]


def profit_haircut(at: Subject) -> list[Block]:
    return [
        Formula(("pays missing x own profit / all profits that settling the market has realised, rounded up, at most that profit",)),
        Text("It has nothing before a market is settled: until then a profit may be lost again."),
    ]


# -- deleveraging --


def deleverage(at: Subject) -> list[Block]:
    adl = at.design.auto_deleverage
    prices = {
        "bankruptcy": "value = the loser's bankruptcy value, or that at the mark if it is worse for the winner; at most a lot's worth away",
        "mark": "value = lots x mark; the loser's deficit goes to the cash payers",
    }
    return [
        Text(
            "What no step could close is closed against accounts on the other side, the winners: nobody trades, both positions shrink, "
            "nobody pays a fee. It comes after all liquidations of a pass, the worst off first. Winners are ranked once per pass and "
            "side, ties by account number; one whom the price would leave without equity is passed over as long as others can pay it."
        ),
        Formula((prices[adl.price],)),
        Text(f"The rank is `{adl.rank}`, the selection `{adl.selection}`."),
    ]


def ranked(at: Subject, formula: str) -> list[Block]:
    """Three winners, by the rule's own score."""
    rule = adl_rule(at.design)
    if rule is None:
        return [Formula((formula,))]
    return [Formula((formula,)), winners(at, rule.rank, rule.seed)]


def winners(at: Subject, rank: AdlRank, seed: int) -> Grid:
    notional = 100_000
    rows: list[tuple[int, int, tuple[str, ...]]] = []
    facts = []
    for number, (entry, equity, hours) in enumerate(WINNERS):
        account = 8 + number
        opened = MIDNIGHT - hours * 3_600 * SECOND_NS
        score = int(rank.score(Winner(0, True, 1_000, notional * MICRO, entry * MICRO, opened, account, equity * MICRO, seed, MIDNIGHT)))
        facts.append(Fact(f"score of account {account}", score, f"{score:,}"))
        told = (str(account), at.money(entry * MICRO), at.money(equity * MICRO), f"{hours} h", f"{score:,}")
        rows.append((-score, account, told))
    rows.sort()
    caption = f"Longs worth {at.money(notional * MICRO)} at the mark; who is closed first stands first:"
    header = ("account", "bought for", "equity", "held for", "score")
    return Grid(header, tuple(row for _, _, row in rows), right=(0, 1, 2, 3, 4), facts=tuple(facts), caption=caption)


def profit_leverage(at: Subject) -> list[Block]:
    return ranked(at, "score = profit / entry x notional / equity; a loss is divided by the leverage instead [ppm^2]")


def hyperliquid_rank(at: Subject) -> list[Block]:
    return ranked(at, "score = mark / entry x notional / equity; entry / mark for a short [ppm^2]")


def random_rank(at: Subject) -> list[Block]:
    return ranked(at, "score = a hash of seed, time, market and account: another order in every pass, the same in every replay")


def first_opened(at: Subject) -> list[Block]:
    return ranked(at, "score = - time at which the position was opened; adding to it does not count, turning it does")


def selected(at: Subject, formula: str) -> list[Block]:
    """How many lots of each of three winners."""
    rule = adl_rule(at.design)
    if rule is None:
        return [Formula((formula,))]
    left, total = CLOSED_LOTS, sum(SHOWN_LOTS)
    rows, facts = [], []
    for number, held in enumerate(SHOWN_LOTS, start=1):
        part = int(rule.selection.part(left, held, total)) if left else 0
        left, total = left - part, total - held
        facts.append(Fact(f"closed of winner {number}", part, str(part)))
        rows.append((f"{number}.", str(held), str(part)))
    caption = f"{CLOSED_LOTS} lots are to be closed:"
    return [Formula((formula,)), Grid(("winner", "holds", "closed"), tuple(rows), right=(1, 2), facts=tuple(facts), caption=caption)]


def greedy(at: Subject) -> list[Block]:
    return selected(at, "part = min(left to close, held)")


def pro_rata(at: Subject) -> list[Block]:
    return selected(at, "part = ceil(left to close x held / held by this winner and those behind it)")


EXPLAINED: Final[Explanations] = {
    ("backstops", "insurance_fund"): Explanation("fund", "An insurance fund pays what it has, within its caps.", insurance_fund),
    ("backstops", "liquidity_pool"): Explanation(
        "pool", "The pool of the market's curve pays, since it was the other side.", liquidity_pool
    ),
    ("backstops", "socialized_loss"): Explanation(
        "all share", "Every open lot of the market pays the same part of the loss.", socialized_loss
    ),
    ("backstops", "profit_haircut"): Explanation(
        "profits", "In the settlement of a market, who has gained in it pays in proportion to that.", profit_haircut
    ),
    ("backstops", ADL): Explanation(
        "ADL", "Auto-deleveraging: the loser's position is closed against winners, who have no choice.", deleverage
    ),
    ("auto_deleverage.rank", "profit_leverage"): Explanation(
        "profit x leverage", "First the largest relative profit x leverage.", profit_leverage
    ),
    ("auto_deleverage.rank", "hyperliquid"): Explanation(
        "gain x leverage", "First the largest mark / entry x notional / equity.", hyperliquid_rank
    ),
    ("auto_deleverage.rank", "random"): Explanation("drawn", "Drawn anew in every pass.", random_rank),
    ("auto_deleverage.rank", "fifo"): Explanation("longest held", "First who has held the position for longest.", first_opened),
    ("auto_deleverage.selection", "greedy"): Explanation("one by one", "All of the first winner, then all of the next.", greedy),
    ("auto_deleverage.selection", "pro_rata"): Explanation("pro rata", "Of each winner in proportion to what it holds.", pro_rata),
    ("screen.rule", "everyone"): Explanation("everyone", "A pass looks at every account.", nothing_more),
    ("screen.rule", "auto"): Explanation(
        "auto", "A pass looks at whoever has changed, and at those for whom the mark has come near enough.", nothing_more
    ),
}
