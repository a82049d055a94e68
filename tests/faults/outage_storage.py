"""A storage whose disk a test can fill and empty, and whose files it can lock."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

from django_vton.storage import PrivateFileSystemStorage

FULL = "disk-is-full"
LOCKED = "files-are-locked"


class FullDiskStorage(PrivateFileSystemStorage):
    """Full while a file named `FULL` is beside its folder; that file lists the names of failed writes.

    While a file named `LOCKED` is there, no file can be deleted.
    """

    def _save(self, name: str, content: Any) -> str:
        full = Path(self.location).with_name(FULL)
        if full.exists():
            with full.open("a") as tries:
                tries.write(f"{name}\n")
            raise OSError(errno.ENOSPC, "No space left on device", name)
        return str(super()._save(name, content))  # type: ignore[misc] # left out of the stubs

    def delete(self, name: str) -> None:
        if Path(self.location).with_name(LOCKED).exists():
            raise PermissionError(errno.EPERM, "Operation not permitted", name)
        super().delete(name)
