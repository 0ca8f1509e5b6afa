"""The codes that messages carry: the public names."""

from .schema.codes import *  # noqa: F403
