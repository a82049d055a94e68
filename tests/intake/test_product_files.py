"""What `get_image` may return. The files of image libraries are tested in `tests/hosts`."""

from __future__ import annotations

import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from django_vton.intake.product_files import UnusableImage, read_image
from django_vton.intake.product_images import check, describe_problem, prepare

from .test_product_images import describe_with_image, make_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Vton

SOURCE = make_image(colour="blue")


class ImageServer(ThreadingHTTPServer):
    """Serves an image on this machine, and counts the requests."""

    requests = 0
    data = SOURCE

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/shirt.jpg"


class _Handler(BaseHTTPRequestHandler):
    server: ImageServer

    def do_GET(self) -> None:
        self.server.requests += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.data)))
        self.end_headers()
        self.wfile.write(self.server.data)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def server() -> Iterator[ImageServer]:
    with ImageServer(("127.0.0.1", 0), _Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


class LibraryFile:
    """A file of a library that is no Django `File`, such as sorl-thumbnail's."""

    def __init__(self, name: str) -> None:
        self.name, self.storage = name, default_storage


class LazyFile(File):  # type: ignore[type-arg]  # Django's class is not subscriptable at runtime
    """A file that is created when it is opened, and whose `open` returns None, such as django-imagekit's."""

    def __init__(self) -> None:
        super().__init__(None)

    def open(self, *_: Any) -> None:  # type: ignore[override]  # as the library does
        self.file = io.BytesIO(SOURCE)


@pytest.fixture
def stored() -> Iterator[str]:
    name = default_storage.save("products/blue.jpg", ContentFile(SOURCE))
    yield name
    default_storage.delete(name)


def test_bytes_a_path_and_a_name_in_the_default_storage_are_read(stored: str, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(SOURCE)
    for image in (SOURCE, memoryview(SOURCE), tmp_path / "a.jpg", stored, LibraryFile(stored), LazyFile()):
        assert read_image(image) == SOURCE


def test_an_open_file_keeps_its_position() -> None:
    image = io.BytesIO(SOURCE)
    image.seek(9)
    assert read_image(image) == SOURCE
    assert image.tell() == 9


@pytest.mark.parametrize("image", [42, object(), {"original": "a.jpg"}, ["a.jpg"]])
def test_another_object_is_named_by_its_type(image: Any) -> None:
    with pytest.raises(UnusableImage, match=type(image).__qualname__):
        read_image(image)


@pytest.mark.django_db
@pytest.mark.usefixtures("files")
def test_an_image_is_downloaded_once(server: ImageServer, vton: Vton) -> None:
    vton(PIXAZO_BASE_URL="http://127.0.0.1:1")
    first = prepare(describe_with_image(server.url))
    assert (first.width, first.height) == (400, 500)
    assert prepare(describe_with_image(server.url)) == first
    assert server.requests == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("files")
def test_a_changed_image_at_the_same_url_is_used_once_a_check_has_seen_it(
    server: ImageServer, vton: Vton
) -> None:
    vton(PIXAZO_BASE_URL="http://127.0.0.1:1")
    described = describe_with_image(server.url)
    first = prepare(described)
    server.data = make_image(colour="red")
    assert prepare(described) == first, "it is not downloaded again yet"

    assert check(described) != first.source_digest

    assert prepare(described).source_digest == check(described)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("url", "hosts", "words"),
    [
        ("https://cdn.example/a.jpg", [], "cdn.example: the host is not allowed"),
        ("https://cdn.example/a.jpg", ["media.example"], "the host is not allowed"),
        ("http://cdn.example/a.jpg", ["cdn.example"], "not https"),
        ("https://127.0.0.1/a.jpg", ["127.0.0.1"], "127.0.0.1"),
        ("https://169.254.169.254/latest", ["169.254.169.254"], "169.254.169.254"),
        ("file:///etc/passwd", [""], "not https"),
    ],
)
def test_a_url_is_downloaded_from_allowed_public_hosts_only(
    vton: Vton, url: str, hosts: list[str], words: str
) -> None:
    vton(PIXAZO_BASE_URL="https://gateway.pixazo.ai", PRODUCT_IMAGE_HOSTS=[host for host in hosts if host])
    assert words in describe_problem(describe_with_image(url))


@pytest.mark.django_db
def test_a_missing_file_is_not_called_a_wrong_type() -> None:
    assert "cannot be read" in describe_problem(describe_with_image("products/missing.jpg"))
