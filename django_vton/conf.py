"""The package's settings, which are one dict named `VTON`.

`config.DAILY_BUDGET` is `settings.VTON["DAILY_BUDGET"]` or the default below, read at the time of use.
`manage.py check` reports the errors that `find_errors()` returns.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
import typing
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from decimal import Decimal
from functools import cached_property, lru_cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

if typing.TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

MICROS_PER_USD = 1_000_000
"""The number of micro-USD in one USD. Amounts of money are stored as integers."""

PERIODS = ("minute", "hour", "day", "month")
_RATE = re.compile(rf"([0-9]{{1,9}})/({'|'.join(PERIODS)})")

DEFAULT_CONSENT_TEXT = pgettext_lazy(
    "vton",
    "I'm an adult, and this photo shows me, or another adult who has given me permission. "
    "You may send it to your picture service, Pixazo, to create my preview.",
)

DEFAULT_MARK_TEXT = pgettext_lazy("vton", "AI-generated")


@dataclass(frozen=True)
class Rate:
    """A limit for each minute, hour, day or month of the shop's time zone, such as "10/day"."""

    limit: int
    period: str

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Parse a string such as "10/day". Raise `ValueError` if it has another form."""
        match = _RATE.fullmatch(text)
        if match is None:
            raise ValueError(f'{text!r} is not of the form "10/day" (minute, hour, day or month)')
        return cls(int(match[1]), match[2])


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings with their defaults."""

    ENABLED: bool = True
    """False hides all buttons and pages. Running try-ons still finish."""
    PIXAZO_API_KEY: str = field(default="", repr=False)
    """The API key from Pixazo's dashboard. Keep it out of the repository."""
    PIXAZO_BASE_URL: str = "https://gateway.pixazo.ai"
    """The gateway's URL. A loopback address means the sandbox, which may use http and loopback URLs."""
    PUBLIC_BASE_URL: str = ""
    """The URL at which Pixazo reaches the shop, such as "https://shop.example". If the shop is mounted at a
    path, the URL ends with it, as in "https://shop.example/shop"."""
    WEBHOOKS: bool = True
    """Whether the vendor calls back when a render is ready. If False, renders are polled more often."""
    DAILY_BUDGET: Decimal | None = Decimal(25)
    """The maximum cost per day in USD. None: no maximum. `manage.py check` warns if it is not set."""
    MONTHLY_BUDGET: Decimal | None = None
    """The maximum cost per month in USD. None: no maximum."""
    BUDGET_TIME_ZONE: str | None = None
    """The time zone for days and months of budgets and quotas, such as "Europe/Berlin". None: TIME_ZONE."""
    PRICES: Mapping[str, Decimal] = field(default_factory=dict)
    """Your price per image in USD by engine, if it differs from the list price."""
    QUOTA: str | None = "10/day"
    """The maximum number of images for one shopper per minute, hour, day or month. None: no limit."""
    IP_QUOTA: str | None = "100/day"
    """The maximum number of images for one IP address. It is twice as high for an IPv6 /56 and three times as
    high for a /48. All clients whose address is unknown count as one."""
    IN_FLIGHT: int = 3
    """The maximum number of try-ons of one shopper that run at the same time. For one IP address it is ten
    times as high, or a third of `IP_QUOTA` if that is more."""
    TRUSTED_PROXIES: int = 0
    """The number of your proxies in front of Django. As many entries of X-Forwarded-For are trusted."""
    STORAGE: str | None = None
    """The alias in STORAGES for private files. None: `PrivateFileSystemStorage`, beside MEDIA_ROOT."""
    PHOTO_RETENTION: timedelta = timedelta(hours=24)
    """The time for which a photo is kept if the shopper chose so. Other photos are kept for one hour."""
    RESULT_RETENTION: timedelta = timedelta(days=30)
    """The time for which a try-on and its images are kept."""
    CONSENT_VERSION: str = "1"
    """The version of `CONSENT_TEXT`. Change both together, so that shoppers have to agree again."""
    CONSENT_TEXT: _StrOrPromise = DEFAULT_CONSENT_TEXT
    """The text that a shopper agrees to before the first photo. It may be lazily translated."""
    PRIVACY_URL: str = ""
    """The URL of your privacy policy, for the link beside the consent. "": the page of this package."""
    CONCURRENCY: int = 50
    """The maximum number of calls to the vendor that one dispatcher makes at the same time."""
    SUBMIT_CONCURRENCY: int = 16
    """The maximum number of submits among these calls. A dispatcher begins with 4, and adapts to the vendor.

    If a worker dies, each open submit has an unknown outcome, and may have been charged.
    """
    DISPATCHERS: int = 1
    """The maximum number of dispatchers that run at the same time."""
    DEADLINE: timedelta = timedelta(minutes=15)
    """The time after the submit at which a render that is not ready counts as failed."""
    RESULT_HOSTS: Sequence[str] | None = None
    """The hosts from which results may be downloaded. None: any public https URL."""
    PRODUCT_IMAGE_HOSTS: Sequence[str] = ()
    """The hosts from which product images may be downloaded, if `get_image` returns URLs."""
    REVIEW_BY_TWO: bool = False
    """Whether a second staff member has to accept a render of a batch, too, before it can be published."""
    ENGINES: Mapping[str, Any] = field(default_factory=dict)
    """Other paths for an included engine, or further engines, by name."""
    TRANSCRIPT: bool = False
    """Whether the exchange with the vendor is kept for a week, without secrets, links and pictures. The admin
    and `vton_transcript` show it."""
    ENQUEUE: str | None = None
    """The dotted path of a callable `(path)` that makes a worker call the function at `path` soon, such as
    `django_vton.queue.by_django_tasks` or `django_vton.queue.no_queue`. None: django-q2."""
    CAPTCHA: str | None = None
    """The dotted path of a callable `(request)` that returns whether the captcha was solved."""
    MODERATE: str | None = None
    """The dotted path of a callable `(photo, product)` that returns whether the photo, a JPEG, is allowed,
    such as `django_vton.contrib.moderation.refuse_sexual_photos`."""
    MARK: str | None = "corner"
    """The visible mark on images that are downloaded, shared or published. "corner": `MARK_TEXT` in a
    corner off the person. Or the dotted path of a callable `(image, text)` that returns a marked
    `PIL.Image.Image`. None: no mark."""
    MARK_TEXT: _StrOrPromise = DEFAULT_MARK_TEXT
    """The words of the mark, such as "AI-modified" or "AI". It may be lazily translated. If Pillow's own font
    cannot draw it, as Arabic or letters with accents, the mark is the abbreviation in it, or "AI"."""
    C2PA_CERTIFICATE: str | Path = ""
    """The path of a PEM file with the shop's certificate and its chain. With `C2PA_KEY` and the extra `c2pa`,
    each image gets a signed C2PA manifest."""
    C2PA_KEY: str | Path = ""
    """The path of a PEM file with the certificate's private key."""
    NOTIFY: Sequence[str] | None = None
    """The e-mail addresses to which incidents and finished batches are mailed. None: MANAGERS."""
    NOTIFY_URL: str = field(default="", repr=False)
    """The https URL of a webhook that is told of finished batches, such as one of Slack. "": none."""
    NOTIFY_SECRET: str = field(default="", repr=False)
    """The key that signs the messages to `NOTIFY_URL`: 32 characters or more, known to the receiver only."""
    METRICS_TOKEN: str = field(default="", repr=False)
    """The token with which Prometheus reads `metrics/`: 32 characters or more. It needs the extra
    `prometheus`. "": there is no such page."""

    @cached_property
    def is_sandbox(self) -> bool:
        """Whether the gateway is on this machine, so that http callbacks and loopback results are allowed."""
        host = urlsplit(self.PIXAZO_BASE_URL).hostname or ""
        if host == "localhost":
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    @cached_property
    def quota(self) -> Rate | None:
        """`QUOTA`, parsed."""
        return Rate.parse(self.QUOTA) if self.QUOTA else None

    @cached_property
    def ip_quota(self) -> Rate | None:
        """`IP_QUOTA`, parsed."""
        return Rate.parse(self.IP_QUOTA) if self.IP_QUOTA else None

    @cached_property
    def time_zone(self) -> tzinfo:
        """The time zone for days and months of budgets and quotas."""
        return zoneinfo.ZoneInfo(self.BUDGET_TIME_ZONE or settings.TIME_ZONE)

    @property
    def uses_callbacks(self) -> bool:
        """Whether callbacks are requested. The vendor accepts https URLs only, the sandbox accepts all."""
        return self.WEBHOOKS and (self.is_sandbox or self.PUBLIC_BASE_URL.startswith("https://"))

    @property
    def is_configured(self) -> bool:
        """Whether the settings suffice to send a render."""
        return bool(self.PIXAZO_API_KEY and self.PUBLIC_BASE_URL)


