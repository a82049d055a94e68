"""The engines of this shop: those of `pixazo` and of the setting `ENGINES`, with the shop's prices."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from ..conf import MICROS_PER_USD, config
from ..pixazo import ENGINES, UNVERIFIED_ENGINES, Engine


@lru_cache(maxsize=1)
def engines() -> dict[str, Engine]:
    """Return all engines by name.

    `VTON["ENGINES"]` maps the name of a known engine to other paths (`{"submit_path": "...", "status_path":
    "..."}`), or a new name to an `Engine` subclass or its dotted path. An unverified engine is only returned
    if it is named, at least with `{}`. Raise `ImproperlyConfigured` if an entry is invalid.
    """
    return ENGINES | {name: _build(name, entry) for name, entry in config.ENGINES.items()}


def _build(name: str, entry: Any) -> Engine:
    try:
        engine = _with_paths(name, entry) if isinstance(entry, Mapping) else _instantiate(entry)
    except (AttributeError, ImportError, TypeError, ValueError) as error:
        raise ImproperlyConfigured(f"VTON['ENGINES'][{name!r}]: {error}") from error
    if not isinstance(engine, Engine) or engine.name != name:
        raise ImproperlyConfigured(f"VTON['ENGINES'][{name!r}] is not an Engine with that name.")
    if engine.price is None and name not in config.PRICES:
        raise ImproperlyConfigured(f"VTON['PRICES'] must contain {name!r}, whose price is not public.")
    return engine


def _with_paths(name: str, paths: Mapping[str, str]) -> Engine:
    known = {**ENGINES, **UNVERIFIED_ENGINES}
    if name not in known:
        raise ValueError("only a known engine can have other paths")
    if extra := set(paths) - {"submit_path", "status_path"}:
        raise ValueError(f"unknown paths: {sorted(extra)}")
    return type(known[name])(**paths)


def _instantiate(entry: Any) -> Any:
    found = import_string(entry) if isinstance(entry, str) else entry
    return found() if isinstance(found, type) else found


def kinds() -> list[str]:
    """Return the kinds of products that the engines render, without duplicates."""
    return list(dict.fromkeys(engine.kind for engine in engines().values()))


def get_engine(name: str) -> Engine:
    """Return the engine with this name. Raise `ImproperlyConfigured` if the shop has none."""
    try:
        return engines()[name]
    except KeyError:
        raise ImproperlyConfigured(f"{name!r} is not an engine: use one of {list(engines())}.") from None


def price(name: str, options: Mapping[str, Any]) -> int:
    """Return the price in micro-USD of all images of one render with these options."""
    engine = get_engine(name)
    per_image: Decimal | None = config.PRICES.get(name, engine.image_price(options))
    assert per_image is not None, "`_build` refuses an engine without a price."
    return int(per_image * MICROS_PER_USD) * engine.image_count(options)


def image_count(name: str, options: Mapping[str, Any]) -> int:
    """Return the number of images that one render with these options produces."""
    return get_engine(name).image_count(options)


def _clear_cache(*, setting: str, **_kwargs: Any) -> None:
    if setting == "VTON":
        engines.cache_clear()


setting_changed.connect(_clear_cache)
