"""The settings: one dict, `VTON`, typed, with its defaults. Read at the time of use.

`config.DAILY_BUDGET` is `settings.VTON["DAILY_BUDGET"]` or the default below. A wrong name or value
is found by `manage.py check` (see `checks.py`), which calls `problems()`.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import typing
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.translation import gettext_lazy as _

if typing.TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

MICROS = 1_000_000
"""Micro-USD in a USD: money is kept in integers."""

PERIODS = ("minute", "hour", "day", "month")


DEFAULT_CONSENT = _(
    "This is a photo of me, or of an adult who agreed. It may be sent to our picture service "
    "Pixazo to make the preview."
)


@dataclass(frozen=True)
class Rate:
    """So many in each minute, hour, day or month of the shop's time zone: "10/day"."""

    limit: int
    period: str

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Read "10/day"; raises ValueError where it is anything else."""
        number, _slash, period = text.partition("/")
        if not number.isdigit() or period not in PERIODS:
            raise ValueError(f'{text!r} is not of the form "10/day" (minute, hour, day or month)')
        return cls(int(number), period)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every setting with its default."""

    ENABLED: bool = True
    PIXAZO_API_KEY: str = field(default="", repr=False)
    PIXAZO_BASE_URL: str = "https://gateway.pixazo.ai"
    PUBLIC_BASE_URL: str = ""
    WEBHOOKS: bool = True
    DAILY_BUDGET: Decimal | None = None
    MONTHLY_BUDGET: Decimal | None = None
    BUDGET_TIME_ZONE: str | None = None
    PRICES: Mapping[str, Decimal] = field(default_factory=dict)
    QUOTA: str | None = "10/day"
    IP_QUOTA: str | None = "100/day"
    IN_FLIGHT: int = 3
    TRUSTED_PROXIES: int = 0
    STORAGE: str | None = None
    PHOTO_RETENTION: timedelta = timedelta(hours=24)
    RESULT_RETENTION: timedelta = timedelta(days=30)
    CONSENT_VERSION: str = "1"
    CONSENT_TEXT: _StrOrPromise = DEFAULT_CONSENT
    PRIVACY_URL: str = ""
    CONCURRENCY: int = 50
    SUBMIT_CONCURRENCY: int = 4
    PUMPS: int = 1
    DEADLINE: timedelta = timedelta(minutes=15)
    RESULT_HOSTS: Sequence[str] | None = None
    ENGINES: Mapping[str, Any] = field(default_factory=dict)
    ENQUEUE: str | None = None
    CAPTCHA: str | None = None
    MODERATE: str | None = None
    NOTIFY: Sequence[str] | None = None

    @cached_property
    def is_sandbox(self) -> bool:
        """Whether the gateway is on this machine: then http callbacks and loopback results are fine."""
        host = urlsplit(self.PIXAZO_BASE_URL).hostname or ""
        if host == "localhost":
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    @cached_property
    def quota(self) -> Rate | None:
        """`QUOTA`, read."""
        return Rate.parse(self.QUOTA) if self.QUOTA else None

    @cached_property
    def ip_quota(self) -> Rate | None:
        """`IP_QUOTA`, read."""
        return Rate.parse(self.IP_QUOTA) if self.IP_QUOTA else None

    @cached_property
    def time_zone(self) -> tzinfo:
        """The zone in which days and months of budgets and quotas begin."""
        return zoneinfo.ZoneInfo(self.BUDGET_TIME_ZONE or settings.TIME_ZONE)

    @property
    def callbacks(self) -> bool:
        """Whether callbacks are ordered: the vendor takes https addresses only, the sandbox any."""
        return self.WEBHOOKS and (self.is_sandbox or self.PUBLIC_BASE_URL.startswith("https://"))

    @property
    def is_configured(self) -> bool:
        """Whether there is enough to send a render at all."""
        return bool(self.PIXAZO_API_KEY and self.PUBLIC_BASE_URL)


