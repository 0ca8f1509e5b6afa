"""How a position that cannot be kept is closed: the pass, and the steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from perplab.exchange.codes import Side
from perplab.exchange.design.parameters import AuctionDesign, BookDesign, ShortageDesign, TakeoverDesign
from perplab.exchange.liquidation.case import LiquidationCase
from perplab.exchange.liquidation.shortage import ramped_fee, share_to_close
from perplab.exchange.liquidation.steps import BookStep
from perplab.exchange.messages import Tick
from perplab.exchange.schema.views import Auction
from perplab.exchange.units import MS_NS, PPM

from . import units
from .document import Block, Fact, Formula, Grid, Head, Steps, Text, Worked
from .keys import KEYS, deleverages, key_of, shown
from .money import levered
from .probe import Probe, Refused
from .story import SIZE, small_fall, threshold
from .subject import Explanation, Explanations, Subject, keys_of, nothing_more

COMMON_KEYS: Final = ("retry_ms", "fee_ppm", "fee_from", "fee_fund_share_ppm", "fee_to", "surplus_to")
QUARTERS: Final = (0, 1, 2, 3, 4)  # of a time
NEVER_MS: Final = 86_400_000  # [ms] of patience: no example takes so long


def liquidation(at: Subject, steps: list[tuple[str, Explanation, Subject]]) -> list[Block]:
    """The pass, each step in its order, and a small fall played."""
    design = at.design.liquidation
    rows = tuple(
        (name, shown(key_of(type(design), name), getattr(design, name), at.asset), KEYS[type(design)][name].words) for name in COMMON_KEYS
    )
    blocks: list[Block] = [
        Text(
            "A liquidation pass follows every move of the mark, every funding payment and every debit, and while something is under way "
            f"there is one every {units.milliseconds(design.retry_ms)}. It takes the accounts below maintenance once, the lowest equity "
            "/ maintenance first, ties by account number. The orders of a liquidated account are cancelled; until it is flat, or above "
            "maintenance again, it may only deposit."
        ),
        Text(
            "Whatever part of an account is closed, its equity is split over its positions in proportion to maintenance. A slice that "
            "fetches less than its share makes a deficit, which others pay at once; one that fetches more pays the liquidation fee out "
            "of the difference."
        ),
        Steps(tuple(f"`{name}`: {told.summary}" for name, told, _ in steps)),
        Grid(("key", "value", "what it is"), rows, code=(0,)),
    ]
    for name, told, subject in steps:
        blocks += [Head(f"Step `{name}`"), Text(told.summary), *told.tell(subject), *keys_of(subject.given, at.asset)]
    return [*blocks, small_fall(at)]


# -- a liquidation under way --


class Fallen:
    """A levered long after the oracle has fallen, with an empty book. Raises Refused."""

    def __init__(self, at: Subject, size: int, fall_to: Callable[[Probe, int], int]) -> None:
        self.probe, self.account = levered(at, at.market.max_leverage, Side.BUY, size)
        self.number = at.number
        self.price = fall_to(self.probe, self.account)
        self.events = self.probe.oracle(self.price)

    @property
    def case(self) -> LiquidationCase | None:
        exchange = self.probe.exchange
        found = next(iter(exchange.state.liquidations.listed()), None)
        return exchange.lifecycle.case(found) if found is not None else None


def between(part: int, parts: int) -> Callable[[Probe, int], int]:
    """A price on the way from the liquidation price (0) to the bankruptcy price (`parts`), and as far again beyond it."""

    def fall_to(probe: Probe, account: int) -> int:
        high = threshold(int(probe.exchange.liquidation_price(account, probe.number)))
        low = threshold(int(probe.exchange.bankruptcy_price(account, probe.number)))
        return max(1, high - (high - low) * part // parts)

    return fall_to


# -- the book --


def book(at: Subject) -> list[Block]:
    given = at.given
    assert isinstance(given, BookDesign)
    formulas = {
        "cash_payers": (
            "limit = the bankruptcy price; or, where that is out of the market's reach, the nearer of",
            "        what the cash payers ahead of deleveraging cover, and spread_ppm beyond mark or oracle",
        ),
        "bankruptcy": ("limit = the bankruptcy price",),
        "fillable": (
            "limit = the better of that of `cash_payers` and",
            "        mark -+ rating x margin_spread_ppm x requirement / lots",
            "rating = adjustment_ppm x (maintenance - equity) / maintenance, from 0 to 1",
        ),
        "band": ("limit = mark x (1 - band_ppm) for a long, mark x (1 + band_ppm) for a short, whoever pays",),
    }
    bound = "within mark x (1 +- band_ppm) in any case; the bankruptcy price leaves the account with nothing"
    meets = Text(f"The order is an ordinary one: it trades {at.trading}.")
    return [meets, Formula((*formulas[given.limit], bound)), parts(given, at), limits(at)]


def parts(given: BookDesign, at: Subject) -> Text:
    if given.partial_ppm >= 1_000_000:
        return Text("Every order is for all of a position.")
    return Text(
        f"Of a position worth more than {units.usd(given.partial_above, at.asset)} the first order sells "
        f"{units.percent(given.partial_ppm)}. For {units.milliseconds(given.cooldown_ms)} after a part was filled, and for good below "
        "that notional, orders are for all of it."
    )


def limits(at: Subject) -> Block:
    """How far the order of a long goes, by how far the mark has fallen."""
    rows, facts = [], []
    try:
        only = replace(at.design.liquidation, steps=("book",), book=replace(at.design.liquidation.book, patience_ms=NEVER_MS))
        for part, name in enumerate(("at the liquidation price", "half way to bankruptcy", "at the bankruptcy price", "half as far again")):
            fallen = Fallen(at._replace(design=replace(at.design, liquidation=only)), SIZE, between(part, 2))
            limit = limit_of(fallen)
            mark = int(fallen.probe.exchange.mark_price(at.number))
            equity = int(fallen.probe.exchange.equity(fallen.account, fallen.probe.asset))
            facts.append(at.price_fact(f"limit {name}", limit))
            rows.append((name, at.price(mark), at.money(equity), facts[-1].shown if limit else "-"))
    except Refused as refused:
        return Worked(f"No example: {refused}.")
    if not facts or not any(fact.value for fact in facts):
        return Text("In this example the market takes what there is to sell before the limit matters.")
    caption = f"The order of a long with its initial margin at {at.market.max_leverage}x sells at this price or better:"
    return Grid(("the mark is", "mark", "equity", "limit"), tuple(rows), right=(1, 2, 3), facts=tuple(facts), caption=caption)


def limit_of(fallen: Fallen) -> int:
    """Of the book step's order in a liquidation under way [ticks]; 0 if there is none."""
    case = fallen.case
    if case is None:
        return 0
    exchange = fallen.probe.exchange
    step = next(one for one in exchange.lifecycle.steps if isinstance(one, BookStep))
    row = next(iter(case.free_rows()), None)
    if row is None:
        return 0
    held = int(case.size(row))
    due = case.slices.bankruptcy_value(row, case.equity(), case.maintenance())
    return int(step.limit(case, row, held, abs(held), due))


