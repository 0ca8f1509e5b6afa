"""perplab.clients: what talks to a venue. So far the bots, in `bots/`; the lab carries them."""
