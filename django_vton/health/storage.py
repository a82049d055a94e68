"""Try whether files can be stored, before a paid result cannot be, and record files that are missing."""

from __future__ import annotations

import logging
import re
import uuid

from django.core.files.base import ContentFile

from ..models import FailedCheck
from ..storage import private_storage
from ..utils import clock

logger = logging.getLogger(__name__)

URL_QUERY = re.compile(r"\?\S+")
"""The part of a URL in an error message that can contain a signature."""


def find_storage_problem() -> str:
    """Write, read and delete a small file. Return what went wrong, without secrets, or ""."""
    try:
        storage = private_storage()
        name = storage.save(f"vton/photos/00/{uuid.uuid4().hex}.txt", ContentFile(b"probe"))
        try:
            with storage.open(name) as file:
                is_same = file.read() == b"probe"
        finally:
            storage.delete(name)
    except Exception as error:  # noqa: BLE001 - a storage may raise anything
        problem = f"{type(error).__name__}: {URL_QUERY.sub('', str(error))}"
        return problem[:200].rstrip(".: ")  # The column `FailedCheck.error` is not longer.
    return "" if is_same else "a file was not read back as written"


def record_storage_check() -> None:
    """Check the storage, and record the result for all processes. For workers, which store the results."""
    if error := find_storage_problem():
        logger.error("The private storage cannot be used: %s", error)
        FailedCheck.objects.update_or_create(name="storage", defaults={"error": error})
    else:
        FailedCheck.objects.filter(name="storage").delete()


def record_missing_file(name: str | None) -> None:
    """Record that the storage does not have a file that the database names. Only the last one is kept."""
    found = {"error": name or "", "since": clock.now()}
    FailedCheck.objects.update_or_create(name="files", defaults=found)
