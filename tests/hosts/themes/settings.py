"""The example shop, with the admin theme that the environment names."""

import os
from decimal import Decimal

from config.settings import *  # noqa: F403 - The settings of the example shop.
from config.settings import INSTALLED_APPS, MIDDLEWARE, VTON

THEME = os.environ.get("THEME", "")

ROOT_URLCONF = "tests.hosts.themes.urls"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
VTON |= {"DAILY_BUDGET": Decimal(2), "MONTHLY_BUDGET": Decimal(40)}
JAZZMIN_SETTINGS = {"use_google_fonts_cdn": False}
JAZZMIN_UI_TWEAKS = {"default_theme_mode": "auto"}

if THEME:
    INSTALLED_APPS = [THEME, *INSTALLED_APPS]
    # The themes need inline scripts. Without a theme, the policy of the example shop forbids them.
    MIDDLEWARE = [name for name in MIDDLEWARE if name != "shop.middleware.content_security_policy"]
