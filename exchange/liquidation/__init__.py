"""How a position that cannot be kept is closed, and who pays what is left.

A pass finds accounts below maintenance; steps close them, slice by slice; backstops pay deficits.
Internal: a rule of your own is registered with `perplab.exchange.register`.
"""
