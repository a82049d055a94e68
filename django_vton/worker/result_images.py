"""Write result images to the private storage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.core.files.base import ContentFile

from ..images.isolated import ResultImage
from ..models import TryOnImage, TryOnRequest
from ..privacy.stored_files import delete_file


def store(request: TryOnRequest, results: Sequence[ResultImage]) -> list[TryOnImage]:
    """Write the files and return unsaved rows, which the transaction that completes the try-on saves."""
    rows: list[TryOnImage] = []
    try:
        for position, result in enumerate(results):
            row = TryOnImage(
                request=request,
                position=position,
                content_type=result.image.content_type,
                width=result.image.width,
                height=result.image.height,
            )
            rows.append(row)
            for field, image in ((row.file, result.image), (row.thumbnail, result.thumbnail)):
                field.save(f"result.{image.extension}", ContentFile(image.data), save=False)
    except Exception:
        delete_files(rows)
        raise
    return rows


def delete_files(images: Iterable[TryOnImage]) -> None:
    """Delete the files of unsaved rows."""
    for image in images:
        delete_file(image.file)
        delete_file(image.thumbnail)
