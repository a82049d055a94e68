"""The visible mark on everything that leaves the shop's pages, in the reader's language."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.base import ContentFile
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy
from PIL import Image, ImageDraw

from django_vton import marks
from django_vton.images import isolated
from django_vton.images.provenance import AI_COMPOSITE
from django_vton.models import TryOnImage, TryOnRequest
from django_vton.utils import decoding
from tests.images import samples
from tests.provenance import bear_marks, is_marked, needs_exiftool
from tests.tryons import TRY_ONS, complete_tryon, create_tryon, read_stream
from tests.web.files import SECURITY_HEADERS, image_url, staff_client

if TYPE_CHECKING:
    from django.test import Client

    from shop.models import Product
    from tests.conftest import PhotoMaker, Vton

pytestmark = pytest.mark.django_db

RESULTS = int(os.environ.get("RESULTS", "4"))
"""The number of different results."""
SAVE_TO = os.environ.get("SAVE_TO")
"""A folder for the copies, to look at them."""


@pytest.fixture
def done(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> TryOnRequest:
    return complete_tryon(create_tryon(guest, shirt, phone_photo()))


def stored(row: TryOnRequest, *, thumbnail: bool = False) -> bytes:
    image = row.images.get()
    with (image.thumbnail if thumbnail else image.file).open("rb") as file:
        return bytes(file.read())


def _etag(client: Client, url: str) -> str:
    response = client.get(url)
    assert read_stream(response)
    return str(response["ETag"])


def publish(row: TryOnRequest) -> None:
    TryOnImage.objects.filter(request=row).update(published_at=timezone.now())


def get(client: Client, row: TryOnRequest, query: str = "", **headers: str) -> bytes:
    return read_stream(client.get(image_url(row) + query, headers=headers))


def red_dot(image: Image.Image, text: str) -> Image.Image:
    assert text == "AI-generated"
    image.paste("red", (0, 0, 5, 5))
    return image


def fail(image: Image.Image, text: str) -> Image.Image:
    image.paste("red", (0, 0, *image.size))
    raise RuntimeError(text)


def test_the_pages_show_the_stored_image_and_a_label_above_it(guest: Client, done: TryOnRequest) -> None:
    assert get(guest, done) == stored(done)
    assert get(guest, done, "?size=thumbnail") == stored(done, thumbnail=True)
    page = guest.get(reverse("vton:result", args=[done.pk])).content.decode()
    assert f'<img src="{image_url(done)}"' in page
    assert "<figcaption>AI-generated preview</figcaption>" in page


def test_a_download_a_share_and_the_image_alone_are_marked(guest: Client, done: TryOnRequest) -> None:
    """The browser shares what it downloads."""
    (image,) = guest.get(f"{TRY_ONS}{done.pk}/").json()["images"]
    response = guest.get(image["download_url"])
    copy = read_stream(response)
    assert is_marked(copy, stored(done))
    assert int(response["Content-Length"]) == len(copy)
    assert {name: response[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS

    page = guest.get(reverse("vton:result", args=[done.pk])).content.decode()
    assert f'<a href="{image_url(done)}?marked=1"><img' in page
    assert get(guest, done, "?marked=1") == copy


def test_a_published_image_is_marked_for_everyone_and_in_one_language(
    guest: Client, stranger: Client, done: TryOnRequest, vton: Vton
) -> None:
    vton(MARK_TEXT=gettext_lazy("Yes"))
    publish(done)
    copies = [
        get(client, done, query, **{"Accept-Language": language})
        for client in (guest, stranger, staff_client())
        for query in ("", "?download=1", "?lang=de")
        for language in ("en", "de")
    ]
    assert len(set(copies)) == 1
    assert is_marked(copies[0], stored(done))
    small = get(stranger, done, "?size=thumbnail")
    assert is_marked(small, stored(done, thumbnail=True))


def test_the_text_is_in_the_shoppers_language(guest: Client, done: TryOnRequest, vton: Vton) -> None:
    vton(MARK_TEXT=gettext_lazy("Yes"))  # Django's own catalogs have it: "Ja" in German.
    english, german = (marks.mark_image(stored(done), text) for text in ("Yes", "Ja"))
    assert english != german
    assert get(guest, done, "?download=1", **{"Accept-Language": "en"}) == english
    assert get(guest, done, "?download=1", **{"Accept-Language": "de"}) == german
    assert get(guest, done, "?download=1&lang=de", **{"Accept-Language": "en"}) == german


def test_a_copy_and_the_stored_image_are_revalidated_apart(
    guest: Client, done: TryOnRequest, vton: Vton
) -> None:
    url = image_url(done)
    tags = {query: _etag(guest, url + query) for query in ("", "?download=1")}
    assert len(set(tags.values())) == 2
    for query, tag in tags.items():
        unchanged = guest.get(url + query, headers={"If-None-Match": tag})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
    vton(MARK_TEXT="AI")
    assert read_stream(guest.get(url + "?download=1", headers={"If-None-Match": tags["?download=1"]}))


def test_head_has_the_length_of_the_copy(guest: Client, done: TryOnRequest) -> None:
    response = guest.head(image_url(done) + "?download=1")
    assert (response.status_code, response.content) == (200, b"")
    assert int(response["Content-Length"]) == len(get(guest, done, "?download=1"))


def test_no_mark_if_the_shop_says_so(guest: Client, done: TryOnRequest, vton: Vton) -> None:
    vton(MARK=None)
    publish(done)
    assert get(guest, done, "?download=1") == get(guest, done) == stored(done)


def test_the_shops_own_mark(guest: Client, done: TryOnRequest, vton: Vton) -> None:
    vton(MARK=f"{__name__}.red_dot")
    copy = Image.open(io.BytesIO(get(guest, done, "?download=1")))
    assert copy.getpixel((2, 2)) == (255, 0, 0)
    assert copy.getpixel((50, 50)) == (10, 20, 30)


def test_an_error_of_the_shops_own_mark_is_logged_and_the_image_has_the_usual_one(
    guest: Client, done: TryOnRequest, vton: Vton, caplog: pytest.LogCaptureFixture
) -> None:
    vton(MARK=f"{__name__}.fail")
    assert is_marked(get(guest, done, "?download=1"), stored(done))
    assert "VTON['MARK'] failed" in caplog.text


@pytest.mark.parametrize("published", [False, True])
def test_only_a_few_copies_are_drawn_at_a_time(
    guest: Client, done: TryOnRequest, published: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "_SLOTS", threading.BoundedSemaphore(1))
    monkeypatch.setattr(decoding, "WAIT_SECONDS", 0.01)
    if published:
        publish(done)
    url = image_url(done) + ("" if published else "?download=1")
    with decoding.decoding_slot():
        response = guest.get(url)
        assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert read_stream(guest.get(url))
    with decoding.decoding_slot():  # A published copy is kept.
        assert guest.get(url).status_code == (200 if published else 503)


def test_a_missing_file_is_not_found_and_a_failing_storage_is_unavailable(
    guest: Client, done: TryOnRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    image: Any = done.images.get()

    def fail(*_args: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(image.file.storage.__class__, "open", fail)
        for published in (False, True):
            if published:
                publish(done)
            response = guest.get(image_url(done) + "?download=1")
            assert (response.status_code, response["Retry-After"]) == (503, "10")
    image.file.storage.delete(image.file.name)
    assert guest.get(image_url(done) + "?download=1").status_code == 404


@needs_exiftool
def test_all_copies_of_results_are_marked_and_those_in_full_size_signed(
    guest: Client, stranger: Client, done: TryOnRequest, vton: Vton, tmp_path: Path
) -> None:
    """Viewed, as a thumbnail, downloaded, shared (the browser shares what it downloads) and published."""
    credentials = pytest.importorskip("tests.content_credentials", exc_type=ImportError)
    vton(**credentials.create_certificate(tmp_path))
    image = done.images.get()
    viewed, copies, thumbnails = [], [], []
    for number in range(RESULTS):
        result = various_result(number)
        image.content_type, image.published_at = result.image.content_type, None
        image.file.save(f"result.{result.image.extension}", ContentFile(result.image.data), save=False)
        image.thumbnail.save("result.jpg", ContentFile(result.thumbnail.data))
        shown = [get(guest, done, query) for query in ("", "?download=1", "?download=1&lang=de")]
        thumbnails.append(get(guest, done, "?size=thumbnail"))
        publish(done)
        shown.append(get(stranger, done))
        assert all(is_marked(copy, result.image.data) for copy in shown[1:]), number
        assert is_marked(get(stranger, done, "?size=thumbnail"), result.thumbnail.data), number
        for data in shown:
            manifest = credentials.read_manifests(data, image.content_type)[0]
            assert AI_COMPOSITE in dict(credentials.actions(manifest)).values(), number
        viewed.append(shown[0])
        copies += shown[1:]
    assert all(bear_marks(Path(SAVE_TO or tmp_path / "read"), [*copies, *viewed, *thumbnails]))


def various_result(number: int) -> isolated.ResultImage:
    """A figure on a background that is light, dark, colored or noisy, of various sizes, as JPEG or PNG."""
    width = 2000 if number % 40 == 39 else (320, 480, 600, 864)[number % 4]
    size = (width, width * 3 // 2)
    color = ("white", "black", "gray", "gold", "lightblue", "darkred")[number % 6]
    image = samples.noise(*size, "RGB") if number % 7 == 6 else Image.new("RGB", size, color)
    draw = ImageDraw.Draw(image)
    middle = width * (0.4 + 0.02 * (number % 11))
    draw.ellipse((middle - width * 0.1, width * 0.08, middle + width * 0.1, width * 0.3), "tan")
    draw.rectangle((middle - width * 0.2, width * 0.32, middle + width * 0.2, size[1]), "navy")
    return isolated.decode_result(samples.encode(image, ("JPEG", "PNG")[number % 5 % 2]), marks.signing_key())


def test_a_download_is_signed_and_refers_to_the_stored_image(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, vton: Vton, tmp_path: Path
) -> None:
    credentials = pytest.importorskip("tests.content_credentials", exc_type=ImportError)
    vton(**credentials.create_certificate(tmp_path))
    row = complete_tryon(create_tryon(guest, shirt, phone_photo()))
    image = row.images.get()
    signed = isolated.decode_result(stored(row), marks.signing_key()).image
    image.file.save("signed.png", ContentFile(signed.data))
    copy = get(guest, row, "?download=1")
    assert is_marked(copy, stored(row))
    ours, parent = credentials.read_manifests(copy, "image/png")
    assert [name for name, _term in credentials.actions(ours)] == ["c2pa.opened", "c2pa.edited"]
    assert [name for name, _term in credentials.actions(parent)] == ["c2pa.created"]


def test_a_copy_that_cannot_be_signed_is_sent(
    guest: Client, done: TryOnRequest, vton: Vton, caplog: pytest.LogCaptureFixture
) -> None:
    vton(C2PA_CERTIFICATE="/missing.pem", C2PA_KEY="/missing.pem")
    assert is_marked(get(guest, done, "?download=1"), stored(done))
    assert "could not be signed" in caplog.text
