"""How much of an upload is let in, while it streams and before anything looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.files.uploadhandler import FileUploadHandler, SkipFile

from .images import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.core.files.uploadedfile import UploadedFile


def unnamed(files: Mapping[str, UploadedFile[Any]]) -> None:
    """Forget what the uploads were called: it may tell who is on them, and reports of errors show it."""
    for upload in files.values():
        upload.name = "photo"


class PhotoOnly(FileUploadHandler):
    """Lets one file through to the shop's own handlers, up to what a photo may have.

    The rest of a larger one is read and thrown away: it fills no disk, and the caller, who listens only once
    all is sent, hears the answer.
    """

    is_too_large = False

    def new_file(self, field_name: str, *args: Any, **kwargs: Any) -> None:
        """Further files are skipped."""
        if field_name != "photo":
            raise SkipFile
        super().new_file(field_name, *args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """On to the next handler, until it is too much."""
        if start + len(raw_data) > MAX_BYTES:
            self.is_too_large = True
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """The file is the next handler's."""
