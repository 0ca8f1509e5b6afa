"""Trading bots, one per file; sans-IO, so the same bot runs in the lab and over sockets."""
