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
from django_vton.intake.product_images import describe_problem, prepare
from django_vton.models import ProductImage
from django_vton.products import DescribedProduct, TryOn, find
from django_vton.storage import PrivateFileSystemStorage
from shop.models import Product

from ..intake_helpers import StoredFiles, run_concurrently
from ..tryons import product_ref

if TYPE_CHECKING:
    from pytest_django import Settings


class FixedImageTryOn(TryOn):
    """Returns the same image for every product."""

    def __init__(self, image: Any) -> None:
        super().__init__(Product)
        self.image = image

    def get_image(self, product: Any) -> Any:
        return self.image


class StorageWithoutPaths(FileSystemStorage):
    """A storage without local paths, whose errors are not OSError."""

    def path(self, name: str) -> str:
        raise NotImplementedError

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        if "down" in name:
            raise RuntimeError("the bucket does not respond")
        return ContentFile(Path(self.location, name).read_bytes(), name)


class SynchronizedStorage(PrivateFileSystemStorage):
    """Waits in `save` until two threads are about to save."""

    both = threading.Barrier(2)

    def save(self, name: str | None, content: IO[Any], max_length: int | None = None) -> str:
        self.both.wait(10)
        return super().save(name, content, max_length)


def describe_with_image(image: Any) -> DescribedProduct:
    return DescribedProduct(FixedImageTryOn(image), Product(pk=1, name="Shirt"))


def make_image(
    form: str = "JPEG", mode: str = "RGB", size: tuple[int, int] = (400, 500), colour: Any = "red"
) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, form)
    return out.getvalue()


def open_image(image: ProductImage) -> Image.Image:
    with image.file.open("rb") as source:
        return Image.open(io.BytesIO(source.read())).copy()


def test_used_at_is_updated_at_most_hourly(shirt: Product) -> None:
    image = prepare(find(product_ref(shirt)))
    for minutes, is_noted in ((59, False), (61, True)):
        earlier = timezone.now() - timedelta(minutes=minutes)
        ProductImage.objects.update(used_at=earlier)
        assert (prepare(find(product_ref(shirt))).used_at > earlier) is is_noted
    assert prepare(find(product_ref(shirt))) == image


def test_an_image_is_converted_once_per_source_file(shirt: Product, files: StoredFiles) -> None:
    first = prepare(find(product_ref(shirt)))
    assert prepare(find(product_ref(shirt))) == first
    assert files.names() == {first.file.name}
    with first.file.open("rb") as stored:
        assert hashlib.sha256(stored.read()).hexdigest() == first.digest


@pytest.mark.parametrize(
    "source",
    [
        make_image("WEBP"),
        make_image("PNG", "RGBA", colour=(255, 0, 0, 0)),
        make_image("PNG", "P", colour=1),
        make_image("GIF", "P"),
    ],
    ids=["webp", "transparent", "palette", "gif"],
)
@pytest.mark.django_db
@pytest.mark.usefixtures("files")
def test_all_usual_formats_become_rgb_jpeg(source: bytes) -> None:
    image = open_image(prepare(describe_with_image(ContentFile(source, "a"))))
    assert (image.format or "JPEG", image.mode, image.size) == ("JPEG", "RGB", (400, 500))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (make_image(size=(299, 500)), "too small"),
        (b"no image", "format"),
        (b"", "cannot"),
        (make_image()[:300], "cannot be opened"),
    ],
)
@pytest.mark.django_db
def test_only_the_merchant_learns_why_an_image_is_unusable(
    files: StoredFiles, source: bytes, words: str
) -> None:
    described = describe_with_image(ContentFile(source, "a.jpg"))
    with translation.override("de"), pytest.raises(Refused, match="product_not_enabled"):
        prepare(described)
    assert words in describe_problem(described) or "format" in describe_problem(described)
    assert ProductImage.objects.get().problem == describe_problem(described)
    assert files.names() == set()


@pytest.mark.django_db
def test_the_problem_is_described_in_the_merchants_language() -> None:
    with translation.override("de"):
        german = describe_problem(describe_with_image(ContentFile(make_image(size=(20, 20)), "a.jpg")))
    assert german == describe_problem(describe_with_image(ContentFile(make_image(size=(20, 20)), "a.jpg")))
    assert german.startswith("The product picture is too small")


@pytest.mark.usefixtures("files")
def test_a_missing_file_is_reported_and_stores_nothing(shirt: Product) -> None:
    shirt.photo.storage.delete(str(shirt.photo.name))
    described = find(product_ref(shirt))
    assert "cannot be read" in describe_problem(described)
    with pytest.raises(Refused, match="product_not_enabled"):
        prepare(described)
    assert not ProductImage.objects.exists()
    assert "no picture" in describe_problem(describe_with_image(None))


def test_the_shops_file_keeps_its_position_and_stays_open_or_closed(shirt: Product) -> None:
    assert shirt.photo.closed
    prepare(describe_with_image(shirt.photo))
    assert shirt.photo.closed

    shirt.photo.open("rb")
    shirt.photo.seek(7)
    prepare(describe_with_image(shirt.photo))
    assert not shirt.photo.closed
    assert shirt.photo.tell() == 7
    shirt.photo.close()

    memory = ContentFile(make_image(colour="blue"), "a.jpg")
    memory.seek(3)
    prepare(describe_with_image(memory))
    assert memory.tell() == 3

    with Path(shirt.photo.path).open("rb") as source:
        opened = File(source, name=shirt.photo.path)
        opened.seek(5)
        prepare(describe_with_image(opened))
        assert opened.tell() == 5
    prepare(describe_with_image(opened))  # it is closed now, so it is opened by its name
    assert opened.closed


def test_a_remote_storage_is_read_and_its_errors_are_handled(shirt: Product, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(make_image(colour="green"))
    shirt.photo.storage = StorageWithoutPaths(location=tmp_path)
    shirt.photo.name = "a.jpg"
    assert prepare(describe_with_image(shirt.photo)).width == 400
    shirt.photo.name = "down.jpg"
    with pytest.raises(Refused, match="product_not_enabled"):
        prepare(describe_with_image(shirt.photo))


@pytest.mark.django_db(transaction=True)
def test_concurrent_conversions_store_one_row_and_one_file(
    shirt: Product, files: StoredFiles, settings: Settings
) -> None:
    synchronized = {
        "BACKEND": "tests.intake.test_product_images.SynchronizedStorage",
        "OPTIONS": {"location": files.root},
    }
    settings.STORAGES = {**settings.STORAGES, "vton": synchronized}
    results = run_concurrently(*[lambda: prepare(find(product_ref(shirt)))] * 2)
    row = ProductImage.objects.get()
    assert results == [row] * 2
    assert files.names() == {row.file.name}
