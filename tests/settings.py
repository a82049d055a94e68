"""The example shop's settings, made quick and quiet for tests; its shop is the tests' shop."""

import os
import tempfile
from pathlib import Path

_SCRATCH = Path(tempfile.mkdtemp(prefix="vton-tests-"))
os.environ.setdefault("MEDIA_ROOT", str(_SCRATCH / "media"))
os.environ.setdefault("SECRET_KEY", "tests")
os.environ.setdefault("DEBUG", "0")

from config.settings import *  # noqa: E402, F403

ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = [*INSTALLED_APPS, "tests.catalogue"]  # noqa: F405 - of the shop's settings
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405 - of the shop's settings
    # In a file: a pump works on a connection of its own, and every one in memory is another database.
    DATABASES["default"]["TEST"] = {"NAME": str(_SCRATCH / "test.sqlite3")}  # noqa: F405 - as above
# Nobody looks by itself: a test says when.
VTON["ENQUEUE"] = "tests.fake_queues.record"  # noqa: F405 - as above
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
