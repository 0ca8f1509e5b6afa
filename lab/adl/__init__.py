"""Auto-deleveraging as a selection problem: who is closed and what is taken, by many policies on one frozen snapshot."""
