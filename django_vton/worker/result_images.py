"""Finished pictures: decoded, written anew, and put into the private storage."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.core.files.base import ContentFile

from ..images import ImageRefused, Picture, result_picture, thumbnail
from ..models import TryOnImage
from ..storage import delete_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..models import TryOnRequest

__all__ = ["ImageRefused", "Rendered", "discard", "read", "store"]


@dataclass(frozen=True)
class Rendered:
    """One result and its thumbnail."""

    picture: Picture
    small: Picture


def read(data: bytes) -> Rendered:
    """What the vendor served, if it is a picture. Raises ImageRefused."""
    picture = result_picture(data)
    small = thumbnail(picture, label=True)
    # Its pixels are given back before its place among those in memory is.
    return Rendered(replace(picture, decoded=None), small)


def store(request: TryOnRequest, pictures: Sequence[Rendered]) -> list[TryOnImage]:
    """Write the files; the rows are unsaved, and belong to the last swap."""
    images: list[TryOnImage] = []
    try:
        for position, rendered in enumerate(pictures):
            image = TryOnImage(
                request=request,
                position=position,
                content_type=rendered.picture.content_type,
                width=rendered.picture.width,
                height=rendered.picture.height,
            )
            images.append(image)
            for stored, picture in ((image.file, rendered.picture), (image.thumbnail, rendered.small)):
                stored.save(f"result.{picture.extension}", ContentFile(picture.data), save=False)
    except Exception:
        discard(images)
        raise
    return images


def discard(images: Iterable[TryOnImage]) -> None:
    """Delete files whose rows will never be."""
    for image in images:
        delete_file(image.file)
        delete_file(image.thumbnail)
