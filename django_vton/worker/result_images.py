"""Write result images to the private storage, and read the photo with which they are compared."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from django.core.files.base import ContentFile

from ..gateway.engines import engines
from ..images.isolated import NO_COMPARISON, Comparison, ResultImage
from ..models import PersonPhoto, TryOnImage, TryOnRequest
from ..privacy.stored_files import delete_file
from ..utils.redaction import clear_frames

logger = logging.getLogger(__name__)


def comparison(request: TryOnRequest, photo: PersonPhoto | None) -> Comparison:
    """Return what the results are compared with. Return `NO_COMPARISON` after an error.

    The render is paid, so nothing that goes wrong here may keep it from the shopper. This runs in a thread
    for images, so it must not use the database.
    """
    if photo is None:
        return NO_COMPARISON
    try:
        with photo.thumbnail.open("rb") as stored:
            return Comparison(stored.read(), engines()[request.engine].kind)
    except Exception as error:
        clear_frames(error)
        logger.exception("try-on %s: its images are not compared with the photo", request.pk)
        return NO_COMPARISON


def store(request: TryOnRequest, results: Sequence[ResultImage]) -> list[TryOnImage]:
    """Write the files and return unsaved rows, which the transaction that completes the try-on saves.

    This runs in a thread for images, so it must not use the database.
    """
    rows: list[TryOnImage] = []
    try:
        for position, result in enumerate(results):
            row = TryOnImage(
                request=request,
                position=position,
                content_type=result.image.content_type,
                width=result.image.width,
                height=result.image.height,
                flaw=result.flaw,
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
