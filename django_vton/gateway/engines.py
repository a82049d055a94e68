"""The engines of this shop: the vendor package's, with the shop's paths, prices and additions."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from ..conf import MICROS, config
from ..pixazo import ENGINES, Engine


@lru_cache(maxsize=1)
def engines() -> dict[str, Engine]:
    """All engines by name.

    `VTON["ENGINES"]` maps a name to path overrides of a known engine (`{"submit_path": "...",
    "status_path": "..."}`), or to a further one: the dotted path of an `Engine` subclass, or the class.
    """
    found = dict(ENGINES)
    for name, entry in config.ENGINES.items():
        found[name] = _build(name, entry)
    return found


def _build(name: str, entry: Any) -> Engine:
    try:
        engine = _moved(name, entry) if isinstance(entry, Mapping) else _made(entry)
    except (AttributeError, ImportError, TypeError, ValueError) as error:
        raise ImproperlyConfigured(f"VTON['ENGINES'][{name!r}]: {error}") from error
    if not isinstance(engine, Engine) or engine.name != name:
        raise ImproperlyConfigured(f"VTON['ENGINES'][{name!r}] is not an Engine of that name.")
    return engine


def _moved(name: str, paths: Mapping[str, str]) -> Engine:
    """A known engine with other paths."""
    if name not in ENGINES:
        raise ValueError("paths of an engine that is not known")
    if extra := set(paths) - {"submit_path", "status_path"}:
        raise ValueError(f"no such paths: {sorted(extra)}")
    return type(ENGINES[name])(**paths)


def _made(entry: Any) -> Any:
    found = import_string(entry) if isinstance(entry, str) else entry
    return found() if isinstance(found, type) else found


def get_engine(name: str) -> Engine:
    """The engine of that name; ImproperlyConfigured where the shop has none."""
    try:
        return engines()[name]
    except KeyError:
        raise ImproperlyConfigured(f"{name!r} is not an engine: {', '.join(engines())} are.") from None


def price(name: str, options: Mapping[str, Any]) -> int:
    """What one render with these options costs, in micro-USD: the price per image times the images."""
    engine = get_engine(name)
    per_image: Decimal = config.PRICES.get(name, engine.price)
    return int(per_image * MICROS) * engine.image_count(options)


def image_count(name: str, options: Mapping[str, Any]) -> int:
    """How many pictures one render with these options makes."""
    return get_engine(name).image_count(options)


def _forget(*, setting: str, **_kwargs: Any) -> None:
    if setting == "VTON":
        engines.cache_clear()


setting_changed.connect(_forget)
