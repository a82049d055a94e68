"""The example shop with its pages under language prefixes, as it runs."""

from config.settings import *  # noqa: F403 - as settings are extended

ROOT_URLCONF = "tests.prefixes.outside"
