"""Load many products at once, and quote the price of a render for each."""

from __future__ import annotations

import itertools
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import DataError

from .. import products
from ..exceptions import ProductNotRegistered, Refused
from ..gateway import engines
from ..intake.product_files import image_name
from ..products import DescribedProduct

logger = logging.getLogger(__name__)

T = TypeVar("T")

CHUNK_SIZE = 200
"""The maximum number of products in one query, and in one step of the feeder."""


def chunks(items: Sequence[T], size: int = CHUNK_SIZE) -> Iterator[Sequence[T]]:
    """Split `items` into pieces that fit into the IN clause of a query."""
    return (items[start : start + size] for start in range(0, len(items), size))


def find_products(refs: Iterable[str]) -> dict[str, DescribedProduct]:
    """Return a dict of the existing products by reference. Make one query per model if all keys are valid."""
    keys: dict[str, list[str]] = defaultdict(list)
    for ref in refs:
        label, _colon, pk = ref.partition(":")
        keys[label].append(pk)
    found = itertools.chain.from_iterable(_find_by_model(label, pks) for label, pks in keys.items())
    return {described.ref: described for described in found}


def _find_by_model(label: str, pks: list[str]) -> list[DescribedProduct]:
    try:
        tryon = products.tryon_for(apps.get_model(label))
        rows = list(tryon.get_queryset().filter(pk__in=pks))
    except (LookupError, ValueError, OverflowError, ValidationError, DataError, ProductNotRegistered):
        # One invalid key makes the whole query fail, so look up each product separately.
        return [described for pk in pks if (described := _find_product(f"{label}:{pk}")) is not None]
    return [products.DescribedProduct(tryon, row) for row in rows]


def _find_product(ref: str) -> DescribedProduct | None:
    try:
        return products.find(ref)
    except Refused:
        return None


@dataclass(frozen=True)
class Quote:
    """The engine, the cleaned options and the price (micro-USD) of one render of a product."""

    engine: str
    kind: str
    options: Mapping[str, Any]
    price: int


def quote(described: DescribedProduct, options: Mapping[str, Mapping[str, Any]]) -> Quote | None:
    """Quote a render of this product, with the batch's options by engine name.

    Return None if the product cannot be tried on now, or if the shop's own code fails for it.
    """
    try:
        if not described.is_enabled:
            return None
        engine = described.engine
        cleaned = described.clean_merchant_options(options.get(engine.name, {}))
        return Quote(engine.name, engine.kind, cleaned, engines.price(engine.name, cleaned))
    except Refused:
        return None
    except Exception:
        logger.exception("%s cannot be tried on, because the shop's own code failed", described.ref)
        return None


def image_key(described: DescribedProduct) -> Any:
    """Return what identifies the product's image without reading it; the product itself if nothing does."""
    image = described.image
    name = image_name(image)
    return (name, id(getattr(image, "storage", None))) if name else described.ref


def product_title(described: DescribedProduct) -> str:
    """Return the product's title. If the shop's own code fails, return the reference instead."""
    try:
        return described.title[:300]
    except Exception:
        logger.exception("%s has no title, because the shop's own code failed", described.ref)
        return described.ref
