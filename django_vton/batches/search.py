"""Search the products of all registered models."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Model, Q, QuerySet

from .. import products
from ..products import DescribedProduct
from .existing import rendered_products
from .review import outdated_products

logger = logging.getLogger(__name__)

NAME_FIELDS = ("title", "name")
"""The fields by which products are sorted. Without either, the first text field is used."""


@dataclass(frozen=True)
class ProductSearch:
    """A product search. It returns only references, and the page loads the products that it shows."""

    text: str = ""
    model: str = ""
    """The label of a registered model, or "" for all models."""
    kind: str = ""
    """The kind of products, such as "garment", or "" for all."""
    without_renders: bool = False
    """Whether to find products without a render on a house model."""
    with_outdated: bool = False
    """Whether to find products with an outdated render. With `without_renders`: both kinds."""

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> ProductSearch:
        """Return the search for the query string of the page."""
        return cls(
            query.get("q", "").replace("\0", "").strip()[:200],
            query.get("model", ""),
            query.get("kind", ""),
            query.get("missing", "") == "1",
            query.get("outdated", "") == "1",
        )

    @property
    def is_filtered(self) -> bool:
        """Whether any parameter is set."""
        return bool(self.text or self.model or self.kind or self.without_renders or self.with_outdated)

    def refs(self, *, by_name: bool = False) -> list[str]:
        """Return the references of all matching products, in the shop's order or by name for each model."""
        found = [
            ref
            for model, tryon in products.registered().items()
            if self.model in ("", model._meta.label_lower)
            for ref in self._find_by_model(model, tryon, by_name=by_name)
        ]
        if not (self.without_renders or self.with_outdated):
            return found
        wanted = outdated_products() if self.with_outdated else set()
        if self.without_renders:
            wanted |= set(found) - rendered_products()
        return [ref for ref in found if ref in wanted]

    def _find_by_model(self, model: type[Model], tryon: products.TryOn, *, by_name: bool) -> Iterator[str]:
        rows = _filter_by_text(tryon.get_queryset(), self.text)
        if by_name and (names := _text_fields(model)):
            rows = rows.order_by(next((name for name in NAME_FIELDS if name in names), names[0]), "pk")
        label = model._meta.label_lower
        if not self.kind:
            return (f"{label}:{pk}" for pk in rows.values_list("pk", flat=True))
        described = (DescribedProduct(tryon, row) for row in rows.iterator(chunk_size=500))
        return (item.ref for item in described if kind_of(item) == self.kind)


def _filter_by_text(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Keep the rows that contain each word in some `CharField`. The model's admin, if any, is not used."""
    names = _text_fields(rows.model)
    for word in text.split():
        match = Q(*(Q(**{f"{name}__icontains": word}) for name in names), _connector=Q.OR)
        rows = rows.filter(match) if names else rows.none()
    return rows


def _text_fields(model: type[Model]) -> list[str]:
    fields = model._meta.get_fields()
    return [field.name for field in fields if isinstance(field, models.CharField) and not field.choices]


def kind_of(described: DescribedProduct) -> str:
    """Return the kind of a product, or "" if the shop's own code fails."""
    try:
        return described.kind
    except Exception:
        logger.exception("%s has no engine, because the shop's own code failed", described.ref)
        return ""
