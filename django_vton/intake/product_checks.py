"""Find products whose image cannot be used, before a shopper does, and renders of an earlier image.

Products without a usable image show no button. Outdated renders are marked, and the merchant replaces them.

A product is checked within a minute after it was saved, and again once a week, or each hour if the reason may
end by itself. A check reads the file and parses its header, but does not decode it.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _

from .. import products
from ..exceptions import Refused
from ..models import BatchRender, ProductCheck
from ..products import DescribedProduct, TryOn
from ..utils import cache, clock, database
from ..utils.robust import robust
from . import product_files, product_images

logger = logging.getLogger(__name__)

Reason = ProductCheck.Reason

RECHECK_AFTER = timedelta(days=7)
"""The time after which an unchanged file name is not trusted any more."""

TEMPORARY = (Reason.FILE, Reason.DOWNLOAD, Reason.ERROR)
"""Reasons that may end without a change of the file, for example when the storage works again."""

PAGE = 200
"""The number of products that are read from the shop's tables at a time."""

MAX_HIDDEN = 2_000
"""The maximum number of products whose buttons are hidden. Further ones are refused in the dialog."""

BUTTONS_CACHE_KEY = "vton.buttons"
"""The key under which `web.button_visibility` caches what pages show."""

MAX_NAME = 500
"""The length of the column for the image's name."""

CURSOR_CACHE_KEY = "vton.product_checks.cursor"


def unusable_products() -> frozenset[str]:
    """Return the references of products without a usable image, the newest `MAX_HIDDEN` only."""
    rows = ProductCheck.objects.exclude(problem="").order_by("-checked_at")
    return frozenset(rows.values_list("product", flat=True)[:MAX_HIDDEN])


def mark_changed(*, instance: Model, raw: bool = False, **_kwargs: Any) -> None:
    """Receive `post_save` and `post_delete` of a registered model: have the product checked soon."""
    if not raw:  # A fixture may be loaded before our tables exist.
        mark([instance])


def mark(changed: Iterable[Model]) -> None:
    """Have these products checked in the next minute, because their images may have changed.

    An error is only logged, since the shop is just saving a product. `changed` may be a query set.
    """
    with robust("A changed product could not be marked for its check."):
        mark_references([products.reference(product) for product in changed])


@database.retry
def mark_references(refs: Sequence[str]) -> None:
    """Like `mark`, for the products with these references, but raise errors."""
    refs = sorted(refs)  # Two transactions that lock the same rows in the same order cannot deadlock.
    with database.atomic():
        for start in range(0, len(refs), PAGE):
            some = refs[start : start + PAGE]
            rows = [ProductCheck(product=ref) for ref in some]
            ProductCheck.objects.bulk_create(rows, ignore_conflicts=True)
            ProductCheck.objects.filter(product__in=some).update(checked_at=None)


def mark_if_changed(ref: str, digest: str) -> None:
    """Have the product checked in the next minute if a render found another file than the last check."""
    ProductCheck.objects.filter(product=ref).exclude(digest=digest).update(checked_at=None)


def check_saved(*, seconds: float = 10) -> int:
    """Check products that were saved since their last check, for about `seconds`. Return their number."""
    saved = ProductCheck.objects.filter(checked_at=None)
    ends = time.monotonic() + seconds
    count = 0
    for ref in list(saved.values_list("product", flat=True)[:PAGE]):
        _check(ref)
        count += 1
        if time.monotonic() >= ends:
            break
    return count


