"""perplab.oracle: what the outside world's price is, and when the venue hears of it.

`paths` makes the true price, out of nothing or through the `bars` of a file (`klines`); `sources` says what each outside
venue reports of it, `feed` makes of these reports the updates that reach the venue.
Rule of the package: prices are floats in USD here; only `feed.Updates` speaks the venue's language, whole ticks.
It knows nothing of the venue but the `UpdateOracle` command: a price arrives there as a message like any other.
"""
