"""Try whether files can be stored, before a paid result cannot be."""

from __future__ import annotations

import logging
import uuid

from django.core.files.base import ContentFile

from ..models import FailedCheck
from ..storage import private_storage

logger = logging.getLogger(__name__)


def find_storage_problem() -> str:
    """Write, read and delete a small file. Return what went wrong, or ""."""
    try:
        storage = private_storage()
        name = storage.save(f"vton/photos/00/{uuid.uuid4().hex}.txt", ContentFile(b"probe"))
        try:
            with storage.open(name) as file:
                is_same = file.read() == b"probe"
        finally:
            storage.delete(name)
    except Exception as error:
        # Backends raise exceptions of their own, whose texts may contain URLs.
        logger.exception("The storage cannot be used.")
        return type(error).__name__
    return "" if is_same else "a file was not read back as written"


def record_storage_check() -> None:
    """Check the storage, and record the result for all processes. For workers, which store the results."""
    failed = FailedCheck.objects.filter(name="storage")
    if error := find_storage_problem():
        if not failed.update(error=error):
            FailedCheck.objects.bulk_create([FailedCheck(name="storage", error=error)], ignore_conflicts=True)
    else:
        failed.delete()
