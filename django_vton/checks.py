"""What `manage.py check` finds before a shopper does, each with the setting's name and what to do."""

from __future__ import annotations

import math
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name for it
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from . import products
from .conf import config, problems
from .engines import engines
from .queue import TASK_TIMEOUT, cluster
from .storage import private_storage


def register() -> None:
    """Called once the apps are ready."""
    for check in (check_settings, check_products, check_storage, check_queue):
        checks.register(check, "vton")


def check_settings(**_kwargs: Any) -> list[CheckMessage]:
    """E001: a wrong name or value in VTON. E002: a path that cannot be imported. W001-W003: gaps."""
    found: list[CheckMessage] = [
        Error(f"VTON[{name!r}] {sentence}.", id="vton.E001")
        for name, sentence in problems(getattr(settings, "VTON", {}))
    ]
    if found:
        return found
    for name in ("ENQUEUE", "CAPTCHA", "MODERATE"):
        path = getattr(config, name)
        try:
            import_string(path or "builtins.print")
        except ImportError as error:
            found.append(Error(f"VTON[{name!r}] cannot be imported: {error}", id="vton.E002"))
    try:
        unknown = set(config.PRICES) - set(engines())
    except ImproperlyConfigured as error:
        return [*found, Error(str(error), id="vton.E003")]
    if unknown:
        found.append(Error(f"VTON['PRICES'] names no engines: {sorted(unknown)}.", id="vton.E004"))
    return found + _gaps()


def _gaps() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for name in ("PIXAZO_API_KEY", "PUBLIC_BASE_URL"):
        if not getattr(config, name):
            hint = f"Set VTON[{name!r}]; until then the buttons stay away."
            found.append(Warning(f"VTON[{name!r}] is not set.", hint=hint, id="vton.W001"))
    if config.PUBLIC_BASE_URL and not config.is_sandbox and not config.PUBLIC_BASE_URL.startswith("https://"):
        hint = "Without https Pixazo sends no callbacks, and photos travel in the clear."
        found.append(Warning("VTON['PUBLIC_BASE_URL'] is not https.", hint=hint, id="vton.W002"))
    if not config.is_sandbox and not config.PIXAZO_BASE_URL.startswith("https://"):
        hint = "The key and the photos would travel in the clear."
        found.append(Error("VTON['PIXAZO_BASE_URL'] is not https.", hint=hint, id="vton.E005"))
    return found


def check_products(**_kwargs: Any) -> list[CheckMessage]:
    """E010: a `tryon.py` that registers something wrong."""
    return [Error(sentence + ".", id="vton.E010") for sentence in products.check_registry()]


def check_storage(**_kwargs: Any) -> list[CheckMessage]:
    """E020: no storage. E021: one that gives its files public addresses."""
    try:
        storage = private_storage()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="vton.E020")]
    try:
        url = storage.url("vton/photos/00/probe.jpg")
    except (ValueError, NotImplementedError):
        return []
    if "?" in url:
        return []  # Signed addresses, as S3 storages make them, expire.
    return [
        Error(
            f"VTON['STORAGE'] gives photos of people a public address ({url.split('vton/')[0]}…).",
            hint="Use a storage without base_url, such as django_vton.storage.PrivateFolder.",
            id="vton.E021",
        )
    ]


def check_queue(**_kwargs: Any) -> list[CheckMessage]:
    """W030-W032: a django-q2 cluster that would run tasks twice, or never end them."""
    if config.ENQUEUE:
        return []
    Conf = cluster()  # noqa: N806 - django-q2's own name
    found: list[CheckMessage] = []
    if not Conf.TIMEOUT:
        hint = "Set Q_CLUSTER['timeout'] to 60."
        found.append(
            Warning("django-q2 has no timeout: a hung task holds a worker.", hint=hint, id="vton.W030")
        )
    timeout = max(Conf.TIMEOUT or 0, TASK_TIMEOUT)
    rounds = 1 + math.ceil(((Conf.QUEUE_LIMIT or Conf.WORKERS**2) + Conf.BULK) / max(1, Conf.WORKERS))
    needed = (timeout + 3) * rounds
    if needed >= Conf.RETRY:
        hint = f"Set Q_CLUSTER['retry'] above {needed}, or a smaller queue_limit."
        found.append(
            Warning(f"django-q2's retry of {Conf.RETRY} s runs slow tasks twice.", hint=hint, id="vton.W031")
        )
    if Conf.SYNC:
        hint = "Run `manage.py vton_pump` beside it."
        found.append(Warning("With Q_CLUSTER['sync'] nothing is rendered.", hint=hint, id="vton.W032"))
    return found
