"""How orders become positions: what a market lets be done, the book, the match, accounts, and the prices they are measured at.

Matching plans, then executes: what an order would do is computed once, by code that changes nothing.
Internal: nothing here knows of liquidations.
"""