def check_all(*, seconds: float | None = 30) -> int:
    """Check products that are new, have another file, or were not checked for a week. Return their number.

    Stop after about `seconds`; the next call continues with the following product. If they are None, do not
    stop, and check the listed problems again first.
    """
    ends = math.inf if seconds is None else time.monotonic() + seconds
    if seconds is None:
        for ref in list(ProductCheck.objects.exclude(problem="").values_list("product", flat=True)):
            _check(ref)
    count = 0
    for model, tryon in products.registered().items():
        key = f"{CURSOR_CACHE_KEY}.{model._meta.label_lower}"
        for page in _pages(tryon, None if seconds is None else cache.get(key)):
            outdated = _outdated(page)
            for product in page:
                if (ref := products.reference(product)) in outdated:
                    _check(ref)
                    count += 1
                if time.monotonic() >= ends:
                    cache.set(key, product.pk, None)
                    return count
        cache.delete(key)
    # What is older now was deleted, or is not offered for try-on any more.
    older = ProductCheck.objects.filter(checked_at__lt=clock.now() - RECHECK_AFTER)
    for ref in list(older.values_list("product", flat=True)[:PAGE]):
        _check(ref)
    return count


def _check(ref: str) -> None:
    """Check a product and store the result. An error in the shop's code affects this product only.

    `checked_at` is written first: a file that kills the process is not read again in the next minute, and a
    product that is saved meanwhile is checked once more.
    """
    row, _is_new = ProductCheck.objects.update_or_create(product=ref, defaults={"checked_at": clock.now()})
    name, reason, problem, digest = "", "", "", ""
    try:
        described = products.find_enabled(ref)
        name = product_files.image_name(described.image)
        digest = product_images.check(described)
    except product_files.UnusableImage as unusable:
        reason, problem, digest = unusable.reason, str(unusable), unusable.digest
    except Refused:  # It was deleted, or the shop does not offer it for try-on.
        row.delete()
        return
    except Exception as error:
        logger.exception("The image of %s could not be checked.", ref)
        reason = Reason.ERROR
        problem = _("The shop's own code failed: %(error)s") % {"error": repr(error)[:300]}
    digest = digest or row.digest  # A file that cannot be read now does not make its renders outdated.
    with database.atomic():
        ProductCheck.objects.filter(pk=row.pk).update(
            image_name=name[:MAX_NAME], digest=digest, reason=reason, problem=problem
        )
        if digest:
            _mark_outdated_renders(ref, digest)
    if problem != row.problem:
        cache.delete(BUTTONS_CACHE_KEY)


def _mark_outdated_renders(ref: str, digest: str) -> None:
    """Mark the renders of batches that were made from another file than the present one."""
    renders = BatchRender.objects.filter(product=ref).exclude(product_digest="")
    renders.filter(is_outdated=False).exclude(product_digest=digest).update(is_outdated=True)
    renders.filter(is_outdated=True, product_digest=digest).update(is_outdated=False)


def _pages(tryon: TryOn, cursor: Any) -> Iterator[list[Model]]:
    """Yield the shop's products after the key `cursor`, in the order of their keys."""
    rows = tryon.get_queryset().order_by("pk")
    while page := list((rows if cursor is None else rows.filter(pk__gt=cursor))[:PAGE]):
        yield page
        cursor = page[-1].pk


def _outdated(page: Sequence[Model]) -> set[str]:
    """Return the references of the products that have to be checked."""
    refs = {products.reference(product): product for product in page}
    rows = {row.product: row for row in ProductCheck.objects.filter(product__in=refs)}
    return {ref for ref, product in refs.items() if _is_outdated(product, rows.get(ref))}


def _is_outdated(product: Model, row: ProductCheck | None) -> bool:
    """Return whether the file was not checked, or the product has a row but is not offered any more."""
    described = DescribedProduct(products.tryon_for(type(product)), product)
    try:
        name = product_files.image_name(described.image) if described.is_enabled else None
    except Exception:  # noqa: BLE001 - the check reports it
        return True
    if row is None or name is None:
        return (row is None) != (name is None)
    is_recent = row.checked_at is not None and row.checked_at > clock.now() - RECHECK_AFTER
    is_same = name != "" and name[:MAX_NAME] == row.image_name
    return not (is_recent and is_same and row.reason not in TEMPORARY)
