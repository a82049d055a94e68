"""Build rows for the requests of shoppers and merchants, and share renders of house models."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.core.files.base import ContentFile
from django.db import IntegrityError

from .. import images
from ..conf import config
from ..gateway.engines import get_engine
from ..models import Batch, PersonPhoto, ProductImage, TryOnRequest
from ..products import DescribedProduct
from ..utils import clock, database
from . import fallbacks
from .storing import storing_files

COPIED_FIELDS = [
    *("product", "main_product", "product_title", "product_url", "engine", "options"),
    *("other_engine", "other_options", "other_cache_key"),
    *("photo", "product_image", "product_digest", "cache_key", "expires_at"),
]
"""The fields that a shared render copies from the first request for it."""


@dataclass(frozen=True)
class AcceptedRequest:
    """An accepted try-on."""

    request: TryOnRequest
    is_ready: bool
    """Whether the try-on has already ended."""


def save_photo_files(row: PersonPhoto, image: images.EncodedImage) -> None:
    """Write a photo and its thumbnail to the storage, and set their fields on the row without saving it.

    Raise `Refused` (503), and leave neither file, if the storage fails.
    """
    row.digest, row.width, row.height = image.digest, image.width, image.height
    thumbnail = images.make_thumbnail(image)
    with storing_files(row, ["file", "thumbnail"]):
        row.file.save(f"photo.{image.extension}", ContentFile(image.data), save=False)
        row.thumbnail.save(f"photo.{thumbnail.extension}", ContentFile(thumbnail.data), save=False)


def build_request(
    described: DescribedProduct,
    options: Mapping[str, Any],
    requested: Mapping[str, Any],
    photo: PersonPhoto,
    product_image: ProductImage,
    *,
    by_engine: Mapping[str, Mapping[str, Any]] | None = None,
    is_own_photo: bool = False,
    **fields: Any,
) -> TryOnRequest:
    """Return an unsaved try-on. See `fallbacks.choose` for `requested` and `by_engine`.

    With `is_own_photo`, a shopper's, the engines' `own_photo_defaults` complete the options.
    """
    second = fallbacks.choose(described, options, requested, by_engine)
    if is_own_photo:
        options = described.engine.clean_own_photo_options(options)
        if second is not None:
            engine = get_engine(second.engine)
            second = replace(second, options=engine.clean_own_photo_options(second.options))
    digests = photo.digest, product_image.digest
    if second is not None:
        fields |= {
            "other_engine": second.engine,
            "other_options": second.options,
            "other_cache_key": _cache_key(*digests, second.engine, second.options),
        }
    return TryOnRequest(
        product=described.ref,
        main_product=described.main_ref,
        product_title=described.title[:300],
        product_url=described.url[:500],
        engine=described.engine.name,
        options=dict(options),
        photo=photo,
        product_image=product_image,
        product_digest=product_image.source_digest,
        cache_key=_cache_key(*digests, described.engine.name, options),
        expires_at=clock.now() + config.RESULT_RETENTION,
        **fields,
    )


def _cache_key(photo: str, product_image: str, engine: str, options: Mapping[str, Any]) -> str:
    parts = json.dumps([photo, product_image, engine, options], sort_keys=True)
    return hashlib.sha256(parts.encode()).hexdigest()


def equal_render_keys(request: TryOnRequest) -> list[str]:
    """Return the cache keys of renders equal to what this new request would get now.

    While its first engine is stopped or paused, it would get a render of the second one.
    """
    keys = [request.cache_key]
    if fallbacks.takes_over_now(request.engine, request.other_engine):
        keys.append(request.other_cache_key)
    return keys


def find_shared_render(request: TryOnRequest) -> TryOnRequest | None:
    """Lock and return the house model's render that this request can share, or return None."""
    rows = TryOnRequest.objects.select_for_update()
    found = (rows.filter(shared_key=key).first() for key in equal_render_keys(request))
    return next((row for row in found if row is not None), None)


def create_shared_render(
    request: TryOnRequest, pay: Callable[[TryOnRequest], None], batch: Batch | None = None
) -> tuple[TryOnRequest, bool]:
    """Find the shared render, or store it with `pay`. Return it, and whether it is new."""
    assert request.photo is not None, "a house model's render without its photo"
    # Concurrent requests for the same render wait for this lock. Without it, InnoDB would abort one of two
    # transactions that insert the same key.
    list(PersonPhoto.objects.select_for_update().filter(pk=request.photo.pk).values_list("id"))
    earlier = find_shared_render(request)
    if earlier is not None:
        return earlier, False
    copied = {name: getattr(request, name) for name in COPIED_FIELDS}
    render = TryOnRequest(batch=batch, shared_key=request.cache_key, **copied)
    try:
        with database.atomic():
            pay(render)
    except IntegrityError:
        # The key is taken: another house model has the same photo, or a failed render was reopened.
        return TryOnRequest.objects.select_for_update().get(shared_key=request.cache_key), False
    return render, True
