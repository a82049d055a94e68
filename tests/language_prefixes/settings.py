"""Settings of the example shop with language prefixes."""

from config.settings import *  # noqa: F403 - extends the settings

ROOT_URLCONF = "tests.language_prefixes.shop_only"
