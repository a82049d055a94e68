"""Search the products of all registered models, and describe them for the page."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from ... import products
from ...batches.catalogue import find_products, product_title, quote
from ...batches.existing import rendered_products
from ...batches.review import OUTDATED
from ...models import BatchRender, ProductCheck, TryOnRequest
from ...products import DescribedProduct
from ...utils.money import format_usd

logger = logging.getLogger(__name__)

NAME_FIELDS = ("title", "name")
"""The fields by which products are sorted. Without either, the first text field is used."""


def model_choices() -> list[tuple[str, str]]:
    """Return the labels and names of the registered models."""
    return [
        (model._meta.label_lower, capfirst(str(model._meta.verbose_name_plural)))
        for model in products.registered()
    ]


@dataclass(frozen=True)
class ProductSearch:
    """A product search. It returns only references, and the page loads the products that it shows."""

    text: str = ""
    model: str = ""
    """The label of a registered model, or "" for all models."""
    kind: str = ""
    """ "garment", "eyewear", or "" for both."""
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
        outdated = BatchRender.objects.filter(OUTDATED).order_by().values_list("product", flat=True)
        wanted = set(outdated.distinct()) if self.with_outdated else set()
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
        return (item.ref for item in described if _kind(item) == self.kind)


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


def _kind(described: DescribedProduct) -> str:
    try:
        return described.kind
    except Exception:
        logger.exception("%s has no engine, because the shop's own code failed", described.ref)
        return ""


def checked_refs(request: HttpRequest) -> list[str]:
    """Return the references of the checked products that exist in the shop."""
    refs = request.POST.getlist("product")
    found = find_products(refs)
    return [ref for ref in refs if ref in found]


@dataclass(frozen=True)
class ProductCard:
    """What the page shows of a product."""

    ref: str
    title: str
    image_url: str
    kind: str
    price: str
    """The formatted price of one render, or "" if the product cannot be tried on."""
    problem: str
    """Why the product cannot be tried on, or "" if it can."""
    renders: int
    """The number of renders on house models."""
    outdated: int
    """The number of outdated renders."""


def product_cards(refs: Sequence[str]) -> list[ProductCard]:
    """Return the cards of the products with these references, in the same order."""
    found = find_products(refs)
    problems = dict(ProductCheck.objects.filter(product__in=refs).values_list("product", "problem"))
    rows = TryOnRequest.objects.filter(shared_key__isnull=False, product__in=refs).order_by()
    renders = dict(rows.values_list("product").annotate(number=Count("pk")))
    of_batches = BatchRender.objects.filter(OUTDATED, product__in=refs).order_by()
    outdated = dict(of_batches.values_list("product").annotate(number=Count("pk")))
    return [
        _card(ref, found.get(ref), problems.get(ref, ""), renders.get(ref, 0), outdated.get(ref, 0))
        for ref in refs
    ]


def _card(ref: str, described: DescribedProduct | None, problem: str, *numbers: int) -> ProductCard:
    if described is None:
        return ProductCard(ref, ref, "", "", "", _("The shop no longer has this product."), *numbers)
    quoted = quote(described, {})
    image_url = ""
    try:
        image_url = described.image_url
        if described.image is None:
            problem = _("This product has no picture.")
        elif not described.is_enabled:
            problem = _("The shop has switched off try-on for this product.")
        elif quoted is None:
            problem = _("Its engine or its options are invalid. See the log for details.")
    except Exception as error:
        logger.exception("%s cannot be shown, because the shop's own code failed", ref)
        problem = _("The shop's own code failed: %(error)s") % {"error": repr(error)[:300]}
    price = format_usd(quoted.price) if quoted and not problem else ""
    return ProductCard(ref, product_title(described), image_url, _kind(described), price, problem, *numbers)
