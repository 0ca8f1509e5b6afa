"""Commands and who may send them, limits, events and codes: the public names, wherever the files are."""

from .schema.messages import *  # noqa: F403