def find_errors(values: object) -> list[str]:
    """Return the errors in a `VTON` dict. Each is a sentence that names the setting and what it must be."""
    if not isinstance(values, Mapping):
        return [f"VTON must be a dict, not {type(values).__name__}"]
    errors = []
    annotations = typing.get_type_hints(Config, localns={"_StrOrPromise": str | Promise})
    for name, value in values.items():
        if name not in annotations:
            near = difflib.get_close_matches(str(name).upper(), annotations, n=1)
            advice = f"did you mean {near[0]!r}?" if near else "remove it"
            error: str | None = f"is not a setting of django-vton; {advice}"
        elif _is_unset(name, value):
            error = None
        elif not _has_type(value, types := _types(annotations[name])):
            expected = " or ".join(_TYPE_NAMES.get(each, each.__name__) for each in types)
            error = f"must be {expected}, not {type(value).__name__}"
        else:
            error = _value_error(name, value)
        if error is not None:
            errors.append(f"VTON[{name!r}] {error}")
    return errors


_TYPE_NAMES: dict[type, str] = {NoneType: "None", Mapping: "dict", Sequence: "list", Promise: "lazy text"}


def _types(annotation: Any) -> tuple[type, ...]:
    """Return the classes of an annotation, such as (Decimal, NoneType) for `Decimal | None`."""
    is_union = typing.get_origin(annotation) in (typing.Union, UnionType)
    options = typing.get_args(annotation) if is_union else (annotation,)
    return tuple(typing.get_origin(option) or option for option in options)


