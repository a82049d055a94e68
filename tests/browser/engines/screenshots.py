"""`make pictures`: screenshots of each state in each engine, light and dark. `make test` does not run it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.states import portrait
from tests.live_shop import wait_until

from .conftest import ENGINES, launched
from .shopper import IS_SETTLED, Shopper, states

if TYPE_CHECKING:
    from tests.live_shop import RunningShop

pytestmark = pytest.mark.browser

FOLDER = Path(__file__).resolve().parents[3] / "pictures"
SIZES = {"desktop": (1280, 900), "phone": (390, 664)}
SCHEMES = ("light", "dark")
PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Every state in every engine</title>
<style>
  body {{ font: 14px sans-serif; margin: 1rem; }}
  td, th {{ padding: 4px; vertical-align: top; }}
  th {{ position: sticky; top: 0; background: #fff; }}
  img {{ width: 300px; border: 1px solid #ccc; }}
</style>
<table>{rows}</table>
"""


@pytest.fixture(scope="module", autouse=True)
def _overview_page() -> Iterator[None]:
    """Write an HTML page with all screenshots, even after a failure."""
    FOLDER.mkdir(exist_ok=True)
    yield
    columns = [f"{engine}-{scheme}" for engine in ENGINES for scheme in SCHEMES]
    head = "".join(f"<th>{column}</th>" for column in ["", *columns])
    files = sorted(FOLDER.glob("*.png"), key=lambda file: file.stat().st_mtime)
    names = dict.fromkeys(file.stem.split(".")[0] for file in files)
    rows = [f"<tr>{head}</tr>"]
    for name in names:
        cells = (f"{name}.{column}.png" for column in columns)
        pictures = "".join(
            f'<td><a href="{cell}"><img src="{cell}" alt="" loading="lazy"></a></td>' for cell in cells
        )
        rows.append(f"<tr><td>{name}</td>{pictures}</tr>")
    (FOLDER / "index.html").write_text(PAGE.format(rows="\n".join(rows)))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("engine_name", ENGINES)
def test_take_screenshots(
    request: pytest.FixtureRequest, shop: RunningShop, tmp_path: Path, engine_name: str, scheme: str
) -> None:
    photo = tmp_path / "me.jpg"
    photo.write_bytes(portrait())
    shop.gateway.reset()
    # Without a worker, DEBUG shows a hint that must not be in a picture.
    wait_until(
        lambda: shop.sql("SELECT max(seen_at) FROM vton_dispatcherlease") != [(None,)], "a worker", seconds=90
    )
    with launched(request, engine_name, dark=scheme == "dark") as browser:
        browser.resize(*SIZES["desktop"])
        for state in states(Shopper(browser, shop), photo):
            for name, size in SIZES.items():
                browser.resize(*size)
                browser.wait(IS_SETTLED)
                (FOLDER / f"{state}-{name}.{engine_name}-{scheme}.png").write_bytes(browser.screenshot())
            browser.resize(*SIZES["desktop"])  # For the steps to the next state.
        assert browser.errors() == []
