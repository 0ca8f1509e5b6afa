"""All adapters: importing this registers them."""

from . import curves as curves
from . import funding as funding
from . import funding_curves as funding_curves
from . import liquidation as liquidation
from . import losses as losses
from . import margin as margin
from . import sequencing as sequencing
