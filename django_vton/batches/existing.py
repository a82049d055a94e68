"""Which renders of products exist, and whether they show the products' present images."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Q

from ..models import BatchRender, PersonPhoto, ProductCheck, TryOnRequest
from .catalogue import Quote

RenderKey = tuple[Any, ...]
"""What a render is of: product, house model, engine and options. The image's digest completes it."""


class ExistingRenders:
    """The shared renders of some products, only on these house models if any are given. Takes four queries.

    A product with the same image as another one has only rows of batches, which share the other's render.
    """

    def __init__(self, refs: Sequence[str], house_models: Sequence[PersonPhoto] = ()) -> None:
        requests = TryOnRequest.objects.filter(shared_key__isnull=False, product__in=refs)
        renders = BatchRender.objects.filter(product__in=refs)
        of_batches = renders.filter(request__shared_key__isnull=False)
        if house_models:
            requests = requests.filter(photo__in=house_models)
            of_batches = of_batches.filter(request__photo__in=house_models)
        fields = ("photo", "engine", "options")
        self._digests: dict[RenderKey, set[str]] = defaultdict(set)
        for row in requests.values_list("product_digest", "product", *fields):
            self._digests[_render_key(*row[1:])].add(row[0])
        joined = ("request__photo", "request__engine", "request__options")
        for row in of_batches.values_list("product_digest", "product", *joined):
            self._digests[_render_key(*row[1:])].add(row[0])
        # A rejected render is not shared, but rejecting it does not order another one.
        self._rejected: dict[RenderKey, set[str]] = defaultdict(set)
        rejected = renders.filter(review=BatchRender.Review.REJECTED)
        joined = ("photo", "request__engine", "request__options")
        for row in rejected.values_list("product_digest", "product", *joined):
            self._rejected[_render_key(*row[1:])].add(row[0])
        checks = list(ProductCheck.objects.filter(product__in=refs))
        self._present = {check.product: check.digest for check in checks}
        self.products = {key[0] for key in (*self._digests, *self._rejected)}
        """The products with at least one render, even if it was rejected."""
        self.unusable = {check.product for check in checks if check.problem and check.checked_at is not None}
        """The products whose image cannot be used according to their last check."""

    def is_missing(self, key: RenderKey) -> bool:
        """Return whether there is no such render, not even a rejected one."""
        return not self._digests_of(key) | self._rejected_digests_of(key)

    def is_current(self, key: RenderKey) -> bool:
        """Return whether there is such a shared render of the present image, as far as the image is known."""
        return self._has_present(key, self._digests_of(key))

    def is_outdated(self, key: RenderKey) -> bool:
        """Return whether there are such renders, but none of the present image."""
        digests = self._digests_of(key) | self._rejected_digests_of(key)
        return bool(digests) and not self._has_present(key, digests)

    def _digests_of(self, key: RenderKey) -> set[str]:
        return self._digests.get(key, set())

    def _rejected_digests_of(self, key: RenderKey) -> set[str]:
        return self._rejected.get(key, set())

    def _has_present(self, key: RenderKey, digests: set[str]) -> bool:
        present = self._present.get(key[0], "")
        return bool(digests) and (not present or bool(digests & {present, ""}))


def rendered_products() -> set[str]:
    """Return all products with a shared or a rejected render. Takes two queries, whatever their number."""
    requests = TryOnRequest.objects.filter(shared_key__isnull=False).order_by()
    counted = Q(request__shared_key__isnull=False) | Q(review=BatchRender.Review.REJECTED)
    of_batches = BatchRender.objects.filter(counted).order_by()
    return {
        *requests.values_list("product", flat=True).distinct(),
        *of_batches.values_list("product", flat=True).distinct(),
    }


def render_keys(ref: str, quoted: Quote, house_models: Iterable[PersonPhoto]) -> list[RenderKey]:
    """Return the keys of a product's renders on the house models that suit it."""
    suited = (photo for photo in house_models if photo.suits_kind(quoted.kind))
    return [_render_key(ref, photo.pk, quoted.engine, quoted.options) for photo in suited]


def _render_key(product: str, photo: Any, engine: str, options: Mapping[str, Any]) -> RenderKey:
    return product, photo, engine, json.dumps(options, sort_keys=True)
