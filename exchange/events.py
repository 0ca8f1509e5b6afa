"""Events and who is told of them: the public names."""

from .schema.events import *  # noqa: F403
