"""Describe products for the page on which they are selected."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from ... import products
from ...batches.catalogue import find_products, product_title, quote
from ...batches.review import OUTDATED
from ...batches.search import kind_of
from ...models import BatchRender, ProductCheck, TryOnRequest
from ...products import DescribedProduct
from ...utils.money import format_usd

logger = logging.getLogger(__name__)


def model_choices() -> list[tuple[str, str]]:
    """Return the labels and names of the registered models."""
    return [
        (model._meta.label_lower, capfirst(str(model._meta.verbose_name_plural)))
        for model in products.registered()
    ]


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
    return ProductCard(ref, product_title(described), image_url, kind_of(described), price, problem, *numbers)
