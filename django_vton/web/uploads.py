"""How much of a request's body is let in, and that a photo stays in memory.

Django writes a large upload into a temporary file. A worker that is killed leaves it behind, EXIF and all,
and nothing of ours finds it. So our endpoints have one handler, which keeps the photo in memory and skips all
other files. This costs up to `MAX_BYTES` for each request that a process reads at a time: one for a sync
worker, one for each thread. The shop's own `FILE_UPLOAD_HANDLERS` are not asked; `MODERATE` sees each photo.

Under ASGI, Django itself collects every body in a temporary file before a view is called. That file has no
name on the disk, so it ends with its process.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopFutureHandlers

from ..exceptions import Refused
from ..images import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.core.files.uploadedfile import UploadedFile
    from django.http import HttpRequest

MAX_BODY = 64 * 1024
"""Bytes of JSON, or of a form without files. The longest of ours, with all options, has about 1 kB."""

MAX_UPLOAD = 100_000_000
"""Bytes of a form with files. A photo of more than `MAX_BYTES` is still read to its end and thrown away, for
the browser shows an answer only once all is sent; no camera makes a larger one."""

MULTIPART = "multipart/form-data"


def unnamed(files: Mapping[str, UploadedFile[Any]]) -> None:
    """Forget what the uploads were called: it may tell who is on them, and reports of errors show it."""
    for upload in files.values():
        upload.name = "photo"


def require_length(request: HttpRequest) -> None:
    """Refuse a body by the length that its header tells, before anything of it is read."""
    length = request.META.get("CONTENT_LENGTH") or ""
    is_form = request.content_type == MULTIPART
    if not length.isdecimal() or int(length) <= (MAX_UPLOAD if is_form else MAX_BODY):
        return
    raise Refused("photo_too_large", field="photo") if is_form else too_long()


def too_long() -> Refused:
    """The refusal of a body that is longer than any of ours."""
    return Refused("request_invalid", status=413)


def limit(request: HttpRequest) -> PhotoOnly:
    """Give this request our handler alone, before its body is read."""
    handler = PhotoOnly(request)
    if not hasattr(request, "_files"):  # Else a middleware of the shop's has read it already.
        request.upload_handlers = [handler]
    return handler


class PhotoOnly(FileUploadHandler):
    """Keeps the first file that is named `photo`, up to what a photo may have, in memory.

    The rest of a larger one, and every other file, is read and thrown away.
    """

    is_too_large = False
    _data: io.BytesIO | None = None
    # Not `file`: Django closes what has this name once it skips any other part.

    def new_file(self, field_name: str, *args: Any, **kwargs: Any) -> None:
        """Further files are skipped; handlers after this one would open a file for each."""
        if field_name != "photo" or self._data is not None:
            raise SkipFile
        super().new_file(field_name, *args, **kwargs)
        self._data = io.BytesIO()
        raise StopFutureHandlers

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Keep it, until it is too much."""
        assert self._data is not None, "a chunk before its file"
        if start + len(raw_data) > MAX_BYTES:
            self.is_too_large = True
            self._data = io.BytesIO()
            raise SkipFile
        self._data.write(raw_data)

    def file_complete(self, file_size: int) -> InMemoryUploadedFile | None:
        """The photo. Its name is not kept: see `unnamed`."""
        assert self._data is not None, "an end before its file"
        self._data.seek(0)
        kind, charset, more = self.content_type, self.charset, self.content_type_extra
        return InMemoryUploadedFile(self._data, self.field_name, "photo", kind, file_size, charset, more)
