"""What has happened on a venue that is served, as far as it is kept: for answers about the past, which the venue itself does not keep.

`host.history` is a `History`. All its questions first read what has happened since the last one, so that what they say is as of now.

    history.candles(market, interval, since, until, limit)  -> list[Candle]        interval: "1m" ... "1M", see INTERVALS
    history.day(market)                                     -> Day                 the last 24 hours
    history.trades(market, after, limit)                    -> list[Trade]         the last 500 of a market
    history.charges(market, since, until, limit)            -> list[Charge]        funding, the last 2,000 of a market
    history.liquidations(after, limit)                      -> list[Liquidation]   the last 500 of the venue

    history.fills(account, since, until, limit, after)      -> list[Fill]          the last 2,000 of an account, and so are these:
    history.orders(account, since, until, limit, after)     -> list[OrderRecord]   that have ended
    history.order(account, order_id)                        -> OrderRecord | None  open or ended
    history.order_of_client(account, hi, lo)                -> OrderRecord | None  the last one that had this client id, refused or not
    history.payments(account, since, until, limit, after)   -> list[Payment]       funding
    history.moves(account, since, until, limit, after)      -> list[Move]          money in and out

    history.began   (seq, ts): what is kept begins behind this event
    history.lost    events that nobody has seen: more of them had come at once than the venue's ring keeps

Every list is the oldest first; `since` and `until` are the venue's time [ns], both included; `limit`: the newest so many of these; `after`:
only what has a greater `seq`. The records, with their units, are in records.py; a market of theirs is a number of the venue's.

Accounts are kept if they have a user: not the venue's own, and not those of the house.
"""
