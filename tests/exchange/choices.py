"""Where the property tests take their choices from: hypothesis (`Drawn`, which shrinks) or a seed (`Seeded`, the same on every machine)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

T = TypeVar("T")
DEEP: Final = os.environ.get("HYPOTHESIS_PROFILE") == "deep"


def examples(count: int, deep: int = 40) -> settings:
    """Settings for `count` examples, `deep` times as many under HYPOTHESIS_PROFILE=deep."""
    return settings(
        max_examples=count * deep if DEEP else count, deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )  # fmt: skip


class Source:
    def integer(self, low: int, high: int) -> int:
        """low <= result <= high."""
        raise NotImplementedError

    def pick(self, options: Sequence[T]) -> T:
        return options[self.integer(0, len(options) - 1)]

    def chance(self, percent: int) -> bool:
        """True in about `percent` of 100 cases; a shrunk example takes False."""
        return self.integer(0, 99) >= 100 - percent


class Seeded(Source):
    """SplitMix64: the same numbers from the same seed everywhere."""

    def __init__(self, seed: int) -> None:
        self.state = seed & (2**64 - 1)

    def integer(self, low: int, high: int) -> int:
        self.state = (self.state + 0x9E3779B97F4A7C15) & (2**64 - 1)
        z = self.state
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & (2**64 - 1)
        z = (z ^ z >> 27) * 0x94D049BB133111EB & (2**64 - 1)
        return low + (z ^ z >> 31) % (high - low + 1)


class Drawn(Source):
    """Choices of hypothesis."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data

    def integer(self, low: int, high: int) -> int:
        return int(self.data.draw(st.integers(low, high)))
