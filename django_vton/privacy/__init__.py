"""Personal data: consent, erasure, export, and retention on a schedule."""

from .consent import has_consented, record_consent, withdraw_consent
from .erasure import delete_files_after_commit, delete_photo, erase, erase_deleted_shopper, erase_shopper
from .export import export
from .retention import purge

__all__ = [
    "delete_files_after_commit",
    "delete_photo",
    "erase",
    "erase_deleted_shopper",
    "erase_shopper",
    "export",
    "has_consented",
    "purge",
    "record_consent",
    "withdraw_consent",
]
