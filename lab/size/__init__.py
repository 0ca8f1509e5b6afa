"""`perplab size`: how large one trade may be, how likely it is liquidated, and how it is hedged, with every step of the arithmetic."""
