"""A venue's design: what its TOML may say, the designs that ship, and how a design becomes rules of the core.

Every rule is chosen by its name from a registry; a user's file registers its own the same way.
Internal: `perplab.exchange` gives load_venue and register, `perplab.exchange.rules` the bases of rules.
"""
