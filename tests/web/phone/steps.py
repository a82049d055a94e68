"""What the tests of links to phones do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from PIL import Image, ImageDraw

from tests.doors import TRY_ONS, ref

if TYPE_CHECKING:
    from django.test import Client

    from shop.models import Product

HOST = "shop.example"
LINKS = "/try-on/api/phone/"


def new_link(client: Client, product: Product) -> dict[str, Any]:
    response = client.post(LINKS, {"product": ref(product)})
    assert response.status_code == 201, response.content
    return dict(response.json())


def path_of(link: dict[str, Any]) -> str:
    parts = urlsplit(link["url"])
    return f"{parts.path}?{parts.query}"


def connect(desktop: Client, mobile: Client, product: Product) -> dict[str, Any]:
    """The phone opens the computer's code and presses the button."""
    link = new_link(desktop, product)
    assert mobile.get(path_of(link)).status_code == 200
    assert mobile.post(path_of(link)).status_code == 303
    return link


def status(client: Client, link: dict[str, Any]) -> tuple[str, str | None]:
    body = client.get(f"{LINKS}{link['id']}/").json()
    return body["status"], body["try_on"]


def ids(client: Client) -> list[str]:
    return [it["id"] for it in client.get(TRY_ONS).json()["results"]]


def drawn(svg: str, scale: int = 4) -> Image.Image:
    """The picture of a code: its light background, and its rows of dark modules."""
    size = int(re.findall(r'viewBox="0 0 (\d+) ', svg)[0])
    picture = Image.new("RGB", (size * scale, size * scale), "white")
    pen = ImageDraw.Draw(picture)
    [path] = re.findall(r'stroke="#000" d="([^"]+)"', svg)
    x = y = 0.0
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", path):
        values = [float(it) for it in numbers.split()]
        if command == "h":
            box = (x * scale, (y - 0.5) * scale, (x + values[0]) * scale - 1, (y + 0.5) * scale - 1)
            pen.rectangle(box, fill="black")
            x += values[0]
        else:
            base = (0.0, 0.0) if command == "M" else (x, y)
            x, y = base[0] + values[0], base[1] + values[1]
    return picture
