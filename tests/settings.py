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
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
