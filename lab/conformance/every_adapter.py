"""All adapters: importing this registers them."""

from . import funding as funding
from . import liquidation as liquidation
from . import losses as losses
from . import margin as margin
