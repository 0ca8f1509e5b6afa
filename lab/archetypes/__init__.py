"""Strategy archetypes: traders whose accounts are followed, each with a result line of its own, on one venue or on several at once."""
