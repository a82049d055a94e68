"""The tests' settings for the process under test: its private storage reports every operation."""

from tests.settings import *  # noqa: F403

STORAGES["vton"]["BACKEND"] = "tests.faults.fault_points.InstrumentedStorage"  # type: ignore[index] # noqa: F405 - of the shop's settings
