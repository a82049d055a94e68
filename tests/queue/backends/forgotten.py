"""The example shop whose developer took django-q2 away and named nothing in its place."""

from .alone import *  # noqa: F403

del VTON["ENQUEUE"]  # noqa: F405 - of the shop's settings
