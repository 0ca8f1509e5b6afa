"""Commands, events and codes: the public names, wherever the files are."""

from .schema.messages import *  # noqa: F403
