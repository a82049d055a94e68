"""Add many house models from a ZIP file of photos, whose file names become their names.

The paths in the file are never used as paths: the storage chooses the names of the files. Each photo passes
the same checks as a single upload.
"""

from __future__ import annotations

import io
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from .. import house_models, images
from ..models import HouseModel, PersonPhoto
from .base import StyledAdmin

MAX_ZIP_BYTES = 200_000_000
MAX_DIRECTORY_BYTES = 100_000
"""The size limit of the ZIP file's list of files, which is read as a whole. It fits about 1,000 files."""

MAX_PHOTOS = 100
"""The maximum number of photos that one upload adds."""

IMPORT_SECONDS = 20.0
"""The time after which no further photo is decoded, since servers end long requests."""

END_RECORD = struct.Struct("<4s4H2LH")
"""The record at the end of a ZIP file: its sixth value is the size of the list of files."""

UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
)
"""What `zipfile` raises for a damaged or encrypted file, or one with an unknown compression."""


class ImportForm(forms.Form):
    """The ZIP file, and what is true of all its photos."""

    file = forms.FileField(
        label=gettext_lazy("ZIP file"), widget=forms.FileInput(attrs={"accept": ".zip,application/zip"})
    )
    rights_note = forms.CharField(
        label=gettext_lazy("Rights"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("Who agreed to this use, and when. Only staff can read it."),
    )
    release_ends = forms.DateField(
        label=gettext_lazy("Release ends"),
        required=False,
        help_text=gettext_lazy("The last day on which the photo may be used. Empty: no end."),
    )

    def clean_file(self) -> zipfile.ZipFile:
        """Open the ZIP file. Raise `ValidationError` if it is too large or damaged."""
        upload: Any = self.cleaned_data["file"]
        if upload.size > MAX_ZIP_BYTES:
            text = _("The file has more than %(n)d MB, so it was not read.") % {
                "n": MAX_ZIP_BYTES // 1_000_000
            }
            raise forms.ValidationError(text)
        if not _has_short_directory(upload):
            raise forms.ValidationError(_("This is not a ZIP file, or it has too many files."))
        try:
            return zipfile.ZipFile(upload)
        except UNREADABLE:
            raise forms.ValidationError(_("The ZIP file is damaged.")) from None


def _has_short_directory(file: BinaryIO) -> bool:
    """Return whether the file is a ZIP file whose list of files is short. `zipfile` reads any list."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 66_000))
    end = file.read()
    place = end.rfind(b"PK\x05\x06")
    is_zip64 = end[max(0, place - 20) : place].startswith(b"PK\x06\x07")  # It has another record before.
    if place < 0 or len(end) - place < END_RECORD.size or is_zip64:
        return False
    return bool(END_RECORD.unpack_from(end, place)[5] <= MAX_DIRECTORY_BYTES)


@dataclass
class ImportResult:
    """What became of the files of an upload."""

    added: list[PersonPhoto] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    """The name of each refused file, and why."""
    left: int = 0
    """The number of photos that were not read any more."""


class HouseModelImport(StyledAdmin):
    """The page with the upload, and its report."""

    change_list_template = "admin/vton/housemodel/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        """Add the page before Django's URLs, since their last pattern matches every URL."""
        view = self.admin_site.admin_view(self.import_view)
        return [path("import/", view, name="vton_housemodel_import"), *super().get_urls()]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Show the form. A POST adds the house models and reports the refused files."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
        result = None
        if form.is_bound and form.is_valid():
            result = import_house_models(**form.cleaned_data)
            for photo in result.added:
                self.log_addition(
                    request, HouseModel.objects.get(pk=photo.pk), _("Imported from a ZIP file.")
                )
        return self.render_page(
            request,
            "housemodel/import",
            title=_("Import house models"),
            form=form,
            result=result,
            added=_added_text(result),
            max_photos=MAX_PHOTOS,
        )


def _added_text(result: ImportResult | None) -> str:
    number = len(result.added) if result else 0
    return ngettext("%(n)d house model was added.", "%(n)d house models were added.", number) % {"n": number}


def import_house_models(file: zipfile.ZipFile, **fields: Any) -> ImportResult:
    """Add a house model for each photo in the ZIP file, with the same `fields` as `house_models.add`."""
    result = ImportResult()
    ends = time.monotonic() + IMPORT_SECONDS
    for info in _photo_files(file):
        shown, name = _names(info)
        if len(result.added) >= MAX_PHOTOS or time.monotonic() >= ends:
            result.left += 1
        elif not name:
            result.refused.append((shown, _("Its file name cannot be used as a name.")))
        elif PersonPhoto.objects.filter(kind=PersonPhoto.Kind.HOUSE, name=name).exists():
            result.refused.append((shown, _("There is a house model with this name already.")))
        else:
            try:
                data = _read(file, info)
                result.added.append(house_models.add(name=name, file=io.BytesIO(data), **fields))
            except images.ImageRefused as refusal:
                result.refused.append((shown, str(refusal.message)))
            except UNREADABLE:
                result.refused.append((shown, _("This file of the ZIP file is damaged or encrypted.")))
    return result


def _photo_files(file: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    """Return the files, without folders and what macOS adds for itself."""
    for info in file.infolist():
        parts = info.filename.replace("\\", "/").split("/")
        if parts[-1] and not parts[-1].startswith(".") and "__MACOSX" not in parts:
            yield info


def _names(info: zipfile.ZipInfo) -> tuple[str, str]:
    """Return the file's name for the report, and the house model's: "a/mia_long.JPG" is "mia long"."""
    base = info.filename.replace("\\", "/").rpartition("/")[2]
    printable = "".join(sign if sign.isprintable() else " " for sign in base)
    stem = printable.rpartition(".")[0] or printable
    return printable[:100], " ".join(stem.replace("_", " ").split())[:100]


def _read(file: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Read at most one byte more than a photo may have, whatever size the ZIP file states."""
    with file.open(info) as member:
        return member.read(images.MAX_BYTES + 1)
