"""The example shop with ATOMIC_REQUESTS, and with a cache in Redis if CACHE_URL is set."""

import os

from tests.faults.outage_settings import *  # noqa: F403

DATABASES["default"]["ATOMIC_REQUESTS"] = True  # noqa: F405 - of the shop's settings
if url := os.environ.get("CACHE_URL"):
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}}