def _has_type(value: object, types: tuple[type, ...]) -> bool:
    # True is an int in Python, and a string is a Sequence.
    exact = bool if isinstance(value, bool) else str if isinstance(value, str) else None
    return exact in types if exact else isinstance(value, types)


def _is_unset(name: str, value: object) -> bool:
    """Return whether the value is None or "", as of a missing environment variable, and the default is ""."""
    return getattr(Config, name, None) == "" and (value is None or value == "")


def _value_error(name: str, value: Any) -> str | None:
    """Return what is wrong with a value of the right type, or None."""
    if name not in _RULES or value is None:
        return None
    is_valid, error = _RULES[name]
    return None if is_valid(value) else error


def _is_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        _port = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.query + parts.fragment


def _is_amount(value: object) -> bool:
    return isinstance(value, Decimal) and value.is_finite() and 0 <= value <= MAX_USD


MAX_USD = 1_000_000_000  # In micro-USD, it has to fit into a 64-bit integer.
MAX_VERSION_LENGTH = 50  # The length of the database column.

_RATE_RULE = (_RATE.fullmatch, 'is not of the form "10/day" (minute, hour, day or month)')
_URL_RULE = (_is_url, "is not an http(s) URL such as https://shop.example")
_POSITIVE_RULE = (lambda number: number >= 1, "must be 1 or more")
_DURATION_RULE = (
    lambda value: timedelta(0) < value <= timedelta(days=3650),
    "must be longer than zero, and ten years at most",
)
_HOSTS_RULE = (
    lambda hosts: all(isinstance(host, str) and host and "/" not in host for host in hosts),
    "must be a list of host names such as cdn.example",
)
_SECRET_RULE = (
    lambda secret: re.fullmatch(r"[!-~]{32,}", secret),
    "must have 32 or more visible ASCII characters",
)
_AMOUNT_RULE = (_is_amount, "must be a finite amount of USD, 0 or more")

