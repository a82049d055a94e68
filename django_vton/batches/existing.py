"""Which renders of products exist, and whether they show the products' present images."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..models import BatchRender, PersonPhoto, ProductCheck, TryOnRequest
from .catalogue import Quote

RenderKey = tuple[Any, ...]
"""What a render is of: product, house model, engine and options. The image's digest completes it."""


class ExistingRenders:
    """The shared renders of some products, only on these house models if any are given. Takes three queries.

    A product with the same image as another one has only rows of batches, which share the other's render.
    """

    def __init__(self, refs: Sequence[str], house_models: Sequence[PersonPhoto] = ()) -> None:
        requests = TryOnRequest.objects.filter(shared_key__isnull=False, product__in=refs)
        of_batches = BatchRender.objects.filter(product__in=refs, request__shared_key__isnull=False)
        if house_models:
            requests = requests.filter(photo__in=house_models)
            of_batches = of_batches.filter(request__photo__in=house_models)
        fields = ("photo", "engine", "options")
        self._digests: dict[RenderKey, set[str]] = defaultdict(set)
        for row in requests.values_list("product_digest", "product", *fields):
            self._digests[_render_key(*row[1:])].add(row[0])
        joined = (f"request__{field}" for field in fields)
        for row in of_batches.values_list("product_digest", "product", *joined):
            self._digests[_render_key(*row[1:])].add(row[0])
        checks = list(ProductCheck.objects.filter(product__in=refs))
        self._present = {check.product: check.digest for check in checks}
        self.products = {key[0] for key in self._digests}
        """The products with at least one render."""
        self.unusable = {check.product for check in checks if check.problem and check.checked_at is not None}
        """The products whose image cannot be used according to their last check."""

    def is_missing(self, key: RenderKey) -> bool:
        """Return whether there is no such render."""
        return key not in self._digests

    def is_current(self, key: RenderKey) -> bool:
        """Return whether there is such a render of the present image, as far as the image is known."""
        digests, present = self._digests.get(key, set()), self._present.get(key[0], "")
        return bool(digests) and (not present or bool(digests & {present, ""}))

    def is_outdated(self, key: RenderKey) -> bool:
        """Return whether there are such renders, but none of the present image."""
        return not self.is_missing(key) and not self.is_current(key)


def rendered_products() -> set[str]:
    """Return all products with a shared render. Takes two queries, whatever their number."""
    requests = TryOnRequest.objects.filter(shared_key__isnull=False).order_by()
    of_batches = BatchRender.objects.filter(request__shared_key__isnull=False).order_by()
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
