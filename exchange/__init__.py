"""The deterministic venue: commands in, events out."""

from importlib import import_module

from .build import BUILD as BUILD
from .engine import Exchange as Exchange
from .journal import Journal as Journal
from .journal import replay as replay
from .liquidations import SCREENS
from .messages import Malformed as Malformed
from .venue import Venue as Venue
from .venue import VenueError as VenueError
from .venue import load_venue as load_venue
from .venue import shipped_venues as shipped_venues

if BUILD == "interpreted":  # by name: the compile step would follow the import and want numpy
    SCREENS.append(import_module(".screen", __name__).NumpyScreen())
