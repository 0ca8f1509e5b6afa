"""The venue behind sockets. What bytes mean is decided without I/O (frames, requests, session, host); shells move bytes and know no rule.

Nothing of the core imports this room. A command goes through the same door as any other: it is stamped, journaled, and carried out.
"""
