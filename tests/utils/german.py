"""A visitor who reads German pages, and checks that they are entirely German."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.test import Client

from django_vton.models import TryOnRequest
from tests.test_locale import PLACEHOLDER, catalogue_path, read_catalogue
from tests.tryons import product_ref

if TYPE_CHECKING:
    from shop.models import Product

TEXT_ATTRIBUTES = {"alt", "aria-label", "title", "placeholder", "value"}
"""Attributes whose text is shown or read aloud."""


def english_pattern() -> re.Pattern[str]:
    """Return a pattern that matches all our English texts with a different German translation."""
    found = set()
    for key, entry in read_catalogue(catalogue_path("de")).items():
        for text in filter(None, (key and entry.fields["msgid"], entry.fields.get("msgid_plural"))):
            if text not in entry.forms:
                words = " ".join(text.split()).replace("%%", "%")
                found.add(".+".join(map(re.escape, PLACEHOLDER.split(words))))
    assert len(found) > 200
    return re.compile("|".join(sorted(found)))


class ParsedPage(HTMLParser):
    """The texts, links and forms of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []
        self.forms: list[str] = []
        self.element: dict[str, dict[str, str]] = {}
        self.package_element: dict[str, str] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.element.setdefault(tag, given)
        if given.get("class") == "vton-page":
            self.package_element = given
        self.texts += [
            value
            for name, value in given.items()
            if name in TEXT_ATTRIBUTES or (name.startswith("data-") and not value.islower())
        ]
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "form" and given.get("action", "").startswith("/try-on/"):
            self.forms.append(given["action"])

    def handle_data(self, data: str) -> None:
        self.texts.append(" ".join(data.split()))


class GermanVisitor:
    """Visits German pages with a browser that prefers English, and checks that every response is German."""

    def __init__(self) -> None:
        self.client = Client(headers={"Accept-Language": "en"})
        self.english_pattern = english_pattern()

    def check(self, response: Any, status: int = 200) -> ParsedPage:
        assert response.status_code == status, response.content.decode()
        assert response["Content-Language"] == "de"
        page = ParsedPage(response.content.decode())
        assert page.element["html"]["lang"] == "de"
        if response.request["PATH_INFO"].startswith("/try-on/"):
            assert (page.package_element["lang"], page.package_element["dir"]) == ("de", "ltr")
        assert [text for text in page.texts if self.english_pattern.fullmatch(text)] == []
        assert any(re.search("Anprobe|anprobieren", text) for text in page.texts)
        return page

    def get(self, url: str, status: int = 200) -> ParsedPage:
        return self.check(self.client.get(url), status)

    def post(self, url: str, status: int = 200, **fields: Any) -> ParsedPage:
        """Post a form and check the page to which it redirects."""
        return self.check(self.client.post(url, fields, follow=True), status)

    def order(self, url: str, **fields: Any) -> TryOnRequest:
        self.post(url, key=str(uuid4()), consent="on", **fields)
        row = TryOnRequest.objects.exclude(shopper=None).order_by("created_at").last()
        assert row is not None
        return row

    def walk(self, url: str) -> dict[str, ParsedPage]:
        """Return, by URL, the page and all of the package's pages that it links to."""
        found: dict[str, ParsedPage] = {}
        left = [url]
        while left:
            if (page := left.pop()) not in found:
                found[page] = self.get(page)
                left += [
                    link for link in found[page].links if re.match("/try-on/(try|r|mine|privacy)/", link)
                ]
        return found


def product_page_url(product: Product) -> str:
    return f"/de/products/{product.slug}/"


def form_url(product: Product) -> str:
    return f"/try-on/try/{product_ref(product)}/?lang=de"
