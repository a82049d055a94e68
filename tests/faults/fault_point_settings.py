"""The tests' settings for the process under test: its private storage reports every operation."""

from tests.settings import *  # noqa: F403

VTON = VTON | {"ENGINES": {"second-v1": "tests.lifecycle.second_engine.Second"}}  # noqa: F405 - as below
STORAGES["vton"]["BACKEND"] = "tests.faults.fault_points.InstrumentedStorage"  # type: ignore[index] # noqa: F405 - of the shop's settings
