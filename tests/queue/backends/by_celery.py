"""The example shop with Celery."""

from .alone import *  # noqa: F403

VTON["ENQUEUE"] = "tests.queue.backends.celery_app.enqueue"  # noqa: F405 - of the shop's settings