# -- the auction --


def dutch_auction(at: Subject) -> list[Block]:
    return [
        Text(
            "On offer are the account's positions at the mark, with a share of its equity. While it has equity, a bidder takes as much "
            "as brings the rest back to maintenance and the buffer; he keeps a growing part of that share's equity. When the time is "
            "over, all is on offer. Below zero equity all is on offer from the start, and the bidder is paid by the cash payers: first "
            "what makes up for the debt, then more and more."
        ),
        Formula(
            (
                "solvent:   gain = equity x (1 - f), f falls from start_ppm to 0 in duration_ms",
                "           share = missing / (missing + what is left to the account of the equity)",
                "insolvent: payment rises in insolvent_duration_ms from the debt to at most maintenance + debt, if the payers have it",
            )
        ),
        *auctions(at),
    ]


def auctions(at: Subject) -> list[Block]:
    """The terms of two auctions over their time: of an account with equity, and of one below zero."""
    given = at.given
    assert isinstance(given, AuctionDesign)
    found: list[Block] = []
    try:
        found.append(auction(at, "with equity", between(1, 2), given.duration_ms))
        found.append(auction(at, "below zero", between(3, 2), given.insolvent_duration_ms))
    except Refused as refused:
        found.append(Worked(f"No example: {refused}."))
    return found


