"""Venue designs compared under stress, and the command line."""
