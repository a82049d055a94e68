"""The settings of the example shop, with changes for tests."""

import os
import tempfile
from pathlib import Path

_SCRATCH = Path(tempfile.mkdtemp(prefix="vton-tests-"))
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
if os.environ.get("MEDIA_ROOT_WORKER", _WORKER) != _WORKER:
    # Each worker needs its own: a purge deletes the files whose rows are in another database.
    del os.environ["MEDIA_ROOT"]
os.environ.setdefault("MEDIA_ROOT", str(_SCRATCH / "media"))
os.environ["MEDIA_ROOT_WORKER"] = _WORKER
os.environ.setdefault("SECRET_KEY", "tests")
os.environ.setdefault("DEBUG", "0")

from config.settings import *  # noqa: E402, F403

ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = [*INSTALLED_APPS, "tests.catalogue"]  # noqa: F405 - of the shop's settings
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405 - of the shop's settings
    # In a file: a worker's thread opens its own connection, and each in memory would be another database.
    DATABASES["default"]["TEST"] = {"NAME": str(_SCRATCH / "test.sqlite3")}  # noqa: F405 - as above
    # No test simulates a failure of the machine, so none waits for the disk. The same for PostgreSQL below.
    DATABASES["default"]["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"  # noqa: F405 - as above
elif DATABASES["default"]["ENGINE"].endswith("postgresql"):  # noqa: F405 - as above
    DATABASES["default"].setdefault("OPTIONS", {})["options"] = "-c synchronous_commit=off"  # noqa: F405 - as above
# No worker runs by itself; a test runs one when it needs it.
VTON["ENQUEUE"] = "tests.fake_queues.record"  # noqa: F405 - as above
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
