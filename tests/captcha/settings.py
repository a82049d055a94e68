"""Settings of the example shop with a CAPTCHA."""

from pathlib import Path

from config.settings import *  # noqa: F403 - as settings are extended
from config.settings import TEMPLATES, VTON

TEMPLATES = [{**TEMPLATES[0], "DIRS": [Path(__file__).parent / "templates"]}]
VTON = VTON | {"CAPTCHA": "tests.captcha.human.is_human"}