_RULES: dict[str, tuple[Callable[[Any], object], str]] = {
    "QUOTA": _RATE_RULE,
    "IP_QUOTA": _RATE_RULE,
    "PIXAZO_API_KEY": (
        lambda key: re.fullmatch(r"[!-~]+", key),
        "must have visible ASCII characters only, without a space or a line break",
    ),
    "PIXAZO_BASE_URL": _URL_RULE,
    "PUBLIC_BASE_URL": _URL_RULE,
    "BUDGET_TIME_ZONE": (
        lambda name: name in zoneinfo.available_timezones(),
        "is not the name of a time zone such as Europe/Berlin",
    ),
    "CONCURRENCY": _POSITIVE_RULE,
    "SUBMIT_CONCURRENCY": _POSITIVE_RULE,
    "DISPATCHERS": _POSITIVE_RULE,
    "IN_FLIGHT": _POSITIVE_RULE,
    "TRUSTED_PROXIES": (lambda number: number >= 0, "must be 0 or more"),
    "PHOTO_RETENTION": _DURATION_RULE,
    "RESULT_RETENTION": _DURATION_RULE,
    "DEADLINE": _DURATION_RULE,
    "DAILY_BUDGET": _AMOUNT_RULE,
    "MONTHLY_BUDGET": _AMOUNT_RULE,
    "PRICES": (
        lambda prices: all(map(_is_amount, prices.values())),
        "must map engine names to the price per image as a Decimal of USD",
    ),
    "STORAGE": (lambda alias: alias in settings.STORAGES, "is not an alias in STORAGES"),
    "CONSENT_VERSION": (
        lambda text: 0 < len(text) <= MAX_VERSION_LENGTH,
        f"must have 1 to {MAX_VERSION_LENGTH} characters",
    ),
    "CONSENT_TEXT": (bool, "must not be empty, since shoppers agree to it"),
    "MARK": (
        lambda mark: mark == "corner" or re.fullmatch(r"\w+(\.\w+)+", mark),
        'must be "corner", the dotted path of a callable, or None',
    ),
    "MARK_TEXT": (bool, "must not be empty; for no mark, set VTON['MARK'] to None"),
    "RESULT_HOSTS": _HOSTS_RULE,
    "PRODUCT_IMAGE_HOSTS": _HOSTS_RULE,
    "NOTIFY": (
        lambda addresses: all(isinstance(address, str) and "@" in address for address in addresses),
        "must be a list of e-mail addresses",
    ),
    "NOTIFY_URL": (
        lambda url: re.fullmatch(r"https?://[!-~]+", url),
        "is not an http(s) URL such as https://hooks.example/batches",
    ),
    "NOTIFY_SECRET": _SECRET_RULE,
    "METRICS_TOKEN": _SECRET_RULE,
}
"""The tests of the settings' values, each with the error if it fails."""


@lru_cache(maxsize=1)
def _load() -> Config:
    values = getattr(settings, "VTON", {})
    if errors := find_errors(values):
        raise ImproperlyConfigured(f"{errors[0]}.")
    return Config(**{name: value for name, value in values.items() if not _is_unset(name, value)})


class _LazyConfig:
    """A proxy for the current `Config`, so that `override_settings` has an effect."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_load(), name)


def _clear_cache(*, setting: str, **_kwargs: Any) -> None:
    if setting in {"VTON", "STORAGES", "TIME_ZONE"}:
        _load.cache_clear()


setting_changed.connect(_clear_cache)

config = typing.cast("Config", _LazyConfig())
