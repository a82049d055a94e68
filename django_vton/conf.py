"""The settings: one dict, `VTON`, typed, with its defaults. Read at the time of use.

`config.DAILY_BUDGET` is `settings.VTON["DAILY_BUDGET"]` or the default below. A wrong name or value
is found by `manage.py check` (see `checks.py`), which calls `problems()`.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
import types
import typing
import zoneinfo
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

if typing.TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

MICROS = 1_000_000
"""Micro-USD in a USD: money is kept in integers."""

PERIODS = ("minute", "hour", "day", "month")


DEFAULT_CONSENT = pgettext_lazy(
    "vton",
    "I'm an adult, and this photo shows me, or another adult who has given me permission. "
    "You may send it to your picture service, Pixazo, to create my preview.",
)


@dataclass(frozen=True)
class Rate:
    """So many in each minute, hour, day or month of the shop's time zone: "10/day"."""

    limit: int
    period: str

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Read "10/day"; raises ValueError where it is anything else."""
        match = re.fullmatch(rf"([0-9]{{1,9}})/({'|'.join(PERIODS)})", text)
        if match is None:
            raise ValueError(f'{text!r} is not of the form "10/day" (minute, hour, day or month)')
        return cls(int(match[1]), match[2])


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every setting with its default."""

    ENABLED: bool = True
    """False takes every button and page away; what runs is brought to its end."""
    PIXAZO_API_KEY: str = field(default="", repr=False)
    """The key from Pixazo's panel. Keep it out of the repository."""
    PIXAZO_BASE_URL: str = "https://gateway.pixazo.ai"
    """The gateway. A loopback address is taken for the sandbox: http and loopback results are fine then."""
    PUBLIC_BASE_URL: str = ""
    """Where Pixazo reaches the shop, such as "https://shop.example". Never taken from a request."""
    WEBHOOKS: bool = True
    """Whether the vendor calls back when a render is ready. False: it is asked, every few seconds."""
    DAILY_BUDGET: Decimal | None = Decimal(25)
    """Most USD a day. None: no cap. Not set: 25, and `check` says so."""
    MONTHLY_BUDGET: Decimal | None = None
    """Most USD a month. None: no cap."""
    BUDGET_TIME_ZONE: str | None = None
    """Where days and months of budgets and quotas begin, such as "Europe/Berlin". None: TIME_ZONE."""
    PRICES: Mapping[str, Decimal] = field(default_factory=dict)
    """USD for one picture by engine, where yours are not the list prices."""
    QUOTA: str | None = "10/day"
    """Pictures of one shopper: a number per minute, hour, day or month. None: no limit."""
    IP_QUOTA: str | None = "100/day"
    """The same for one address. An IPv6 /56 may use twice as many, a /48 three
    times. Callers without an address are one caller."""
    IN_FLIGHT: int = 3
    """Try-ons of one shopper that may run at the same time. Of one address ten times as many, or a third of
    `IP_QUOTA` where that is more."""
    TRUSTED_PROXIES: int = 0
    """How many proxies of yours stand before Django: so many entries of X-Forwarded-For are believed."""
    STORAGE: str | None = None
    """An alias in STORAGES, for private files. None: `PrivateFolder`, beside MEDIA_ROOT."""
    PHOTO_RETENTION: timedelta = timedelta(hours=24)
    """How long a photo is kept; one hour where the shopper did not ask to keep it."""
    RESULT_RETENTION: timedelta = timedelta(days=30)
    """How long the pictures of a try-on are kept."""
    CONSENT_VERSION: str = "1"
    """Change it with the text: everybody is asked anew."""
    CONSENT_TEXT: _StrOrPromise = DEFAULT_CONSENT
    """What a shopper agrees to before the first photo; lazily translated."""
    PRIVACY_URL: str = ""
    """The policy that the consent links to. "": the page that the package brings."""
    CONCURRENCY: int = 50
    """Calls to the vendor at the same time, for each pump."""
    SUBMIT_CONCURRENCY: int = 4
    """Of these, submits."""
    DISPATCHERS: int = 1
    """How many pumps may look at the same time."""
    DEADLINE: timedelta = timedelta(minutes=15)
    """When a render that was sent and is not ready has failed."""
    RESULT_HOSTS: Sequence[str] | None = None
    """Hosts that results are fetched from. None: any public https address."""
    ENGINES: Mapping[str, Any] = field(default_factory=dict)
    """Other paths of a known engine, or further engines, by name."""
    ENQUEUE: str | None = None
    """Dotted path of a callable `(path)` that has a worker call the function at `path` soon, such as those of
    `django_vton.queue`: `nothing`, `by_django_tasks`. None: django-q2."""
    CAPTCHA: str | None = None
    """Dotted path of a callable `(request)` that says whether a shopper is let in."""
    MODERATE: str | None = None
    """Dotted path of a callable `(photo, product)` that says whether a photo (bytes of a JPEG) is taken."""
    NOTIFY: Sequence[str] | None = None
    """Addresses that are mailed once for each incident. None: MANAGERS."""

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


