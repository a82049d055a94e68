"""The tests' settings, with a private storage whose every step is watched: for the victim alone."""

from tests.settings import *  # noqa: F403

STORAGES["vton"]["BACKEND"] = "tests.faults.step_hooks.WatchedFolder"  # type: ignore[index] # noqa: F405 - of the shop's settings
