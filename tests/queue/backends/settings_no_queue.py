"""The example shop without a queue. Importing django-q2 fails."""

import sys

sys.modules["django_q"] = None  # type: ignore[assignment] # makes `import django_q` raise ImportError

from config.settings import *  # noqa: E402, F403

INSTALLED_APPS.remove("django_q")  # noqa: F405 - from the shop's settings
VTON["ENQUEUE"] = "django_vton.queue.no_queue"  # noqa: F405 - from the shop's settings
