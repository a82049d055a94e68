"""The examples with generated clients: nothing that was generated is edited, and each does a whole try-on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from PIL import Image
from playwright.sync_api import expect

from .actions import TIMEOUT_MS
from .conftest import NODE_MODULES, npm_file

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.live_shop import RunningShop

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PAGE = """<!doctype html><html lang="en"><title>React</title><link rel="icon" href="data:,">
<main><h1>The linen shirt</h1><div data-product="{product}"></div></main>
<script src="main.js"></script></html>"""


def run(*command: str | Path, folder: Path, answers: str = "", **env: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env=os.environ | env, input=answers, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def schema(shop: RunningShop, tmp_path: Path) -> Path:
    """The document as the shop serves it."""
    file = tmp_path / "schema.json"
    file.write_bytes(httpx.get(f"{shop.url}/api/schema.json").content)
    return file


@pytest.mark.browser
@pytest.mark.usefixtures("instant_renders")
def test_the_react_example_with_a_typescript_client(
    page: Page, shop: RunningShop, schema: Path, photo: Path, tmp_path: Path
) -> None:
    generator = npm_file("django-vton-react-example/node_modules/.bin/openapi-ts")
    app = tmp_path / "react"
    shutil.copytree(EXAMPLES / "react", app, ignore=shutil.ignore_patterns("node_modules"))
    (app / "node_modules").symlink_to(NODE_MODULES)
    run(generator, "-i", schema, "-o", "client", "--no-log-file", folder=app)
    run(npm_file(".bin/tsc"), folder=app)
    run(npm_file(".bin/esbuild"), "main.tsx", "--bundle", "--outfile=main.js", folder=app)

    html = PAGE.format(product=shop.product("linen-shirt"))
    page.route("**/react/", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.route("**/react/main.js", lambda route: route.fulfill(path=app / "main.js"))
    page.goto(f"{shop.url}/react/")
    page.get_by_label("A photo of yourself").set_input_files(photo)
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Try it on").click()

    status = page.get_by_role("status")
    expect(status).to_have_text("Ready", timeout=TIMEOUT_MS)
    image = page.get_by_role("img", name="AI-generated preview")
    expect(image).to_have_js_property("complete", value=True)
    assert image.evaluate("image => image.naturalWidth / image.width") == 2
    like = page.get_by_role("button", name="I like it")
    like.click()
    expect(like).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(like).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Delete it").click()
    expect(image).to_have_count(0)
    assert page.evaluate("fetch('/try-on/api/try-ons/').then(it => it.json())")["results"] == []


@pytest.mark.usefixtures("instant_renders")
def test_the_python_example(shop: RunningShop, schema: Path, photo: Path, tmp_path: Path) -> None:
    config = EXAMPLES / "python" / "client.yml"
    # A warning is a part of the schema that the client lacks.
    generate = [
        sys.executable,
        "-m",
        "openapi_python_client",
        "generate",
        "--fail-on-warning",
        "--meta",
        "none",
    ]
    options = ["--path", str(schema), "--output-path", "shop_client", "--config", str(config)]
    run(*generate, *options, folder=tmp_path)

    script = EXAMPLES / "python" / "try_on.py"
    count_images = "SELECT count(*) FROM vton_tryonimage"
    images = shop.sql(count_images)
    product, result = shop.product("linen-shirt"), tmp_path / "result.jpg"
    run(
        sys.executable,
        script,
        shop.url,
        product,
        photo,
        result,
        folder=tmp_path,
        answers="y\n",
        PYTHONPATH=str(tmp_path),
    )

    with Image.open(result) as image:
        assert min(image.size) > 300
    assert len(shop.gateway.ledger.entries) == 1
    assert shop.sql(count_images) == images
