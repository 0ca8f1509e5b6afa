"""What a scenario says of further markets and of the people who hold positions in several of them: `[further_markets.NAME]` and `[books]`.

Rules: the first market is the scenario's own, with its path, depth and open interest; a further one is a copy of the design's market with
a price of its own that begins at the same level.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from ..paths import Table

Share = Annotated[float, Meta(ge=0, le=1)]
Correlation = Annotated[float, Meta(ge=-1, le=1)]
Multiple = Annotated[float, Meta(ge=0.01, le=100)]


class FurtherMarket(Table, frozen=True):
    """A market beside the first: its price by that of the first, its size by that of the first."""

    beta: Annotated[float, Meta(ge=0, le=10)]  # its volatility over that of the first: 1.5 falls by half more where both fall together
    correlation: Correlation  # of its returns and those of the first while makers are calm
    crisis_correlation: Correlation  # and where they have withdrawn as far as they do; in between, in a line
    open_interest: Multiple  # over that of the first
    depth: Multiple  # over that of the first: of the makers' depth, the noise, and the capital of all who trade there


class Books(Table, frozen=True):
    """What the scenario's longs and directional shorts hold; hedgers take the other side, each in one market."""

    hedged: Share  # of these people: half of their notional long in one market, half short in another
    one_sided: Share  # the same side in every market, by its open interest; the rest hold a position in one market

    def __post_init__(self) -> None:
        if self.hedged + self.one_sided > 1.0:
            raise ValueError(f"hedged + one_sided: {self.hedged + self.one_sided:g} given, expected at most 1")
