"""Integer roots, exact: the result is the real one, rounded down."""

from __future__ import annotations


def root_floor(n: int, degree: int) -> int:
    """floor(n^(1 / degree)) for n >= 0. Newton's steps from above, from a start that is the root of the upper half of the digits."""
    if degree == 1 or n < 2:
        return n
    bits = n.bit_length()
    if bits <= degree:
        return 1
    if bits <= 4 * degree:
        root = 1 << -(-bits // degree)
    else:
        shift = bits // degree // 2
        root = (root_floor(n >> shift * degree, degree) + 1) << shift
    while True:  # root >= the real one: each step lowers it, until it is the floor
        lower = ((degree - 1) * root + n // root ** (degree - 1)) // degree
        if lower >= root:
            return root
        root = lower
