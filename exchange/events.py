"""Events and who is told of them: the public names. `perplab.exchange.messages` has them too."""

from .schema.audience import *  # noqa: F403
from .schema.events import *  # noqa: F403
