"""The wire of Hyperliquid's API, so that bots that speak it run unchanged: /info, /exchange and /ws of the gateway's port.

dialect.py ties it together: identity.py says who asks (signing.py recovers it), info.py and its neighbours answer, actions.py trades,
feeds.py are the subscriptions of a socket. What the venue itself does is not Hyperliquid's but the design's: docs/hyperliquid.md.
"""
