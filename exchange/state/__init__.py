"""All state of a venue, and nothing but state: what is not here is forgotten between two commands.

Every table proves itself with `check()`; the hash lists it, a snapshot dumps it. No rule is decided here and no money is moved.
Internal: ask an `Exchange` instead.
"""
