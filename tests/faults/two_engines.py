"""The example shop's settings, with a second engine for garments."""

from __future__ import annotations

from config.settings import *  # noqa: F403

VTON["ENGINES"] = {"second-v1": "tests.lifecycle.second_engine.Second"}  # noqa: F405 - of the shop's settings
INSTALLED_APPS += ["tests.faults.two_engines_app.TwoEnginesConfig"]  # noqa: F405 - as above
