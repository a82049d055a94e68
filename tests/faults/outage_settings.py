"""The example shop's settings with several dispatchers, a disk that can be full, and a long accept queue."""

import os

from django.core.servers.basehttp import WSGIServer

from config.settings import *  # noqa: F403

VTON["DISPATCHERS"] = int(os.environ.get("OUTAGE_DISPATCHERS", "1"))  # noqa: F405 - of the shop's settings
# None by default, so that the lock on the shopper's row is tested, not the one on a quota's row.
VTON |= {name: os.environ.get(f"VTON_{name}") or None for name in ("QUOTA", "IP_QUOTA")}  # noqa: F405 - as above
STORAGES["vton"] = {"BACKEND": "tests.faults.outage_storage.FullDiskStorage"}  # noqa: F405 - as above

# The development server queues ten connections, and the kernel refuses the others.
WSGIServer.request_queue_size = 512
