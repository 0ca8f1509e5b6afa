"""Reverse stress tests: the smallest change of a scenario or of a design at which something breaks, `perplab reverse`."""
