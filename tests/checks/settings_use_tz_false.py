"""The example shop without aware datetimes."""

from config.settings import *  # noqa: F403

USE_TZ = False
