"""Validation: what simulated runs show, held against what is on record (`perplab validate`, docs/validation.md)."""
