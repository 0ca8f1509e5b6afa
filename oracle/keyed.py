"""Keyed randomness: every use draws from its own stream, named by (seed, agent, purpose, counter).

Rules: there is no shared stream, so that adding a draw, an agent or a source changes no other draws; nothing is seeded
from a clock or the operating system. Equal keys give equal streams on every machine with the same numpy version.
"""

from __future__ import annotations

import operator
from hashlib import blake2b

import numpy as np


def _encode(part: object) -> bytes:
    """One key part as tag, length, bytes: no two different keys share an encoding (1 is not "1", "a", "b" not "ab")."""
    if isinstance(part, str):
        body = part.encode("utf-8", "surrogatepass")
        return b"s%d:%b" % (len(body), body)
    if isinstance(part, bool) or not hasattr(part, "__index__"):
        raise TypeError(f"key part {part!r}: expected an int or a str")
    body = b"%d" % operator.index(part)
    return b"i%d:%b" % (len(body), body)


def derive(seed: int, *key: int | str) -> int:
    """A child seed: 128 bits [0, 2^128) of blake2b over (seed, key); TypeError for a part that is not int or str.

    >>> derive(1, "market", 0) == derive(1, "market", 1)
    False
    """
    if isinstance(seed, str):
        raise TypeError(f"seed {seed!r}: expected an int")
    digest = blake2b(b"".join(map(_encode, (seed, *key))), digest_size=16, person=b"perplab keyed")
    return int.from_bytes(digest.digest(), "little")


def generator(seed: int, *key: int | str) -> np.random.Generator:
    """A fresh generator (PCG64) for this key alone, at its first draw; TypeError for a part that is not int or str.

    >>> generator(1, "taker", 7).random() == generator(1, "taker", 7).random()
    True
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(derive(seed, *key))))
