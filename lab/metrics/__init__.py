"""What is measured of a run: `measure(run)` gives every number of docs/metrics.md, under the same names."""

from .catalogue import CATALOGUE as CATALOGUE
from .catalogue import Accounting as Accounting
from .catalogue import Measure as Measure
from .catalogue import Metrics as Metrics
from .catalogue import measure as measure
from .catalogue import wealth as wealth
from .catalogue import with_costs as with_costs
from .costs import BASELINE as BASELINE
from .costs import INSURED as INSURED
from .rows import MetricsError as MetricsError
from .wealth import Wealth as Wealth
from .wealth import common_set as common_set