def problems(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is wrong with a `VTON` dict: pairs of the setting's name and a sentence."""
    found = []
    hints = typing.get_type_hints(Config, localns={"_StrOrPromise": Any})
    names = {f.name for f in dataclasses.fields(Config)}
    for name, value in values.items():
        if name not in names:
            found.append((name, "is not a setting of django-vton"))
        elif not _fits(value, hints[name]):
            found.append((name, f"has a value of type {type(value).__name__}"))
        elif (sentence := _wrong(name, value)) is not None:
            found.append((name, sentence))
    return found


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of an annotated type, its outermost layer looked at."""
    if hint is Any:
        return True
    options = typing.get_args(hint) if not typing.get_origin(hint) else (hint,)
    if typing.get_origin(hint) in (typing.Union, type(int | None)):
        options = typing.get_args(hint)
    kinds = tuple(typing.get_origin(option) or option for option in options or (hint,))
    if isinstance(value, bool):
        return bool in kinds
    if isinstance(value, str) and Sequence in kinds:
        return False
    return isinstance(value, kinds)


def _is_rate(value: str) -> bool:
    try:
        Rate.parse(value)
    except ValueError:
        return False
    return True


def _is_address(value: str) -> bool:
    parts = urlsplit(value)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.query


def _are_prices(value: Mapping[str, Any]) -> bool:
    return all(isinstance(price, Decimal) and price >= 0 for price in value.values())


_NOTHING = timedelta(0)

_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "QUOTA": (_is_rate, 'is not of the form "10/day" (minute, hour, day or month)'),
    "IP_QUOTA": (_is_rate, 'is not of the form "10/day" (minute, hour, day or month)'),
    "PIXAZO_BASE_URL": (_is_address, "is not an http(s) address such as https://shop.example"),
    "PUBLIC_BASE_URL": (_is_address, "is not an http(s) address such as https://shop.example"),
    "BUDGET_TIME_ZONE": (
        lambda name: name in zoneinfo.available_timezones(),
        "is not the name of a time zone such as Europe/Berlin",
    ),
    "CONCURRENCY": (lambda number: number >= 1, "must be 1 or more"),
    "SUBMIT_CONCURRENCY": (lambda number: number >= 1, "must be 1 or more"),
    "PUMPS": (lambda number: number >= 1, "must be 1 or more"),
    "IN_FLIGHT": (lambda number: number >= 1, "must be 1 or more"),
    "TRUSTED_PROXIES": (lambda number: number >= 0, "must be 0 or more"),
    "PHOTO_RETENTION": (lambda time: time > _NOTHING, "must be longer than nothing"),
    "RESULT_RETENTION": (lambda time: time > _NOTHING, "must be longer than nothing"),
    "DEADLINE": (lambda time: time > _NOTHING, "must be longer than nothing"),
    "DAILY_BUDGET": (lambda amount: amount >= 0, "must be 0 or more"),
    "MONTHLY_BUDGET": (lambda amount: amount >= 0, "must be 0 or more"),
    "PRICES": (_are_prices, "maps an engine to a Decimal of USD per image"),
    "STORAGE": (lambda alias: alias in settings.STORAGES, "is not an alias in STORAGES"),
}


def _wrong(name: str, value: Any) -> str | None:
    """Why a value of the right type is still wrong, or None; "" and None mean "not set"."""
    if value is None or value == "" or name not in _RULES:
        return None
    is_right, sentence = _RULES[name]
    return None if is_right(value) else sentence


@lru_cache(maxsize=1)
def _load() -> Config:
    values = getattr(settings, "VTON", {})
    for name, sentence in problems(values):
        raise ImproperlyConfigured(f"VTON[{name!r}] {sentence}.")
    return Config(**values)


class _Lazy:
    """Stands in for the `Config` of the moment, so that overridden settings are seen."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_load(), name)


def _forget(*, setting: str, **_kwargs: Any) -> None:
    if setting in {"VTON", "STORAGES", "TIME_ZONE"}:
        _load.cache_clear()


setting_changed.connect(_forget)

config = typing.cast("Config", _Lazy())
