"""The example shop with Celery as its queue."""

from .settings_no_queue import *  # noqa: F403

VTON["ENQUEUE"] = "tests.queue.backends.celery_app.enqueue"  # noqa: F405 - from the shop's settings
