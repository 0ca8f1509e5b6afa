"""Everything that talks to a venue."""
