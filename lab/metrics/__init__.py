"""What is measured of a run: `measure(run)` gives every number of docs/metrics.md, under the same names."""

from .catalogue import CATALOGUE as CATALOGUE
from .catalogue import Accounting as Accounting
from .catalogue import Measure as Measure
from .catalogue import Metrics as Metrics
from .catalogue import measure as measure
from .losses import MetricsError as MetricsError
