"""Limits for request bodies, and an upload handler that keeps photos in memory.

Django writes a large upload to a temporary file. If the process is killed, nothing deletes this file, which
contains the photo and its EXIF data. So our endpoints use a single handler that keeps the photo in memory and
skips all other files. This takes up to `MAX_BYTES` of memory per concurrent request. The shop's
`FILE_UPLOAD_HANDLERS` are not used, but its `MODERATE` hook gets each photo.

Under ASGI, Django itself collects every body in a temporary file before it calls a view. That file has no
name on the disk, so it disappears with its process.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from django.core.files.uploadedfile import InMemoryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopFutureHandlers
from django.http import HttpRequest

from ..exceptions import Refused
from ..images import MAX_BYTES

MAX_BODY_BYTES = 64 * 1024
"""The limit for JSON and forms without files. Our longest body, with all options, has about 1 kB."""

MAX_UPLOAD_BYTES = 100_000_000
"""The limit for a form with files. No camera's photo exceeds it. A photo above `MAX_BYTES` is still read to
its end and discarded, since a browser shows the response only after it has sent everything."""

MULTIPART = "multipart/form-data"


def clear_file_names(files: Mapping[str, UploadedFile[Any]]) -> None:
    """Replace the uploads' file names, since a name can identify a person, and error reports show it."""
    for upload in files.values():
        upload.name = "photo"


def check_content_length(request: HttpRequest) -> None:
    """Raise `Refused` if the Content-Length header exceeds the limit, before the body is read."""
    length = request.META.get("CONTENT_LENGTH") or ""
    is_form = request.content_type == MULTIPART
    if not length.isdecimal() or int(length) <= (MAX_UPLOAD_BYTES if is_form else MAX_BODY_BYTES):
        return
    raise Refused("photo_too_large", field="photo") if is_form else body_too_large()


def body_too_large() -> Refused:
    """Return the refusal for a body above the limit, with status 413."""
    return Refused("request_invalid", status=413)


def limit_uploads(request: HttpRequest) -> None:
    """Make `PhotoUploadHandler` the request's only upload handler. Call it before the body is read."""
    if not hasattr(request, "_files"):  # Otherwise a middleware of the shop has already read the body.
        request.upload_handlers = [PhotoUploadHandler(request)]


def require_photo_size(request: HttpRequest) -> None:
    """Raise `Refused` if the photo was larger than `MAX_BYTES`. Call it after the body is read."""
    if any(getattr(handler, "is_too_large", False) for handler in request.upload_handlers):
        raise Refused("photo_too_large", field="photo")


class PhotoUploadHandler(FileUploadHandler):
    """Keeps the first file of the field `photo` in memory, up to `MAX_BYTES`.

    The rest of a larger file, and every other file, is read and discarded.
    """

    is_too_large = False
    _data: io.BytesIO | None = None
    # Not named `file`, since Django closes `handler.file` when it skips another part.

    def new_file(self, field_name: str, *args: Any, **kwargs: Any) -> None:
        """Start to receive the photo. Skip every other file."""
        if field_name != "photo" or self._data is not None:
            raise SkipFile
        super().new_file(field_name, *args, **kwargs)
        self._data = io.BytesIO()
        raise StopFutureHandlers  # A later handler might create a file.

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Append the chunk. Discard the file if it is larger than `MAX_BYTES`."""
        assert self._data is not None, "receive_data_chunk before new_file"
        if start + len(raw_data) > MAX_BYTES:
            self.is_too_large = True
            self._data = io.BytesIO()
            raise SkipFile
        self._data.write(raw_data)

    def file_complete(self, file_size: int) -> InMemoryUploadedFile | None:
        """Return the photo without its file name (see `clear_file_names`)."""
        assert self._data is not None, "file_complete before new_file"
        self._data.seek(0)
        kind, charset, extra = self.content_type, self.charset, self.content_type_extra
        return InMemoryUploadedFile(self._data, self.field_name, "photo", kind, file_size, charset, extra)
