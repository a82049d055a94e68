"""What both doors do: a row is made, and a house model's render is shared by all who ask for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.utils import timezone

from .. import images
from ..conf import config
from ..models import PersonPhoto, TryOnRequest

if TYPE_CHECKING:
    from ..models import Batch, ProductImage
    from ..products import Described


@dataclass(frozen=True)
class Accepted:
    """The try-on, and whether its answer was there already."""

    request: TryOnRequest
    is_ready: bool


def fill_photo(row: PersonPhoto, picture: images.Picture) -> None:
    """Write a photo and its thumbnail into the storage and their names into the (unsaved) row."""
    row.digest, row.width, row.height = picture.digest, picture.width, picture.height
    small = images.thumbnail(picture)
    row.file.save(f"photo.{picture.extension}", ContentFile(picture.data), save=False)
    row.thumbnail.save(f"photo.{small.extension}", ContentFile(small.data), save=False)


def new_row(
    described: Described, options: Mapping[str, Any], photo: PersonPhoto, picture: ProductImage, **more: Any
) -> TryOnRequest:
    """An unsaved try-on."""
    return TryOnRequest(
        product=described.ref,
        main_product=described.main_ref,
        product_title=described.title[:300],
        product_url=described.url[:500],
        engine=described.engine.name,
        options=dict(options),
        photo=photo,
        product_image=picture,
        cache_key=_cache_key(photo.digest, picture.digest, described.engine.name, options),
        expires_at=timezone.now() + config.RESULT_RETENTION,
        **more,
    )


def _cache_key(photo: str, picture: str, engine: str, options: Mapping[str, Any]) -> str:
    parts = json.dumps([photo, picture, engine, options], sort_keys=True)
    return hashlib.sha256(parts.encode()).hexdigest()


def shared_render(like: TryOnRequest) -> TryOnRequest | None:
    """The render of a house model that is there, or being made, for all who ask for the same; locked."""
    return TryOnRequest.objects.select_for_update().filter(shared_key=like.cache_key).first()


def new_shared_render(
    like: TryOnRequest, pay: Callable[[TryOnRequest], None], batch: Batch | None = None
) -> tuple[TryOnRequest, bool]:
    """A render of nobody's, stored by `pay`, so that all can share it; and whether it is paid now."""
    assert like.photo is not None, "a house model's render without its photo"
    # Whoever found none at the same moment waits here: of two that insert one key InnoDB fails the second.
    list(PersonPhoto.objects.select_for_update().filter(pk=like.photo.pk).values_list("id"))
    earlier = shared_render(like)
    if earlier is not None:
        return earlier, False
    render = TryOnRequest(
        batch=batch,
        product=like.product,
        main_product=like.main_product,
        product_title=like.product_title,
        product_url=like.product_url,
        engine=like.engine,
        options=like.options,
        photo=like.photo,
        product_image=like.product_image,
        cache_key=like.cache_key,
        shared_key=like.cache_key,
        expires_at=like.expires_at,
    )
    try:
        with transaction.atomic():
            pay(render)
    except IntegrityError:
        # With the same picture as another house model, or as a failed render came to life again.
        return TryOnRequest.objects.select_for_update().get(shared_key=like.cache_key), False
    return render, True
