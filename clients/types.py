"""What a client hands out and takes: frozen structs. Prices are USD, sizes coins, money USD, all as Decimal; times are ns of the venue's
clock.

Three families: answers (Order, Account, Ticker, ...), what is asked for (NewOrder, Cancel, ...), and events, which streams bring and which
a client makes itself to say that it has lost or found something (Gap, Disconnected, Reconnected, Dropped).
"""

from .types_account_events import *  # noqa: F403
from .types_algos import *  # noqa: F403
from .types_answers import *  # noqa: F403
from .types_asked import *  # noqa: F403
from .types_curves import *  # noqa: F403
from .types_events import *  # noqa: F403
from .types_public_events import *  # noqa: F403
