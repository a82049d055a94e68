"""What `get_image` returns in shops with image libraries, with files on a disk and in a bucket of S3."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.hosts.running_host import RunningHost
from tests.provenance import bear_marks, needs_exiftool

if TYPE_CHECKING:
    from collections.abc import Iterator

THUMBNAILS = ["imagekit", "imagekit-processed", "sorl", "easy", "easy-thumbnailer", "versatile"]
ORIGINALS = ["sorl-field", "easy-field", "versatile-field", "name", "path", "bytes", "url"]
RESULTS = int(os.environ.get("RESULTS", "4"))
"""The number of results whose thumbnails are read."""
CHECK = "from django_vton.intake.product_checks import check_all; check_all(seconds=None)"


class Shop(RunningHost):
    settings = "tests.hosts.thumbnails.settings"

    def product(self, image: str) -> str:
        ((pk,),) = self.sql(f"SELECT id FROM shop_product WHERE image = '{image}'")  # noqa: S608 - only constants
        return f"shop.product:{pk}"

    def vendor_size(self, product: str) -> tuple[int, int]:
        """The size of the image that the vendor got."""
        used = f"SELECT product_image_id FROM vton_tryonrequest WHERE product = '{product}'"  # noqa: S608 - as above
        (size,) = self.sql(f"SELECT width, height FROM vton_productimage WHERE id = ({used})")  # noqa: S608 - as above
        return size[0], size[1]


@contextmanager
def bucket() -> Iterator[str]:
    """An empty bucket in a server that speaks S3's protocol. Yield the server's URL."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"aws_access_key_id": "tests", "aws_secret_access_key": "tests", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=f"http://{host}:{port}", **keys).create_bucket(Bucket="shop")
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with Shop(tmp_path_factory.mktemp("disk")) as running:
        yield running


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with bucket() as url, Shop(tmp_path_factory.mktemp("s3"), env={"S3_URL": url}) as running:
        yield running


def try_on_all(shop: Shop, images: list[str]) -> dict[str, tuple[int, int]]:
    """Try on a product for each image, all at once; return the sizes of the images that were rendered."""
    with ThreadPoolExecutor(len(images)) as pool:
        products = {image: shop.product(image) for image in images}
        visitors = {image: shop.visitor() for image in images}
        buttons = {image: visitors[image].button(f"/{image}/") for image in images}
        assert buttons == products
        running = {
            image: pool.submit(visitors[image].try_on, product, shade=index)
            for index, (image, product) in enumerate(products.items())
        }
        done = {image: future.result()["status"] for image, future in running.items()}
    assert set(done.values()) == {"completed"}, (done, shop.log("workers"))
    return {image: shop.vendor_size(product) for image, product in products.items()}


def problems(shop: Shop) -> dict[str, tuple[str, str]]:
    """Check all products; return the reason and the text for each image that cannot be used."""
    shop.manage("shell", "--verbosity", "0", "--command", CHECK)
    rows = shop.sql("SELECT product, reason, problem FROM vton_productcheck WHERE problem <> ''")
    images = {shop.product(image): image for image in [*THUMBNAILS, *ORIGINALS, "pillow"]}
    return {images[product]: (reason, problem) for product, reason, problem in rows if product in images}


def test_the_files_of_each_library_are_tried_on(disk: Shop) -> None:
    sizes = try_on_all(disk, THUMBNAILS + ORIGINALS)
    assert sizes == dict.fromkeys(THUMBNAILS, (400, 480)) | dict.fromkeys(ORIGINALS, (500, 600))


def test_the_files_of_each_library_are_tried_on_from_s3(s3: Shop) -> None:
    images = [image for image in THUMBNAILS + ORIGINALS if image != "path"]
    sizes = try_on_all(s3, images)
    assert sizes == {image: (400, 480) if image in THUMBNAILS else (500, 600) for image in images}


@needs_exiftool
def test_thumbnails_of_results_keep_the_mark(disk: Shop, tmp_path: Path) -> None:
    output = disk.shell(
        "from tests.hosts.thumbnails.sample_data import print_thumbnails",
        f"print_thumbnails({RESULTS})",
    )
    made = [line.split("\t") for line in output.splitlines()]
    marks = bear_marks(tmp_path, [Path(path).read_bytes() for _name, path in made])
    libraries = ["sorl", "sorl PNG", "sorl WebP", "easy", "imagekit"]
    assert [name for name, _path in made] == libraries * RESULTS + [f"{name} unmarked" for name in libraries]
    assert marks == [True] * len(libraries) * RESULTS + [False] * len(libraries)


def test_an_object_that_is_no_file_is_refused_by_its_type(disk: Shop) -> None:
    ((image, (reason, text)),) = problems(disk).items()
    assert (image, reason) == ("pillow", "type")
    assert "of the type PIL.JpegImagePlugin.JpegImageFile, which is not an image file" in text
    assert "secret" not in text
    start = disk.visitor().start(disk.product("pillow"))
    assert start["reason"] == "product_not_enabled"


def test_an_error_in_get_image_is_reported_and_stops_no_other_product(s3: Shop) -> None:
    found = problems(s3)
    assert set(found) == {"pillow", "path"}
    reason, text = found["path"]
    assert reason == "error"
    assert "NotImplementedError" in text
