"""The example shop with `vton_worker` processes, several of them at a time."""

import os

from django.core.servers.basehttp import WSGIServer

from config.settings import *  # noqa: F403

VTON |= {"DISPATCHERS": 2, "ENQUEUE": "django_vton.queue.no_queue"}  # noqa: F405 - of the shop's settings

DATABASES["default"]["ATOMIC_REQUESTS"] = bool(os.environ.get("ATOMIC_REQUESTS"))  # noqa: F405 - as above

# The development server queues ten connections, and the kernel refuses the others.
WSGIServer.request_queue_size = 128
