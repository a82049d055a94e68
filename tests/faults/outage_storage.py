"""A disk that a test fills and clears."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

from django_vton.storage import PrivateFolder

FULL = "disk-is-full"


class SmallDisk(PrivateFolder):
    """Full while a file of this name lies beside its folder; who tried to write is noted in that file."""

    def _save(self, name: str, content: Any) -> str:
        full = Path(self.location).with_name(FULL)
        if full.exists():
            with full.open("a") as tries:
                tries.write(f"{name}\n")
            raise OSError(errno.ENOSPC, "No space left on device", name)
        return str(super()._save(name, content))  # type: ignore[misc] # left out of the stubs
