"""Which fees an account pays in a market: by the tiers of a venue for what it has traded, or as the venue says."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from . import types as t
from .units import Market, Number, exact


def at_volume(terms: Market, tiers: Sequence[t.FeeTier], volume: Number) -> Market:
    """The terms with the fees of an account that has traded `volume` [USD] in the whole days that count. Raises ValueError.

        fees = those of the last tier whose volume is not above `volume`; below the first tier the market's own

    The volume is that of the account and its sub-accounts, as taker and maker, in all markets; what is traded today counts from tomorrow.
    A rebate by the share of what all makers have traded no volume tells: `at_rates` has it.

    Example: tiers of 0.04 % from 5,000,000 USD on and of 0.035 % from 25,000,000 on: who has traded 30,000,000 pays 0.035 % as taker.
    """
    traded = exact(volume, "the volume")
    if traded < 0:
        raise ValueError(f"the volume is {traded:f}; expected 0 or more")
    tier = max((one for one in tiers if one.volume <= traded), key=lambda one: one.volume, default=None)
    return terms if tier is None else replace(terms, maker_fee=tier.maker_fee, taker_fee=tier.taker_fee)


def at_rates(terms: Market, rates: t.FeeRates) -> Market:
    """The terms with the fees that hold for an account now, as `fee_rates()` of a client tells them. Raises ValueError for a market that it
    does not tell of."""
    found = rates.of(terms.name)
    return replace(terms, maker_fee=found.maker_fee, taker_fee=found.taker_fee)