def auction(at: Subject, name: str, fall_to: Callable[[Probe, int], int], duration_ms: int) -> Block:
    fallen = Fallen(at, SIZE, fall_to)
    probe = fallen.probe
    began, equity = probe.now, int(probe.exchange.equity(fallen.account, probe.asset))
    rows: list[tuple[str, str, str]] = []
    facts: list[Fact] = []
    for quarter in QUARTERS:
        probe.now = began + duration_ms * MS_NS * quarter // 4
        probe.send(Tick(probe.now))
        terms = next(iter(probe.exchange.auctions()), None)
        after = units.milliseconds(duration_ms * quarter // 4)
        if terms is None:
            rows += [(after, "it is over", "")] if rows else []
            break
        facts += auction_facts(at, terms, f"{after} into an auction {name}")
        rows.append((after, facts[-2].shown, facts[-1].shown))
    if not rows:
        return Text(f"An account {name} is not auctioned here: what its bidders would have to be paid is more than the cash payers have.")
    caption = (
        f"A long worth {at.worth(probe, SIZE)[1]} at {at.market.max_leverage}x, {name}: its equity is {at.money(equity)}, and nobody bids:"
    )
    return Grid(("time", "on offer", "gain of who takes all"), tuple(rows), right=(0, 1, 2), facts=tuple(facts), caption=caption)


def auction_facts(at: Subject, terms: Auction, when: str) -> tuple[Fact, Fact]:
    share = int(terms.share_ppm)
    return Fact(f"share {when}", share, units.percent(share)), at.fact(f"gain {when}", int(terms.gain))


# -- a shortage --


def cover_shortage(at: Subject) -> list[Block]:
    given = at.given
    assert isinstance(given, ShortageDesign)
    return [
        Formula(
            (
                "lots  = shortage / (worth of a lot x (maintenance rate with its buffer - fee - liquidation fee)), rounded up",
                "share = all of it for a shortage below `small`, else initial_ppm, growing to all of it in duration_ms",
                "limit = oracle x (1 - fee) for a long, and no worse than what account and payers can bear; mirrored for a short",
                "fee   = fee_ppm, after grace_ms per_slot_ppm more with every slot, up to highest_fee_ppm",
            )
        ),
        shortages(at, given),
    ]


def shortages(at: Subject, given: ShortageDesign) -> Grid:
    """Fee and share by time, by the venue's own functions."""
    highest = max(given.fee_ppm, given.highest_fee_ppm)
    rows, facts = [], []
    for elapsed in sorted({0, given.duration_ms // 2, given.duration_ms, given.grace_ms, 2 * given.grace_ms}):
        fee = int(ramped_fee(given.fee_ppm, highest, elapsed, given.grace_ms, given.per_slot_ppm, given.slot_ms))
        share = int(share_to_close(1, 0, given.initial_ppm, elapsed, given.duration_ms, PPM))
        told = units.milliseconds(elapsed)
        facts += [Fact(f"fee after {told}", fee, units.percent(fee)), Fact(f"share after {told}", share, units.percent(share))]
        rows.append((told, facts[-2].shown, facts[-1].shown))
    caption = "How far from the oracle an order may trade, and how much of a position may be closed:"
    return Grid(("time", "fee", "share"), tuple(rows), right=(0, 1, 2), facts=tuple(facts), caption=caption)


# -- the vault --


def takeover(at: Subject) -> list[Block]:
    vault = at.design.vault
    sells = (
        f"Every {units.milliseconds(vault.unwind_interval_ms)} it sells {units.percent(vault.unwind_ppm)} of each position that it "
        f"holds, within {units.percent(vault.unwind_band_ppm)} of mark and oracle."
        if vault.unwind_interval_ms
        else "What it holds it keeps."
    )
    return [
        Formula(("taken over when equity < maintenance x fraction_ppm, at the mark, with the equity that is left or missing",)),
        Text(
            "The vault takes a position with its share of the equity, also of one below zero, as long as that fits into what it may "
            f"lose. Once it has lost {units.percent(vault.loss_limit_ppm)} of its capital it takes nothing more"
            f"{', and what it holds is deleveraged' if deleverages(at.design) else ''}. {sells}"
        ),
        taken_over(at),
        *keys_of(vault, at.asset, "The vault:"),
    ]


def taken_over(at: Subject) -> Block:
    """The highest mark at which the vault takes a long over that the book could not close."""
    given = at.given
    assert isinstance(given, TakeoverDesign)
    try:
        probe, account = levered(at, at.market.max_leverage, Side.BUY, SIZE)
        high = threshold(int(probe.exchange.liquidation_price(account, at.number)))
        low = max(1, 2 * threshold(int(probe.exchange.bankruptcy_price(account, at.number))) - high)
        if not is_taken(at, low):
            return Worked("The vault takes nothing over in this example: the steps before it have not given up, or it may lose nothing.")
        while low < high:
            middle = (low + high + 1) // 2
            if is_taken(at, middle):
                low = middle
            else:
                high = middle - 1
    except Refused as refused:
        return Worked(f"No example: {refused}.")
    fact = at.price_fact("highest mark of a takeover", low)
    return Worked(
        f"A long worth {at.worth(probe, SIZE)[1]} at {at.price(probe.price)}, with its initial margin at {at.market.max_leverage}x, is "
        f"liquidated from {at.price(int(probe.exchange.liquidation_price(account, at.number)))} on; if the book takes nothing, the vault "
        f"takes it over from {fact.shown} on.",
        (fact,),
    )


def is_taken(at: Subject, price: int) -> bool:
    """Does the vault take the long over when the mark falls to `price`, after the patience of the steps before it?"""
    fallen = Fallen(at, SIZE, lambda probe, account: price)
    probe = fallen.probe
    patience = sum(int(step.patience) for step in probe.exchange.lifecycle.steps if int(step.patience) < NEVER_MS * MS_NS)
    probe.wait(patience + at.design.liquidation.retry_ms * MS_NS, probe.fresh_step())
    return int(probe.exchange.position(fallen.account, at.number).size) == 0


EXPLAINED: Final[Explanations] = {
    ("liquidation.steps", "collateral"): Explanation(
        "collateral", "Assets that count as money are sold in their spot market, for no less than they count.", nothing_more
    ),
    ("liquidation.steps", "book"): Explanation(
        "book", "An immediate order into the market, with a price beyond which it does not trade.", book
    ),
    ("liquidation.steps", "dutch_auction"): Explanation(
        "auction", "Bidders take over a share of the account at the mark, at a price that gets better for them with time.", dutch_auction
    ),
    ("liquidation.steps", "cover_shortage"): Explanation(
        "shortage", "An order into the market for no more than what makes the account whole, at a price that gives way.", cover_shortage
    ),
    ("liquidation.steps", "takeover"): Explanation(
        "vault", "Below a part of maintenance a backstop vault takes the positions over at the mark.", takeover
    ),
}
