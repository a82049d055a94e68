"""django-vton on a Wagtail page with products, whose images use Wagtail's image model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.hosts.running_host import RunningHost, Visitor
from tests.provenance import bear_marks, needs_exiftool

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULTS = int(os.environ.get("RESULTS", "4"))
"""The number of results whose renditions are read."""


class Wagtail(RunningHost):
    settings = "tests.hosts.wagtail.settings"

    def product(self, name: str) -> str:
        ((pk,),) = self.sql(f"SELECT id FROM looks_garment WHERE name = '{name}'")  # noqa: S608 - only constants
        return f"looks.garment:{pk}"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wagtail]:
    with Wagtail(tmp_path_factory.mktemp("wagtail")) as running:
        yield running


@pytest.fixture
def guest(site: Wagtail) -> Visitor:
    return site.visitor()


def test_the_page_has_a_button_for_each_garment_with_an_image(site: Wagtail, guest: Visitor) -> None:
    page = guest.open("/summer/")

    assert [title.text for title in page.select("h2")] == ["Shirt", "Scarf"]
    assert [button["product"] for button in page.select("vton-try-on")] == [site.product("Shirt")]
    assert page.select_one("head script[data-vton]")


def test_a_garment_can_be_tried_on(site: Wagtail, guest: Visitor) -> None:
    done = guest.try_on(site.product("Shirt"), shade=1)

    assert done["status"] == "completed", site.log("workers")
    assert (done["product_title"], done["product_url"]) == ("Shirt", "/summer/")


@pytest.mark.parametrize("change", ["save()", "delete()"])
def test_a_changed_image_of_the_library_has_its_garments_checked(site: Wagtail, change: str) -> None:
    lines = (
        "from wagtail.images import get_image_model",
        f"get_image_model().objects.get(title='Shirt').{change}",
    )
    assert site.changed_products(*lines) == {site.product("Shirt")}


@needs_exiftool
def test_renditions_of_results_keep_the_mark(site: Wagtail, tmp_path: Path) -> None:
    output = site.shell(
        "from tests.hosts.wagtail.sample_data import print_renditions",
        f"print_renditions({RESULTS})",
    )
    marks = bear_marks(tmp_path, [Path(path).read_bytes() for path in output.splitlines()])
    assert marks == [True] * 4 * RESULTS + [False] * 4


@pytest.mark.parametrize("name", ["Coat", "Jacket"])
def test_garments_of_drafts_and_unpublished_pages_cannot_be_tried_on(
    site: Wagtail, guest: Visitor, name: str
) -> None:
    response = guest.http.get("/try-on/api/start/", params={"product": site.product(name)})
    assert response.json()["code"] == "product_unknown"
