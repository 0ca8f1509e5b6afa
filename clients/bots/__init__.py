"""Trading bots, one per file; `base` says what a bot is. They do no I/O, so whoever calls them decides where they run."""
