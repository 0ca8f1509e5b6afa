"""The deterministic venue: commands in, events out."""

from .build import BUILD as BUILD
from .engine import Exchange as Exchange
from .journal import Journal as Journal
from .journal import replay as replay
from .messages import Malformed as Malformed
from .venue import Venue as Venue
from .venue import VenueError as VenueError
from .venue import load_venue as load_venue
from .venue import shipped_venues as shipped_venues
