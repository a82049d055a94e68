from __future__ import annotations

import hashlib
import io
import threading
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.utils import timezone, translation
from PIL import Image

from django_vton.exceptions import Refused
from django_vton.intake.product_images import prepare, problem_of
from django_vton.models import ProductImage
from django_vton.products import Described, TryOn, find
from django_vton.storage import PrivateFolder
from shop.models import Product

from ..doors import ref
from ..people import Files, at_once

if TYPE_CHECKING:
    from pytest_django import Settings


class Showing(TryOn):
    """A product whose picture is given by the test."""

    def __init__(self, image: Any) -> None:
        super().__init__(Product)
        self.picture = image

    def get_image(self, product: Any) -> Any:
        return self.picture


class Remote(FileSystemStorage):
    """Has no paths, and errors that are no OSError."""

    def path(self, name: str) -> str:
        raise NotImplementedError

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        if "down" in name:
            raise RuntimeError("the bucket does not answer")
        return ContentFile(Path(self.location, name).read_bytes(), name)


class Meeting(PrivateFolder):
    """Nobody has stored a file before both are about to."""

    both = threading.Barrier(2)

    def save(self, name: str | None, content: IO[Any], max_length: int | None = None) -> str:
        self.both.wait(10)
        return super().save(name, content, max_length)


def showing(image: Any) -> Described:
    return Described(Showing(image), Product(pk=1, name="Shirt"))


def drawn(
    form: str = "JPEG", mode: str = "RGB", size: tuple[int, int] = (400, 500), colour: Any = "red"
) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, form)
    return out.getvalue()


def seen(picture: ProductImage) -> Image.Image:
    with picture.file.open("rb") as source:
        return Image.open(io.BytesIO(source.read())).copy()


def test_the_last_use_is_noted_by_the_hour(shirt: Product) -> None:
    picture = prepare(find(ref(shirt)))
    for minutes, is_noted in ((59, False), (61, True)):
        earlier = timezone.now() - timedelta(minutes=minutes)
        ProductImage.objects.update(used_at=earlier)
        assert (prepare(find(ref(shirt))).used_at > earlier) is is_noted
    assert prepare(find(ref(shirt))) == picture


def test_a_picture_is_prepared_once_for_each_source(shirt: Product, files: Files) -> None:
    first = prepare(find(ref(shirt)))
    assert prepare(find(ref(shirt))) == first
    assert files.names() == {first.file.name}
    with first.file.open("rb") as stored:
        assert hashlib.sha256(stored.read()).hexdigest() == first.digest


@pytest.mark.parametrize(
    "source",
    [
        drawn("WEBP"),
        drawn("PNG", "RGBA", colour=(255, 0, 0, 0)),
        drawn("PNG", "P", colour=1),
        drawn("GIF", "P"),
    ],
    ids=["webp", "transparent", "palette", "gif"],
)
@pytest.mark.django_db
@pytest.mark.usefixtures("files")
def test_every_usual_format_becomes_a_plain_jpeg(source: bytes) -> None:
    picture = prepare(showing(ContentFile(source, "a")))
    image = seen(picture)
    assert (image.format or "JPEG", image.mode, image.size) == ("JPEG", "RGB", (400, 500))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (drawn(size=(299, 500)), "too small"),
        (b"no picture", "format"),
        (b"", "cannot"),
        (drawn()[:300], "cannot be opened"),
    ],
)
@pytest.mark.django_db
def test_one_that_cannot_be_used_is_told_to_the_merchant_alone(
    files: Files, source: bytes, words: str
) -> None:
    described = showing(ContentFile(source, "a.jpg"))
    with translation.override("de"), pytest.raises(Refused, match="product_not_enabled"):
        prepare(described)
    assert words in problem_of(described) or "format" in problem_of(described)
    assert ProductImage.objects.get().problem == problem_of(described)
    assert files.names() == set()


@pytest.mark.django_db
def test_the_merchants_language_is_not_the_shoppers() -> None:
    with translation.override("de"):
        german = problem_of(showing(ContentFile(drawn(size=(20, 20)), "a.jpg")))
    assert german == problem_of(showing(ContentFile(drawn(size=(20, 20)), "a.jpg")))
    assert german.startswith("The product picture is too small")


@pytest.mark.usefixtures("files")
def test_a_missing_file_is_told_and_leaves_nothing(shirt: Product) -> None:
    shirt.photo.storage.delete(str(shirt.photo.name))
    described = find(ref(shirt))
    assert "cannot be read" in problem_of(described)
    with pytest.raises(Refused, match="product_not_enabled"):
        prepare(described)
    assert not ProductImage.objects.exists()
    assert "no picture" in problem_of(showing(None))


@pytest.mark.django_db
def test_an_address_is_no_file(caplog: pytest.LogCaptureFixture) -> None:
    assert "cannot be read" in problem_of(showing("https://shop.example/a.jpg"))
    assert "get_image() has to return a Django File, not str" in caplog.text


def test_the_shops_file_is_left_as_it_was_found(shirt: Product) -> None:
    assert shirt.photo.closed
    prepare(showing(shirt.photo))
    assert shirt.photo.closed

    shirt.photo.open("rb")
    shirt.photo.seek(7)
    prepare(showing(shirt.photo))
    assert not shirt.photo.closed
    assert shirt.photo.tell() == 7
    shirt.photo.close()

    memory = ContentFile(drawn(colour="blue"), "a.jpg")
    memory.seek(3)
    prepare(showing(memory))
    assert memory.tell() == 3

    with Path(shirt.photo.path).open("rb") as source:
        opened = File(source, name=shirt.photo.path)
        opened.seek(5)
        prepare(showing(opened))
        assert opened.tell() == 5
    prepare(showing(opened))  # closed by now, and opened by its name
    assert opened.closed


def test_a_remote_storage_is_read_and_its_failures_are_no_crash(shirt: Product, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(drawn(colour="green"))
    shirt.photo.storage = Remote(location=tmp_path)
    shirt.photo.name = "a.jpg"
    assert prepare(showing(shirt.photo)).width == 400
    shirt.photo.name = "down.jpg"
    with pytest.raises(Refused, match="product_not_enabled"):
        prepare(showing(shirt.photo))


@pytest.mark.django_db(transaction=True)
def test_two_at_once_make_one_row_and_one_file(shirt: Product, files: Files, settings: Settings) -> None:
    meeting = {"BACKEND": "tests.intake.test_product_images.Meeting", "OPTIONS": {"location": files.root}}
    settings.STORAGES = {**settings.STORAGES, "vton": meeting}
    results = at_once(*[lambda: prepare(find(ref(shirt)))] * 2)
    row = ProductImage.objects.get()
    assert results == [row] * 2
    assert files.names() == {row.file.name}
