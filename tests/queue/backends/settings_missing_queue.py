"""The example shop after django-q2 was removed and no other queue was set."""

from .settings_no_queue import *  # noqa: F403

del VTON["ENQUEUE"]  # noqa: F405 - from the shop's settings
