"""Algo orders: conditional orders and others that the venue sends on an account's behalf, when their time or price has come.

What they send are orders like any: nothing here trades, moves money or asks for margin by itself.
"""
