"""What `manage.py check` finds before a shopper does, each with the setting's name and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name for it
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage, Storage
from django.db import DatabaseError
from django.utils.module_loading import import_string

from .. import products
from ..conf import config, problems
from ..gateway.engines import engines
from ..monitoring import proxies
from ..storage import private_storage
from .deploy import check_deploy
from .queue import check_queue
from .requests import check_requests
from .urls import check_urls

SIGNATURE = 16
"""The fewest characters that a signature has."""


def register() -> None:
    """Called once the apps are ready."""
    for check in (check_settings, check_products, check_storage, check_urls, check_queue, check_requests):
        checks.register(check, "vton")
    checks.register(check_proxies, checks.Tags.database)
    checks.register(check_deploy, "vton", deploy=True)


def _problems() -> list[str]:
    return problems(getattr(settings, "VTON", {}))


def check_settings(**_kwargs: Any) -> list[CheckMessage]:
    """E001: a wrong name or value in VTON; the rest is looked at once there is none. E002 to E006, W001."""
    found: list[CheckMessage] = [
        Error(sentence if sentence.endswith("?") else f"{sentence}.", id="vton.E001")
        for sentence in _problems()
    ]
    return found or [
        *(*_check_paths(), *_check_engines(), *_check_addresses(), *_check_budget(), *_check_time_zones())
    ]


def _check_paths() -> list[CheckMessage]:
    """E002: a path that leads to nothing that can be called."""
    found: list[CheckMessage] = []
    for name in ("ENQUEUE", "CAPTCHA", "MODERATE"):
        path = getattr(config, name)
        try:
            if path and not callable(import_string(path)):
                raise ImportError(f"{path!r} is not callable")  # noqa: TRY301 - one message for both
        except ImportError as error:
            hint = "Give the dotted path of a callable."
            found.append(Error(f"VTON[{name!r}] cannot be used: {error}.", hint=hint, id="vton.E002"))
    return found


def _check_engines() -> list[CheckMessage]:
    """E003: an entry in ENGINES that makes no engine. E004: a price for an engine that is not there."""
    try:
        unknown = set(config.PRICES) - set(engines())
    except ImproperlyConfigured as error:
        hint = "Give paths of a known engine, or a subclass of django_vton.pixazo.Engine."
        return [Error(str(error), hint=hint, id="vton.E003")]
    if not unknown:
        return []
    hint = f"The engines are: {', '.join(engines())}."
    return [Error(f"VTON['PRICES'] names no engines: {sorted(unknown)}.", hint=hint, id="vton.E004")]


def _check_addresses() -> list[CheckMessage]:
    """E005: the vendor's address is not https. W001: one is missing, or the key. W002: ours is not https."""
    found: list[CheckMessage] = []
    for name in ("PIXAZO_API_KEY", "PUBLIC_BASE_URL"):
        if not getattr(config, name):
            hint = f"Set VTON[{name!r}]; until then the buttons stay away."
            found.append(Warning(f"VTON[{name!r}] is not set.", hint=hint, id="vton.W001"))
    if config.is_sandbox:
        return found
    if config.PUBLIC_BASE_URL and not config.PUBLIC_BASE_URL.startswith("https://"):
        hint = "Give an https address: else Pixazo sends no callbacks, and photos travel in the clear."
        found.append(Warning("VTON['PUBLIC_BASE_URL'] is not https.", hint=hint, id="vton.W002"))
    if not config.PIXAZO_BASE_URL.startswith("https://"):
        hint = "Give an https address: else the key and the photos travel in the clear."
        found.append(Error("VTON['PIXAZO_BASE_URL'] is not https.", hint=hint, id="vton.E005"))
    return found


def _check_budget() -> list[CheckMessage]:
    """W003: nobody has decided what a day may cost at most. The sandbox costs nothing."""
    if config.is_sandbox or "DAILY_BUDGET" in getattr(settings, "VTON", {}):
        return []
    hint = "Set VTON['DAILY_BUDGET'] to a Decimal of USD, or to None for no cap."
    sentence = f"VTON['DAILY_BUDGET'] is not set: a cap of {config.DAILY_BUDGET} USD a day applies."
    return [Warning(sentence, hint=hint, id="vton.W003")]


def check_proxies(*, databases: Sequence[str] | None = None, **_kwargs: Any) -> list[CheckMessage]:
    """W004: shoppers look like one caller. Only with `check --database`, since it reads what was seen."""
    if not databases or _problems():
        return []
    try:
        return [Warning(sentence, id="vton.W004") for sentence in proxies.problems()]
    except DatabaseError:
        return []  # Not migrated yet: nothing was seen.


def _check_time_zones() -> list[CheckMessage]:
    """E006: moments without a zone, of which no quota and no deadline can be told."""
    if settings.USE_TZ:
        return []
    return [Error("django-vton needs USE_TZ.", hint="Set USE_TZ = True.", id="vton.E006")]


def check_products(**_kwargs: Any) -> list[CheckMessage]:
    """E010: a `tryon.py` that registers something wrong."""
    if _problems() or any(message.id == "vton.E003" for message in _check_engines()):
        return []
    return [Error(f"{sentence}.", id="vton.E010") for sentence in products.check_registry()]


def check_storage(**_kwargs: Any) -> list[CheckMessage]:
    """E020: no storage. E021: one that gives its files public addresses. E022: one in a public folder."""
    if _problems():
        return []
    storage = private_storage()
    try:
        address = _public_address(storage)
    except ImproperlyConfigured as error:
        return [Error(str(error), id="vton.E020")]
    except Exception:  # noqa: BLE001 - files without an address, or a remote storage that is away
        address = ""
    if address:
        sentence = f"VTON['STORAGE'] gives photos of people a public address ({address})."
        hint = (
            "Use a storage without addresses, such as django_vton.storage.PrivateFolder, or with signed ones."
        )
        return [Error(sentence, hint=hint, id="vton.E021")]
    return _check_folder(storage)


def _public_address(storage: Storage) -> str:
    """Where anyone may fetch its files; "" where addresses are signed, as S3 storages make them.

    A signature is long, other for each file, and is not the file's name; `?v=7` and `?name=` are none.
    """
    url, other = (urlsplit(storage.url(f"vton/photos/00/{name}.jpg")) for name in ("probe", "other"))
    others = dict(parse_qsl(other.query))
    is_signed = any(
        len(value) >= SIGNATURE and value != others.get(key) and "probe.jpg" not in value
        for key, value in parse_qsl(url.query)
    )
    # Under a public access rule the signature is for show.
    is_open = str(getattr(storage, "default_acl", None) or "").lower().startswith("public")
    return "" if is_signed and not is_open else url._replace(query="").geturl().partition("vton/")[0] + "..."


def _check_folder(storage: Storage) -> list[CheckMessage]:
    """A web server hands out what lies below MEDIA_ROOT, whatever the storage says of addresses."""
    if not isinstance(storage, FileSystemStorage):
        return []
    folder = Path(storage.location).resolve()
    for name in ("MEDIA_ROOT", "STATIC_ROOT"):
        public = getattr(settings, name)
        if public and folder.is_relative_to(Path(public).resolve()):
            hint = "Give its PrivateFolder a location of its own, or none."
            return [Error(f"VTON['STORAGE'] lies below {name}: {folder}.", hint=hint, id="vton.E022")]
    return []
