"""The example shop without a queue, and without django-q2: its import fails."""

import sys

sys.modules["django_q"] = None  # type: ignore[assignment] # what Python looks for before it imports

from config.settings import *  # noqa: E402, F403

INSTALLED_APPS.remove("django_q")  # noqa: F405 - of the shop's settings
VTON["ENQUEUE"] = "django_vton.queue.no_queue"  # noqa: F405 - as above
