"""Many products at once: a batch has thousands, and asks for them in bulk."""

from __future__ import annotations

import itertools
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import DataError

from .. import products
from ..exceptions import ProductNotRegistered, Refused
from ..gateway import engines

if TYPE_CHECKING:
    from ..products import Described

logger = logging.getLogger(__name__)

T = TypeVar("T")

CHUNK = 200
"""So many products are looked up, and get their rows, at once."""


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """In pieces that a query may name one by one."""
    return (items[start : start + size] for start in range(0, len(items), size))


def look_up(refs: Iterable[str]) -> dict[str, Described]:
    """The products of these references that are there: one query for each registered model."""
    keys: dict[str, list[str]] = defaultdict(list)
    for ref in refs:
        label, _colon, pk = ref.partition(":")
        keys[label].append(pk)
    found = itertools.chain.from_iterable(_of_model(label, pks) for label, pks in keys.items())
    return {described.ref: described for described in found}


def _of_model(label: str, pks: list[str]) -> list[Described]:
    try:
        tryon = products.tryon_for(apps.get_model(label))
        rows = list(tryon.get_queryset().filter(pk__in=pks))
    except (LookupError, ValueError, OverflowError, ValidationError, DataError, ProductNotRegistered):
        # One of them is no key of this model; the others must not go with it.
        return [described for pk in pks if (described := _one(f"{label}:{pk}")) is not None]
    return [products.Described(tryon, row) for row in rows]


def _one(ref: str) -> Described | None:
    try:
        return products.find(ref)
    except Refused:
        return None


@dataclass(frozen=True)
class Terms:
    """What a render of a product would be made with, and cost in micro-USD."""

    engine: str
    kind: str
    options: Mapping[str, Any]
    price: int


def terms(described: Described, options: Mapping[str, Mapping[str, Any]]) -> Terms | None:
    """The terms of one product; None where it cannot be tried on now, or the shop's own code fails for it."""
    try:
        if not described.is_enabled:
            return None
        engine = described.engine
        chosen = described.merchant_options(options.get(engine.name, {}))
        return Terms(engine.name, engine.kind, chosen, engines.price(engine.name, chosen))
    except Refused:
        return None
    except Exception:
        logger.exception("%s cannot be tried on: the shop's own code failed", described.ref)
        return None


def title(described: Described) -> str:
    """The product's name, or its reference where the shop's code fails."""
    try:
        return described.title[:300]
    except Exception:
        logger.exception("%s has no title: the shop's own code failed", described.ref)
        return described.ref
