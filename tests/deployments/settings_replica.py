"""The example shop with a primary database and a replica. The default alias is empty, as Django allows."""

import os

import dj_database_url

from config import settings as shop
from config.settings import *  # noqa: F403

_PRIMARY = shop.DATABASES["default"]
_REPLICA = _PRIMARY | dj_database_url.parse(os.environ["REPLICA_URL"])
DATABASES = {"default": {}, "primary": _PRIMARY, "replica": _REPLICA}
DATABASE_ROUTERS = ["tests.deployments.routers.PrimaryReplicaRouter"]

# Rows of sessions would be on the replica too late for the shop's own pages.
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
Q_CLUSTER["orm"] = "primary"  # noqa: F405 - of the shop's settings
