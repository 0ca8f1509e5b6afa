"""What losers could not pay and who paid it, added up so that nothing is missing and nothing is counted twice.

Rules of the file: `waterfall` is an identity of the ledger, in whole micro-units, with a source and a payer for every payment. A payment
is counted where it is made: by fund, pool, winners in ADL, all open positions, bidders, nobody. The vault is the one payer that goes on to
trade what it took over, so it stands with its whole result. `total_usd` takes out what was paid by those who could not pay either: their
part comes back as a deficit of their own, and others pay that.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from msgspec import Struct

from perplab.exchange.codes import Method, Payer
from perplab.exchange.events import AuctionTaken, DeficitPaid, Deleveraged, Liquidated, LossSocialized, SurplusPaid
from perplab.exchange.messages import FIRST_USER, SystemAccount

from ..runs import Floats, Ints
from .positions import accrued, steps_of
from .rows import Log, Rows, total_by
from .valuation import closing_equity_at_true, loss_at_mark


class Waterfall(Struct, frozen=True):
    """Both sides of what losers could not pay, valued at the mark; the sums of `owed` and of `paid` are equal. [micro]"""

    owed: dict[str, int]
    paid: dict[str, int]


class Conceded(NamedTuple):
    """What winners conceded to a loser in one slice of ADL, where it lacked money; rows by slice. Shapes (n,)."""

    loser: Ints
    amount: Ints  # [micro] at least 0


def waterfall(log: Log) -> Waterfall:
    """The identity: deficits + what bidders were paid beyond them + what the vault lost with its positions + still open = all payers."""
    paid, auctions, slices = log[DeficitPaid], log[AuctionTaken], log[Liquidated]
    told = slices.where((slices["account"] != SystemAccount.VAULT) & (slices["method"] != Method.AUCTION))
    net = auctions["paid"] - auctions["gain"]  # what came to the loser; below zero his own equity went to the bidder
    conceded = conceded_by_slice(log)
    vault, open_deficit = loss_at_mark(log, SystemAccount.VAULT), int(np.maximum(-log.run.closing_equity[FIRST_USER:], 0).sum())
    is_vault, for_vault = conceded.loser == SystemAccount.VAULT, paid["account"] == SystemAccount.VAULT
    to_vault = int(conceded.amount[is_vault].sum() + paid["amount"][for_vault].sum())
    return Waterfall(
        owed={
            "deficits": int(told["deficit"].sum() + np.maximum(net, 0).sum()),
            "bidders_premium": int(np.minimum(auctions["paid"], np.maximum(auctions["gain"], 0)).sum()),
            "vault_trading": vault - by_payer(paid, Payer.VAULT) + to_vault,
            "open_deficit": open_deficit,
        },
        paid={
            "insurance_fund": by_payer(paid, Payer.INSURANCE_FUND),
            "pool": by_payer(paid, Payer.OTHER),
            "socialized": by_payer(paid, Payer.SOCIALIZED),
            "uncovered": by_payer(paid, Payer.UNCOVERED),
            "winners": int(conceded.amount.sum()),
            "bidders": int(np.where(net >= 0, np.maximum(-auctions["gain"], 0), 0).sum()),
            "vault": vault,
            "open_deficit": open_deficit,
        },
    )


def by_payer(paid: Rows, payer: Payer) -> int:
    return int(paid["amount"][paid["payer"] == payer].sum())


def conceded_by_slice(log: Log) -> Conceded:
    """A slice of ADL is a `Liquidated` and the `Deleveraged` before it, of the same loser. Where the loser still had money at the mark,
    the price gives it to the winners: that is no loss of theirs."""
    slices, place, _, given = given_in_slices(log)
    amount = np.zeros(len(slices), np.int64)
    np.add.at(amount, place, given)
    return Conceded(slices["account"], np.maximum(amount, 0))


def given_in_slices(log: Log) -> tuple[Rows, Ints, Ints, Ints]:
    """The slices of ADL, and of each of their fills the slice's number, the winner, and what he gave up against the mark; the sign is that
    of the loser's slice. [micro]"""
    slices, fills = log[Liquidated], log[Deleveraged]
    slices = slices.where(slices["method"] == Method.ADL)
    place = np.searchsorted(slices["seq"], fills["seq"])
    fills, place = fills.where(place < len(slices)), place[place < len(slices)]
    at_mark = fills["size"] * fills["mark"] * log.run.terms.unit
    given: Ints = np.where(slices["size"][place] > 0, 1, -1) * (fills["value"] - at_mark)
    return slices, place, fills["winner"], given


# -- the headline --


