"""The example shop with Django's connection pool, whose guard forks a new worker after each task."""

from config.settings import *  # noqa: F403

DATABASES["default"].setdefault("OPTIONS", {})["pool"] = True  # noqa: F405 - of the shop's settings
Q_CLUSTER["recycle"] = 1  # noqa: F405 - as above
