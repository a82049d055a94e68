"""The registered products of all models, as a merchant looks for them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Count, Q
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from ... import batches, products
from ...batches.catalogue import look_up, terms, title
from ...models import ProductImage, TryOnRequest
from ...products import Described
from ...utils.money import usd

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

logger = logging.getLogger(__name__)


def kinds_of_products() -> list[tuple[str, str]]:
    """The registered models by their labels."""
    return [
        (model._meta.label_lower, capfirst(str(model._meta.verbose_name_plural)))
        for model in products.registered()
    ]


@dataclass(frozen=True)
class Search:
    """What was asked for. It finds references, and brings up the rows of one page alone."""

    words: str = ""
    model: str = ""
    """A registered model's label; "" for all."""
    kind: str = ""
    """ "garment" or "eyewear"; "" for both."""
    is_missing: bool = False
    """Only those without any render on a house model."""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Search:
        """From a page's address."""
        return cls(
            query.get("q", "").replace("\0", "").strip()[:200],
            query.get("model", ""),
            query.get("kind", ""),
            query.get("missing", "") == "1",
        )

    @property
    def is_narrow(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.words or self.model or self.kind or self.is_missing)

    def refs(self) -> list[str]:
        """All that match, in the shop's order."""
        found = [
            ref
            for model, tryon in products.registered().items()
            if self.model in ("", model._meta.label_lower)
            for ref in self._of_model(model, tryon)
        ]
        return batches.missing(found) if self.is_missing else found

    def _of_model(self, model: type[Model], tryon: products.TryOn) -> Iterator[str]:
        rows = _matching(tryon.get_queryset(), self.words)
        label = model._meta.label_lower
        if not self.kind:
            return (f"{label}:{pk}" for pk in rows.values_list("pk", flat=True))
        described = (Described(tryon, row) for row in rows.iterator(chunk_size=500))
        return (one.ref for one in described if _kind(one) == self.kind)


def _matching(rows: QuerySet[Any], words: str) -> QuerySet[Any]:
    """Each word in one of the short texts of the model, whether it has an admin or not."""
    names = [
        field.name
        for field in rows.model._meta.get_fields()
        if isinstance(field, models.CharField) and not field.choices
    ]
    for word in words.split():
        found = Q(*(Q(**{f"{name}__icontains": word}) for name in names), _connector=Q.OR)
        rows = rows.filter(found) if names else rows.none()
    return rows


def _kind(described: Described) -> str:
    try:
        return described.kind
    except Exception:
        logger.exception("%s has no engine: the shop's own code failed", described.ref)
        return ""


@dataclass(frozen=True)
class Card:
    """A product on the page."""

    ref: str
    title: str
    image_url: str
    kind: str
    price: str
    """Of one render; "" where none can be made."""
    barred: str
    """Why it cannot be tried on, or ""."""
    renders: int
    """So many are there, on house models."""


def cards(refs: Sequence[str]) -> list[Card]:
    """The products of these references, in this order; four queries for one registered model."""
    found = look_up(refs)
    problems = dict(
        ProductImage.objects.filter(product__in=refs).order_by("used_at").values_list("product", "problem")
    )
    rows = TryOnRequest.objects.filter(shared_key__isnull=False, product__in=refs).order_by()
    renders = dict(rows.values_list("product").annotate(number=Count("pk")))
    return [_card(ref, found.get(ref), problems.get(ref, ""), renders.get(ref, 0)) for ref in refs]


def _card(ref: str, described: Described | None, problem: str, renders: int) -> Card:
    if described is None:
        return Card(ref, ref, "", "", "", _("The shop does not have it any more."), renders)
    offer = terms(described, {})
    image_url, barred = "", problem
    try:
        image_url = described.image_url
        if described.image is None:
            barred = _("This product has no picture.")
        elif not described.is_enabled:
            barred = _("The shop has try-on switched off for this product.")
        elif offer is None:
            barred = _("Its options or its engine are not possible; the log tells more.")
    except Exception as error:
        logger.exception("%s cannot be shown: the shop's own code failed", ref)
        barred = _("The shop's own code failed: %(error)s") % {"error": repr(error)[:300]}
    price = usd(offer.price) if offer and not barred else ""
    return Card(ref, title(described), image_url, _kind(described), price, barred, renders)