def vault_cost_usd(log: Log) -> float:
    """What the vault lost from the first takeover to the end, what it still holds at the true price; below zero it has gained. [USD]"""
    vault = SystemAccount.VAULT
    return log.usd(int(log.run.opening_equity[vault]) - int(closing_equity_at_true(log)[vault]))


def total_usd(log: Log) -> float:
    """What others than the losers lost, or will when what is open at the end is closed at the true price. [USD]"""
    equity = closing_equity_at_true(log)
    open_deficit = np.maximum(-equity, 0)
    open_deficit[:FIRST_USER] = 0
    payers = waterfall(log).paid
    flows = sum(amount for name, amount in payers.items() if name not in ("vault", "open_deficit"))
    vault = max(0.0, vault_cost_usd(log))
    return log.usd(flows + int(open_deficit.sum())) + vault - log.usd(1) * float(paid_twice(log, open_deficit, vault / log.usd(1)).sum())


def paid_twice(log: Log, open_deficit: Ints, vault_cost: float) -> Floats:
    """By account: what it paid of others' losses and others paid for it, since it could not; of the vault what its result holds. [micro]"""
    count = len(open_deficit)
    shared = socialized_by_account(log, count)
    paid = shared + conceded_by_winner(log, count)
    rows, conceded, bids = log[DeficitPaid], conceded_by_slice(log), log[AuctionTaken]
    got = open_deficit + total_by(rows["account"], rows["amount"], count) + total_by(conceded.loser, conceded.amount, count)
    got += total_by(bids["account"], np.where(bids["paid"] >= bids["gain"], np.maximum(-bids["gain"], 0), 0), count)
    twice: Floats = np.minimum(paid, got)
    twice[SystemAccount.VAULT] = min(shared[SystemAccount.VAULT], vault_cost)
    return twice


def conceded_by_winner(log: Log, count: int) -> Floats:
    """What each account gave up against the mark when it was deleveraged, at least 0; the sign is that of the loser's slice. [micro]"""
    _, _, winner, given = given_in_slices(log)
    return total_by(winner, np.maximum(given, 0), count)


def socialized_by_account(log: Log, count: int) -> Floats:
    """What each account paid of shared losses by lots that it held open: the loser's own share nothing. [micro]

    Lots that were closed or opened in the loser's slice are left out: the first paid at once, the second got it back.
    """
    shared = log[LossSocialized]
    if not len(shared):
        return np.zeros(count)
    rows = log[DeficitPaid]
    rows = rows.where(rows["payer"] == Payer.SOCIALIZED)
    changes = steps_of(log, np.arange(count))
    scale = 2.0**log.run.terms.accrual_shift
    each = accrued(changes, np.abs(changes.after), shared, shared["accrual_delta"], count) / scale
    after = np.searchsorted(rows["seq"], shared["seq"])  # the loser is told in the next event
    known = after < len(rows)
    loser, delta, seq = rows["account"][after[known]], shared["accrual_delta"][known], shared["seq"][known]
    held = held_at(changes.account, changes.seq, changes.after, loser, seq)
    return each - total_by(loser, np.abs(held) * delta.astype(np.float64), count) / scale


def held_at(account: Ints, seq: Ints, after: Ints, who: Ints, when: Ints) -> Ints:
    """Lots that each of `who` held at each event `when`, of steps that are sorted by (account, seq)."""
    step = np.searchsorted(account, who)
    last = np.searchsorted(account, who, side="right")
    found = [first + int(np.searchsorted(seq[first:end], at, side="right")) - 1 for first, end, at in zip(step, last, when)]
    held: Ints = after[np.array(found, np.int64)]
    return held


# -- the fund on the way --


def fund_drawdown_usd(log: Log) -> float:
    """Largest fall of the insurance fund from a level that it had before. [USD]

    What it spent and what it was left are events. Its part of liquidation fees is not told fee by fee: the sum is what its account grew
    by besides, and is spread over the fees in proportion.
    """
    run, fund = log.run, SystemAccount.INSURANCE_FUND
    paid, left, slices = log[DeficitPaid], log[SurplusPaid], log[Liquidated]
    paid, left = paid.where(paid["payer"] == Payer.INSURANCE_FUND), left.where(left["to"] == fund)
    grown = int(run.closing_equity[fund]) - int(run.opening_equity[fund])
    fees = grown + int(paid["amount"].sum()) - int(left["amount"].sum())
    charged = int(slices["fee"].sum())
    share = fees / charged if charged else 0.0
    seq = np.concatenate((paid["seq"], left["seq"], slices["seq"]))
    moves = np.concatenate((-paid["amount"], left["amount"], slices["fee"] * share)).astype(np.float64)
    level = np.append(0.0, np.cumsum(moves[np.argsort(seq, kind="stable")]))
    return float((np.maximum.accumulate(level) - level).max()) * log.usd(1)
