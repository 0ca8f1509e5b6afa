"""A hash of integers: what the venue uses where others would draw a random number. The same on every machine and build."""

from __future__ import annotations

from typing import Final

MASK: Final[int] = (1 << 64) - 1


def mixed(state: int) -> int:
    """One step of SplitMix64 (Steele, Lea, Flood 2014): the output for a state, 0 to 2^64 - 1."""
    z = (state + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def hash64(*numbers: int) -> int:
    """A number from 0 to 2^64 - 1 that depends on all of `numbers`, each taken modulo 2^64, and on their order.

    Each is added to what the ones before it made, and mixed by a step of SplitMix64: hash64(0) is the first output of its seed 0.
    """
    state: int = 0
    for number in numbers:
        state = mixed((state + number) & MASK)
    return state