def problems(values: object) -> list[str]:
    """What is wrong with a `VTON`, each as a sentence that names the setting and says what to do."""
    if not isinstance(values, Mapping):
        return [f"VTON must be a dict, not {type(values).__name__}"]
    found = []
    hints = typing.get_type_hints(Config, localns={"_StrOrPromise": str | Promise})
    for name, value in values.items():
        if name not in hints:
            sentence: str | None = _unknown(str(name), hints)
        elif not _fits(value, kinds := _kinds(hints[name])):
            words = " or ".join(_WORDS.get(kind, kind.__name__) for kind in kinds)
            sentence = f"must be {words}, not {type(value).__name__}"
        else:
            sentence = _wrong(name, value)
        if sentence is not None:
            found.append(f"VTON[{name!r}] {sentence}")
    return found


def _unknown(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name.upper(), names, n=1)
    return "is not a setting of django-vton" + (f"; did you mean {near[0]!r}?" if near else "; remove it")


_WORDS: dict[type, str] = {types.NoneType: "None", Mapping: "dict", Sequence: "list", Promise: "lazy text"}


def _kinds(hint: Any) -> tuple[type, ...]:
    """The classes of an annotation, its outermost layer: `Decimal | None` is (Decimal, NoneType)."""
    is_union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    options = typing.get_args(hint) if is_union else (hint,)
    return tuple(typing.get_origin(option) or option for option in options)


def _fits(value: object, kinds: tuple[type, ...]) -> bool:
    if isinstance(value, bool):
        return bool in kinds  # True is no number here.
    if isinstance(value, str):
        return str in kinds  # Nor is a text a list of its letters.
    return isinstance(value, kinds)


def _is_rate(value: str) -> bool:
    try:
        Rate.parse(value)
    except ValueError:
        return False
    return True


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        _port = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.query + parts.fragment


MOST_USD = 1_000_000_000  # In micro-USD it still fits the database's integers.
LONGEST_VERSION = 50  # As the column is.


def _is_amount(value: object) -> bool:
    return isinstance(value, Decimal) and value.is_finite() and 0 <= value <= MOST_USD


def _is_time(value: timedelta) -> bool:
    return timedelta(0) < value <= timedelta(days=3650)


_RATE = (_is_rate, 'is not of the form "10/day" (minute, hour, day or month)')
_ADDRESS = (_is_address, "is not an http(s) address such as https://shop.example")
_AT_LEAST_1 = (lambda number: number >= 1, "must be 1 or more")
_TIME = (_is_time, "must be longer than nothing, and ten years at most")
_AMOUNT = (_is_amount, "must be a finite amount of USD, 0 or more")
_TEXTS = "must be a list of texts, each "

_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "QUOTA": _RATE,
    "IP_QUOTA": _RATE,
    "PIXAZO_BASE_URL": _ADDRESS,
    "PUBLIC_BASE_URL": _ADDRESS,
    "BUDGET_TIME_ZONE": (
        lambda name: name in zoneinfo.available_timezones(),
        "is not the name of a time zone such as Europe/Berlin",
    ),
    "CONCURRENCY": _AT_LEAST_1,
    "SUBMIT_CONCURRENCY": _AT_LEAST_1,
    "DISPATCHERS": _AT_LEAST_1,
    "IN_FLIGHT": _AT_LEAST_1,
    "TRUSTED_PROXIES": (lambda number: number >= 0, "must be 0 or more"),
    "PHOTO_RETENTION": _TIME,
    "RESULT_RETENTION": _TIME,
    "DEADLINE": _TIME,
    "DAILY_BUDGET": _AMOUNT,
    "MONTHLY_BUDGET": _AMOUNT,
    "PRICES": (
        lambda prices: all(map(_is_amount, prices.values())),
        "must map an engine to a Decimal of USD for each image",
    ),
    "STORAGE": (lambda alias: alias in settings.STORAGES, "is not an alias in STORAGES"),
    "CONSENT_VERSION": (
        lambda text: 0 < len(text) <= LONGEST_VERSION,
        f"must have 1 to {LONGEST_VERSION} characters",
    ),
    "CONSENT_TEXT": (bool, "must not be empty: it is what people agree to"),
    "RESULT_HOSTS": (
        lambda hosts: all(isinstance(host, str) and host and "/" not in host for host in hosts),
        _TEXTS + "the name of a host such as cdn.example",
    ),
    "NOTIFY": (
        lambda addresses: all(isinstance(address, str) and "@" in address for address in addresses),
        _TEXTS + "an e-mail address",
    ),
}


def _wrong(name: str, value: Any) -> str | None:
    """Why a value of the right type is still wrong, or None."""
    if name not in _RULES or value is None:
        return None
    is_right, sentence = _RULES[name]
    means_not_set = value == "" and not getattr(Config, name)
    return None if means_not_set or is_right(value) else sentence


@lru_cache(maxsize=1)
def _load() -> Config:
    values = getattr(settings, "VTON", {})
    for sentence in problems(values):
        raise ImproperlyConfigured(f"{sentence}.")
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
