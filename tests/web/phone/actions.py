"""Requests of a computer and a phone, and the drawing of QR codes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from PIL import Image, ImageDraw

from tests.tryons import TRY_ONS, product_ref

if TYPE_CHECKING:
    from django.test import Client

    from shop.models import Product

HOST = "shop.example"
LINKS_URL = "/try-on/api/phone/"


def create_link(client: Client, product: Product) -> dict[str, Any]:
    response = client.post(LINKS_URL, {"product": product_ref(product)})
    assert response.status_code == 201, response.content
    return dict(response.json())


def link_path(link: dict[str, Any]) -> str:
    parts = urlsplit(link["url"])
    return f"{parts.path}?{parts.query}"


def connect_phone(desktop: Client, mobile: Client, product: Product) -> dict[str, Any]:
    """Create a link on the computer, and use it on the phone."""
    link = create_link(desktop, product)
    assert mobile.get(link_path(link)).status_code == 200
    assert mobile.post(link_path(link)).status_code == 303
    return link


def link_status(client: Client, link: dict[str, Any]) -> tuple[str, str | None]:
    body = client.get(f"{LINKS_URL}{link['id']}/").json()
    return body["status"], body["try_on"]


def tryon_ids(client: Client) -> list[str]:
    return [it["id"] for it in client.get(TRY_ONS).json()["results"]]


def render_svg(svg: str, scale: int = 4) -> Image.Image:
    """Draw a QR code from its SVG path, at `scale` px per module."""
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
