"""All that crosses the boundary of the venue: commands, events, codes, views, and the door that examines packed commands.

One schema serves the typed API, the packed rows, the journal and the wire. Imports only the limits of state/types.py.
Internal: import `perplab.exchange.messages`, `.events`, `.codes` and `.units` instead.
"""
