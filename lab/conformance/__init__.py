"""Conformance: published worked examples, calculated by the functions that the venue itself uses."""
