"""The deterministic venue: commands in, events out."""

from pathlib import Path

from .build import BUILD as BUILD
from .build import HiddenInstallation as HiddenInstallation
from .build import warn_of_hidden_installation
from .design.registry import RegisterError as RegisterError
from .design.registry import register as register
from .design.venue import VenueDesign as VenueDesign
from .design.venue import VenueError as VenueError
from .design.venue import compared_venues as compared_venues
from .design.venue import load_venue as load_venue
from .design.venue import shipped_venues as shipped_venues
from .design.venue import venue_of_json as venue_of_json
from .engine import Exchange as Exchange
from .engine import restore as restore
from .journal import Journal as Journal
from .journal import replay as replay
from .schema.messages import Malformed as Malformed
from .schema.messages import VenueBroken as VenueBroken
from .schema.messages import VenueBusy as VenueBusy
from .state.snapshot import SnapshotError as SnapshotError

if BUILD == "interpreted":
    warn_of_hidden_installation(Path(__file__).parent)
