"""What has happened on a venue that is served, as far as it is kept: for answers about the past, which the venue itself does not keep.

`host.history` is a `History` (history.py). What it says is as of now. `interval` is one of INTERVALS in records.py.

    history.candles(market, interval, since, until, limit)  -> list[Candle]        the last 5,000 minutes and hours of a market
    history.day(market)                                     -> Day                 the last 24 hours
    history.trades(market, after, limit)                    -> list[Trade]         the last 500 of a market
    history.charges(market, since, until, limit)            -> list[Charge]        funding, the last 2,000 of a market
    history.liquidations(after, limit)                      -> list[Liquidation]   the last 500 of the venue

    history.fills(account, since, until, limit, after)      -> list[Fill]          the last 2,000 of an account, and so are these:
    history.orders(account, since, until, limit, after)     -> list[OrderRecord]   that have ended, and the last 500 that were refused
    history.order(account, order_id)                        -> OrderRecord | None  open or ended
    history.order_of_client(account, hi, lo)                -> OrderRecord | None  the last one that had this client id, refused or not
    history.twap_of(account, order_id)                      -> int                 the TWAP that it was a slice of, 0: none
    history.payments(account, since, until, limit, after)   -> list[Payment]       funding
    history.moves(account, since, until, limit, after)      -> list[Move]          money in and out
    history.closings(account, since, until, limit, after)   -> list[Closing]       of its positions, in liquidations

    history.began   (seq, ts): the last event before all that is kept, and the time [ns] of the first one that is

Every list is the oldest first; `since` and `until` are the venue's time [ns], both included; `limit`: the newest so many of these; `after`:
only what has a greater `seq`. The records, with their units, are in records.py; a market of theirs is a number of the venue's.

Accounts are kept if they have a user: not the venue's own, and not those of the house. After a start what is kept begins with the events
that the journal hands on (store.RECENT), after a rewind with what was known of the orders that are open again. A position that is older is
known all the same, since the venue says what it is now; what it had cost may not be, and then a fill that closed a part of it says so:
`closed_pnl` is None.

While nobody asks, an event costs a look at its kind and, if it is kept, the copy of its row (recording.py, shelves.py, series.py, which are
compiled). Memory is bounded in all: of many accounts the oldest rows go first.
"""