"""Choose a product's second engine and its options. They are stored with the try-on, for its worker."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..gateway import circuit_breaker
from ..gateway.engines import engines, price
from ..pixazo import Engine, OptionError
from ..products import MERCHANT_ONLY_OPTIONS, DescribedProduct
from ..utils import clock

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fallback:
    """The second engine of a product, with cleaned options."""

    engine: str
    options: dict[str, Any]


def find_problem(engine: Engine, name: str) -> str:
    """Return why the engine with this name cannot take over from `engine`, or ""."""
    other = engines().get(name)
    if other is None:
        return f"{name!r} is not an engine: use one of {list(engines())}"
    if other.name == engine.name:
        return f"{name!r} is the product's first engine as well"
    if other.kind != engine.kind:
        return f"{name!r} is for {other.kind}, and {engine.name!r} for {engine.kind}"
    return ""


def find_engine(described: DescribedProduct) -> Engine | None:
    """Return the product's second engine, or None. If the shop names one that cannot be used, log it."""
    name = described.tryon.get_fallback(described.product)
    if not name:
        return None
    if problem := find_problem(described.engine, name):
        logger.error("%s has no second engine: %s", described.ref, problem)
        return None
    return engines()[name]


def engine_names(described: DescribedProduct) -> list[str]:
    """Return the names of the product's engines: the first, and the second if there is one."""
    second = find_engine(described)
    return [described.engine.name, *([second.name] if second else [])]


def choose(
    described: DescribedProduct,
    options: Mapping[str, Any],
    requested: Mapping[str, Any],
    by_engine: Mapping[str, Mapping[str, Any]] | None = None,
) -> Fallback | None:
    """Return the second engine with the shop's options for it, or None.

    `options` are the cleaned options of the first engine. Of the `requested` ones, keep those that shoppers
    may set and that the second engine has and allows. `by_engine` are a merchant's options. The second engine
    makes as many images as the first one, or a single one, since no more are counted.
    """
    engine = find_engine(described)
    if engine is None:
        return None
    chosen = dict(described.tryon.get_fallback_options(described.product))
    for_merchants = {option.name for option in engine.options if option.is_for_merchants}
    for name in requested.keys() - for_merchants - MERCHANT_ONLY_OPTIONS:
        if _allows(engine, name, requested[name]):
            chosen[name] = requested[name]
    chosen |= (by_engine or {}).get(engine.name, {})
    count = described.engine.image_count(options)
    if (samples := engine.samples_option) is not None:
        chosen[samples] = count if _allows(engine, samples, count) else 1
    try:
        cleaned = dict(engine.clean_options(chosen))
    except OptionError as error:
        logger.error("The options of %s are not valid for %s: %s", described.ref, engine.name, error)  # noqa: TRY400 - no error of ours
        return None
    if engine.image_count(cleaned) > count:
        logger.error("%s makes more images of %s than %d", engine.name, described.ref, count)
        return None
    return Fallback(engine.name, cleaned)


def _allows(engine: Engine, name: str, value: Any) -> bool:
    try:
        engine.clean_options({name: value})
    except OptionError:
        return False
    return True


def takes_over_now(engine: str, other_engine: str) -> bool:
    """Return whether a new try-on would be moved at once, since only its first engine may not be used."""
    if not other_engine:
        return False
    paused = circuit_breaker.paused_engines(clock.now()).filter(pk__in=[engine, other_engine])
    return list(paused) == [engine]


def expected_price(
    described: DescribedProduct, options: Mapping[str, Any], requested: Mapping[str, Any]
) -> int:
    """Return the price in micro-USD with the engine that would make the render now."""
    second = choose(described, options, requested)
    if second is not None and takes_over_now(described.engine.name, second.engine):
        return price(second.engine, second.options)
    return price(described.engine.name, options)
