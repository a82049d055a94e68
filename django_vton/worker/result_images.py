"""Write result images to the private storage."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from django.core.files.base import ContentFile

from ..gateway.engines import engines
from ..images.flaws import find_flaw
from ..images.isolated import ResultImage
from ..models import PersonPhoto, TryOnImage, TryOnRequest
from ..privacy.stored_files import delete_file
from ..utils.redaction import clear_frames

logger = logging.getLogger(__name__)


def store(
    request: TryOnRequest, results: Sequence[ResultImage], photo: PersonPhoto | None = None
) -> list[TryOnImage]:
    """Write the files and return unsaved rows, which the transaction that completes the try-on saves.

    With the photo, the results are compared with it. This runs in a thread for images, so it must not use the
    database.
    """
    rows: list[TryOnImage] = []
    flaws = find_flaws(request, results, photo)
    try:
        for position, (result, flaw) in enumerate(zip(results, flaws, strict=True)):
            row = TryOnImage(
                request=request,
                position=position,
                content_type=result.image.content_type,
                width=result.image.width,
                height=result.image.height,
                flaw=flaw,
            )
            rows.append(row)
            for field, image in ((row.file, result.image), (row.thumbnail, result.thumbnail)):
                field.save(f"result.{image.extension}", ContentFile(image.data), save=False)
    except Exception:
        delete_files(rows)
        raise
    return rows


def find_flaws(request: TryOnRequest, results: Sequence[ResultImage], photo: PersonPhoto | None) -> list[str]:
    """Compare the thumbnails of the photo and of each result. Return the flaws, and "" after an error.

    The render is paid, so nothing that goes wrong here may keep it from the shopper.
    """
    if photo is None:
        return [""] * len(results)
    try:
        with photo.thumbnail.open("rb") as stored:
            original = stored.read()
        kind = engines()[request.engine].kind
        return [find_flaw(original, result.thumbnail.data, kind) for result in results]
    except Exception as error:
        clear_frames(error)
        logger.exception("try-on %s: its images were not compared with the photo", request.pk)
        return [""] * len(results)


def delete_files(images: Iterable[TryOnImage]) -> None:
    """Delete the files of unsaved rows."""
    for image in images:
        delete_file(image.file)
        delete_file(image.thumbnail)
