"""The machine-readable mark, read by another program where it is installed."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from django.core.files import File
from django.core.files.base import ContentFile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from django_vton.images import keep_provenance, make_thumbnail, mark_result, normalize_result
from django_vton.images.provenance import AI_COMPOSITE, add_source_type, read_source_type
from tests.images import samples
from tests.images.samples import CANARY, corners, encode
from tests.provenance import TERM, bear_marks, needs_exiftool, read_marks

if TYPE_CHECKING:
    from pathlib import Path

OTHER_XMP = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="canary"/>'
    b"</rdf:RDF></x:xmpmeta><?xpacket end='w'?>"
)


EXIF = Image.Exif()
EXIF[0x010E] = CANARY.decode()  # the description


def marked(form: str, mode: str = "RGB") -> bytes:
    return normalize_result(encode(corners(mode=mode), form)).data


def derived(form: str, mode: str = "RGB", **options: object) -> bytes:
    return encode(corners(99, 151, mode), form, **options)


TARGETS = {
    "jpeg": derived("JPEG"),
    "progressive": derived("JPEG", progressive=True),
    "exif": derived("JPEG", exif=EXIF),
    "png": derived("PNG"),
    "palette": encode(corners(99, 151).quantize(16), "PNG"),
    "webp": derived("WEBP"),
    "lossless": derived("WEBP", lossless=True),
    "lossless with alpha": derived("WEBP", "RGBA", lossless=True),
    "alpha": encode(corners(99, 151, "RGBA"), "WEBP"),
    "animated": samples.animated("WEBP"),
}


@needs_exiftool
def test_another_program_reads_the_mark_of_results_thumbnails_and_derived_files(tmp_path: Path) -> None:
    jpeg, png = marked("JPEG"), marked("PNG", "RGBA")
    results = [jpeg, png, make_thumbnail(png, label=True).data, mark_result(jpeg, Image.Image.copy).data]
    kept = [keep_provenance(source, target) for source in (jpeg, png) for target in TARGETS.values()]
    assert all(bear_marks(tmp_path, [*results, *kept]))


@pytest.mark.parametrize("name", TARGETS)
def test_the_mark_changes_no_pixel(name: str) -> None:
    before, after = (
        Image.open(BytesIO(TARGETS[name])),
        Image.open(BytesIO(keep_provenance(marked("PNG"), TARGETS[name]))),
    )
    assert (after.format, after.size, after.mode) == (before.format, before.size, before.mode)
    assert after.tobytes() == before.tobytes()
    assert getattr(after, "n_frames", 1) == getattr(before, "n_frames", 1)
    assert TERM.encode() in after.info["xmp"]


def test_files_of_all_kinds_are_accepted(tmp_path: Path) -> None:
    source, target = marked("JPEG"), TARGETS["jpeg"]
    path = tmp_path / "source.jpg"
    path.write_bytes(source)
    expected = add_source_type(target)
    opened = BytesIO(target)
    opened.read()
    closed = File(path.open("rb"))
    closed.close()
    given_files = (source, path, str(path), BytesIO(source), ContentFile(source), closed)
    with Image.open(path) as picture, Image.open(BytesIO(marked("PNG"))) as png:
        for given in (*given_files, picture, picture.info["xmp"], png):
            assert keep_provenance(given, opened) == expected
    assert opened.read() == target, "read again from the start"


def test_a_picture_without_the_mark_gives_none() -> None:
    for source in (derived("JPEG"), derived("PNG", pnginfo=_xmp_chunk()), derived("WEBP"), b"", b"GIF89a"):
        assert keep_provenance(source, TARGETS["jpeg"]) == TARGETS["jpeg"]


def test_a_mark_is_not_written_twice_and_another_one_is_kept() -> None:
    other = add_source_type(TARGETS["png"], "trainedAlgorithmicMedia")
    assert keep_provenance(marked("JPEG"), other) == other
    assert read_source_type(keep_provenance(other, TARGETS["webp"])) == "trainedAlgorithmicMedia"


@needs_exiftool
def test_other_metadata_of_the_derived_file_is_kept(tmp_path: Path) -> None:
    targets = [
        derived("JPEG", xmp=OTHER_XMP, exif=EXIF),
        derived("PNG", pnginfo=_xmp_chunk()),
        derived("WEBP", xmp=OTHER_XMP),
    ]
    written = [keep_provenance(marked("JPEG"), target) for target in targets]
    for data, found in zip(written, read_marks(tmp_path, written), strict=True):
        assert found["xmp"] == TERM
        assert "problem" not in found
        assert b'dc:format="canary"' in data
    assert b"Exif\0\0" in written[0]


def test_only_the_mark_is_copied() -> None:
    source = add_source_type(derived("JPEG", exif=EXIF, comment=CANARY))
    assert CANARY in source
    assert CANARY not in keep_provenance(source, TARGETS["jpeg"])


@pytest.mark.parametrize("target", [b"", b"<svg/>", encode(corners(), "GIF"), encode(corners(), "AVIF")])
def test_a_format_that_cannot_be_marked_is_refused(target: bytes) -> None:
    with pytest.raises(ValueError, match="JPEG, PNG and WebP"):
        keep_provenance(marked("JPEG"), target)


def test_broken_files_raise_nothing_else_and_do_not_hang() -> None:
    for whole in (marked("JPEG"), marked("PNG"), keep_provenance(marked("PNG"), TARGETS["webp"])):
        for end in range(0, min(len(whole), 1500), 7):
            assert read_source_type(whole[:end]) in {None, AI_COMPOSITE}


def _xmp_chunk() -> PngInfo:
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", OTHER_XMP.decode())
    return info
