"""The example shop's settings with what these tests need: pumps, a disk that can be full, a door for many."""

import os

from django.core.servers.basehttp import WSGIServer

from config.settings import *  # noqa: F403

VTON["DISPATCHERS"] = int(os.environ.get("OUTAGE_PUMPS", "1"))  # noqa: F405 - of the shop's settings
# Not set is none: no quota's row may keep apart what the shopper's own row has to.
VTON |= {name: os.environ.get(f"VTON_{name}") or None for name in ("QUOTA", "IP_QUOTA")}  # noqa: F405 - as above
STORAGES["vton"] = {"BACKEND": "tests.faults.outage_storage.SmallDisk"}  # noqa: F405 - as above

# The development server lets ten wait to be accepted, and the kernel hangs up on the others.
WSGIServer.request_queue_size = 512
