"""Find products whose image cannot be used before a shopper does, so that they show no button.

Each product is checked when it was saved, in the next minute, and all products are checked again once a week.
A check reads the file and parses its header, but does not decode it.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import Model, Q
from django.utils import timezone

from .. import products
from ..exceptions import Refused
from ..models import ProductCheck
from ..products import DescribedProduct, TryOn
from . import product_files, product_images

logger = logging.getLogger(__name__)

RECHECK_AFTER = timedelta(days=7)
"""The time after which an unchanged file name is not trusted any more."""

PAGE = 200
"""The number of products that are read from the shop's tables at a time."""

MAX_HIDDEN = 2_000
"""The maximum number of products whose buttons are hidden. Further ones are refused in the dialog."""

BUTTONS_CACHE_KEY = "vton.buttons"
"""The key under which `web.button_visibility` caches what pages show."""

CURSOR_CACHE_KEY = "vton.product_checks.cursor"


def unusable_products() -> frozenset[str]:
    """Return the references of products without a usable image, the newest `MAX_HIDDEN` only."""
    rows = ProductCheck.objects.exclude(problem="").order_by("-checked_at")
    return frozenset(rows.values_list("product", flat=True)[:MAX_HIDDEN])


def mark_saved(*, instance: Model, raw: bool, **_kwargs: Any) -> None:
    """Receive `post_save` of a registered model: have the product checked in the next minute."""
    if raw:  # A fixture is loaded, perhaps before our tables exist.
        return
    try:
        ProductCheck.objects.update_or_create(
            product=products.reference(instance), defaults={"checked_at": None}
        )
    except Exception:
        logger.exception("A saved product could not be marked for its check.")


def check_saved(*, seconds: float = 10) -> int:
    """Check the products that were saved since their last check. Return their number."""
    refs = ProductCheck.objects.filter(checked_at=None).values_list("product", flat=True)[:PAGE]
    ends = time.monotonic() + seconds
    count = 0
    for ref in list(refs):
        try:
            record(products.find(ref))
        except Refused:  # It was deleted, or shoppers must not see it.
            ProductCheck.objects.filter(product=ref).delete()
        count += 1
        if time.monotonic() >= ends:
            break
    return count


def check_all(*, seconds: float | None = 30) -> int:
    """Check products that are new, have another file, or were not checked for a week. Return their number.

    Stop after about `seconds`, unless they are None. The next call continues with the following product.
    """
    ends = math.inf if seconds is None else time.monotonic() + seconds
    count = 0
    for model, tryon in products.registered().items():
        key = f"{CURSOR_CACHE_KEY}.{model._meta.label_lower}"
        cursor = None if seconds is None else cache.get(key)
        for page in _pages(tryon, cursor):
            for described in _outdated(page):
                record(described)
                count += 1
                if time.monotonic() >= ends:
                    cache.set(key, described.product.pk, None)
                    return count
        cache.delete(key)
    return count


def record(described: DescribedProduct) -> str:
    """Check a product, and store and return its problem; "" if its image can be used."""
    problem = product_images.find_problem(described)
    values = {"image_name": product_files.image_name(described.image)[:500], "problem": problem}
    row, is_new = ProductCheck.objects.get_or_create(
        product=described.ref, defaults=values | {"checked_at": timezone.now()}
    )
    if not is_new:
        ProductCheck.objects.filter(pk=row.pk).update(**values, checked_at=timezone.now())
    if problem != ("" if is_new else row.problem):
        cache.delete(BUTTONS_CACHE_KEY)
    return problem


def _pages(tryon: TryOn, cursor: Any) -> Iterator[list[DescribedProduct]]:
    """Yield the products that can be tried on by the shop's own rules, in the order of their keys."""
    rows = tryon.get_queryset().order_by("pk")
    while page := list((rows if cursor is None else rows.filter(pk__gt=cursor))[:PAGE]):
        cursor = page[-1].pk
        described = (DescribedProduct(tryon, product) for product in page)
        yield [each for each in described if each.is_enabled]


def _outdated(page: Iterable[DescribedProduct]) -> Iterator[DescribedProduct]:
    page = list(page)
    recent = Q(checked_at__gt=timezone.now() - RECHECK_AFTER)
    checked = ProductCheck.objects.filter(recent, product__in=[described.ref for described in page])
    names = dict(checked.values_list("product", "image_name"))
    for described in page:
        name = product_files.image_name(described.image)
        if not name or names.get(described.ref) != name[:500]:
            yield described
