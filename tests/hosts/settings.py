"""Settings that any Django project has. The lines that the guides show are in the settings of each host."""

import os
from pathlib import Path
from typing import Any

import dj_database_url

DEBUG = True
SECRET_KEY = "tests"
ALLOWED_HOSTS = ["*"]
WSGI_APPLICATION = None
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
USE_TZ = True
SITE_ID = 1

DATABASES: dict[str, Any] = {"default": dj_database_url.config(default="sqlite:///:memory:")}
# Web server and workers write at the same time, see the settings of the example shop.
if "SQLITE_DEFAULTS" not in os.environ:
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL;",
    }


class NoMigrations:
    """Create tables from the models: the hundreds of migrations of a host are not what is tested."""

    def __contains__(self, label: str) -> bool:
        return True

    def __getitem__(self, label: str) -> None:
        return None


MIGRATION_MODULES = NoMigrations()

STATIC_URL = "static/"
MEDIA_URL = "media/"
MEDIA_ROOT = Path(os.environ.get("MEDIA_ROOT", "media"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "vton": {
        "BACKEND": "django_vton.storage.PrivateFileSystemStorage",
        "OPTIONS": {"location": MEDIA_ROOT.with_name("private")},
    },
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"

Q_CLUSTER = {
    "orm": "default",
    "workers": 1,
    "queue_limit": 1,
    "timeout": 60,
    "retry": 200,
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": -1,
    "catch_up": False,
}
VTON = {
    "DAILY_BUDGET": None,
    "PIXAZO_API_KEY": "sandbox",
    "PIXAZO_BASE_URL": os.environ.get("VTON_PIXAZO_BASE_URL", "http://127.0.0.1:8765"),
    "PUBLIC_BASE_URL": os.environ.get("VTON_PUBLIC_BASE_URL", "http://127.0.0.1:8000"),
    "STORAGE": "vton",
    "QUOTA": "1000/day",
    "IP_QUOTA": "1000/day",
}
