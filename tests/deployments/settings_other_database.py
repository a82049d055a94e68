"""The example shop with users and try-ons in another database than its products and its queue."""

from pathlib import Path

from config import settings as shop
from config.settings import *  # noqa: F403

_SHOP = shop.DATABASES["default"] | {"ATOMIC_REQUESTS": True}
DATABASES = {"default": _SHOP, "people": _SHOP | {"NAME": Path(_SHOP["NAME"]).with_name("people.sqlite3")}}
DATABASE_ROUTERS = ["tests.deployments.routers.AppRouter"]
