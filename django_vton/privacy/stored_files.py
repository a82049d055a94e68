"""Delete files of the private storage, and remember those that it cannot delete now.

A photo that should be deleted must not be forgotten, and a storage that fails must not change the answer to
a request. So a deletion never raises: the hourly purge repeats it until the file is gone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from django.db import Error
from django.db.models import F
from django.db.models.fields.files import FieldFile

from ..conf import config
from ..models import UndeletedFile
from ..storage import storage_by_alias
from ..utils import database

logger = logging.getLogger(__name__)

MAX_ROWS = 10_000
"""The maximum number of files that one purge tries to delete again."""


def delete_file(stored: FieldFile) -> None:
    """Delete the file of a model field. Do nothing if the field is empty."""
    if stored.name:
        delete_name(stored.name)


def delete_name(name: str) -> bool:
    """Delete a file from the private storage. If that fails, remember it and return False."""
    alias = config.STORAGE or ""
    is_deleted = _try_to_delete(alias, name)
    if not is_deleted:
        _remember(alias, name)
    return is_deleted


def retry_deletions() -> Iterator[int]:
    """Delete the remembered files, those with the fewest attempts first. Yield 1 or 0 for each."""
    for row in list(UndeletedFile.objects.order_by("attempts", "since")[:MAX_ROWS]):
        same = UndeletedFile.objects.filter(pk=row.pk)
        is_deleted = _try_to_delete(row.storage, row.name)
        if is_deleted:
            same.delete()
        else:
            same.update(attempts=F("attempts") + 1)
        yield int(is_deleted)


def _try_to_delete(alias: str, name: str) -> bool:
    try:
        storage_by_alias(alias).delete(name)
    except FileNotFoundError:
        return True
    except Exception as error:  # noqa: BLE001 - a shop's storage may raise any exception
        # Log only the type: the messages of remote storages may contain URLs.
        logger.warning("The file %s cannot be deleted: %s", name, type(error).__name__)
        return False
    return True


def _remember(alias: str, name: str) -> None:
    try:
        with database.borrowed_connection(), database.atomic():
            row = UndeletedFile(storage=alias, name=name)
            UndeletedFile.objects.bulk_create([row], ignore_conflicts=True)
    except Error as error:
        # Without a row, the hourly search for orphaned files finds it, if the storage can list its files.
        logger.error("The file %s is not remembered: %s", name, type(error).__name__)  # noqa: TRY400
