"""The example shop's settings. What differs between machines is read from the environment.

Settings of the package whose variable is not set keep the package's default.
"""

import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from django.utils.translation import gettext_lazy as _


def env(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def env_bool(name: str, *, default: bool) -> bool:
    return env(name, str(default)).lower() in {"1", "true", "yes", "on"}


BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

DEBUG = env_bool("DEBUG", default=True)
# Without DEBUG there is no default: Django refuses to start with an empty key.
SECRET_KEY = env("SECRET_KEY", "lindenhof-is-a-demo-and-this-key-is-no-secret" if DEBUG else "")

PUBLIC_BASE_URL = env("VTON_PUBLIC_BASE_URL", "http://127.0.0.1:8000")
PUBLIC_HOST = urlsplit(PUBLIC_BASE_URL).hostname or "localhost"
ALLOWED_HOSTS = ["*"] if DEBUG else ["localhost", "127.0.0.1", "[::1]", PUBLIC_HOST]
CSRF_TRUSTED_ORIGINS = [urlsplit(PUBLIC_BASE_URL)._replace(path="").geturl()]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    # Before django_vton, so that the shop's base template for the try-on pages is found first.
    "shop",
    "rest_framework",
    # For the API documentation at /api/. Part of the extra `schema`.
    "drf_spectacular",
    "django_q",
    "django_vton",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "shop.middleware.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "shop.context_processors.cart",
            ],
        },
    },
]

DATABASES: dict[str, Any] = {
    "default": dj_database_url.parse(env("DATABASE_URL", f"sqlite:///{VAR_DIR / 'db.sqlite3'}"))
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Web server and workers write at the same time. WAL allows this, and with IMMEDIATE a writer waits for
    # the lock when its transaction starts; later, SQLite would raise an error instead of waiting.
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        transaction_mode="IMMEDIATE",
        timeout=20,
        init_command="PRAGMA journal_mode=WAL;",
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en"
LANGUAGES = [
    ("en", _("English")),
    ("de", _("German")),
    ("fr", _("French")),
    ("es", _("Spanish")),
    ("it", _("Italian")),
    ("nl", _("Dutch")),
    ("pl", _("Polish")),
    ("pt", _("Portuguese")),
    ("pt-br", _("Brazilian Portuguese")),
    ("ar", _("Arabic")),
]
TIME_ZONE = "Europe/Berlin"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
MEDIA_URL = "media/"
MEDIA_ROOT = Path(env("MEDIA_ROOT", str(VAR_DIR / "media"))).resolve()
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    # Photos of people and their try-ons: next to MEDIA_ROOT, never inside it, and without a public URL.
    "vton": {
        "BACKEND": "django_vton.storage.PrivateFileSystemStorage",
        "OPTIONS": {"location": MEDIA_ROOT.with_name(f"{MEDIA_ROOT.name}-private")},
    },
}

Q_CLUSTER: dict[str, Any] = {
    "workers": int(env("QCLUSTER_WORKERS", "2")),
    "queue_limit": 1,
    "timeout": 60,
    "retry": 200,
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": -1,
    "catch_up": False,
}
if REDIS_URL := env("REDIS_URL"):
    Q_CLUSTER |= {"redis": REDIS_URL, "name": "lindenhof"}
else:
    Q_CLUSTER["orm"] = "default"

VTON: dict[str, Any] = {
    # The demo costs nothing. A real shop limits the cost of a day here.
    "DAILY_BUDGET": None,
    "TRUSTED_PROXIES": 0,
    # An empty variable stays empty; try-on is then "not configured".
    "PIXAZO_API_KEY": os.environ.get("VTON_PIXAZO_API_KEY", "sandbox"),
    "PIXAZO_BASE_URL": env("VTON_PIXAZO_BASE_URL", "http://127.0.0.1:8765"),
    "PUBLIC_BASE_URL": PUBLIC_BASE_URL,
    "STORAGE": "vton",
}
REST_FRAMEWORK: dict[str, Any] = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Lindenhof",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
}

CONVERTERS: dict[str, Callable[[str], Any]] = {
    "DAILY_BUDGET": Decimal,
    "QUOTA": str,
    "IP_QUOTA": str,
    "IN_FLIGHT": int,
    "RESULT_HOSTS": lambda hosts: [host.strip() for host in hosts.split(",") if host.strip()],
}
for name, convert in CONVERTERS.items():
    if value := env(f"VTON_{name}"):
        VTON[name] = convert(value)
if env("VTON_WEBHOOKS"):
    VTON["WEBHOOKS"] = env_bool("VTON_WEBHOOKS", default=True)

# The demo sends no mail. Used by Django 6.1 and later.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.console.EmailBackend"}}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)-7s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"django": {"handlers": []}, "django_vton": {"level": "INFO"}, "django-q": {"level": "INFO"}},
}
