"""Personal data: consent, erasure, export, scheduled deletion, and the log of staff who opened photos."""

from .consent import has_consented, record_consent, withdraw_consent
from .erasure import (
    delete_files_after_commit,
    delete_photo,
    erase_deleted_shopper,
    erase_shopper,
    erase_tryon,
)
from .export import export_shopper
from .retention import photo_expires_at, purge

__all__ = [
    "delete_files_after_commit",
    "delete_photo",
    "erase_deleted_shopper",
    "erase_shopper",
    "erase_tryon",
    "export_shopper",
    "has_consented",
    "photo_expires_at",
    "purge",
    "record_consent",
    "withdraw_consent",
]
