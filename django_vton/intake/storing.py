"""Refuse requests whose files cannot be stored."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db.models import Model

from ..exceptions import Refused
from ..privacy.stored_files import delete_file

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 60


@contextmanager
def storing_files(row: Model, fields: Sequence[str]) -> Iterator[None]:
    """Raise `Refused` (503, with Retry-After) if the storage fails, and delete what these fields stored."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - a shop's storage may raise any exception
        # Log only the type: the messages of remote storages may contain URLs.
        logger.warning("The private storage cannot be written: %s", type(error).__name__)
        for name in fields:
            delete_file(getattr(row, name))
        raise Refused("unavailable", retry_after=RETRY_AFTER_SECONDS) from None
