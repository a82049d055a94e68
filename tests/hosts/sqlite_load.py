"""How many requests fail because SQLite's database is locked, while a worker renders.

`make sqlite-load` runs the Oscar shop for some minutes, with and without SQLite's options and try-ons, and
prints a table.
"""

from __future__ import annotations

import random
import tempfile
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from tests.hosts.oscar.test_oscar import BASKET, Oscar, check_out, log_in
from tests.live_shop import phone_photo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hosts.running_host import Visitor

VISITORS = 1
ROUNDS = 25
"""The orders of each visitor: pages, basket, checkout, and a login."""

SHOPPERS = 3
"""Shoppers who try on until the visitors are done."""

PAGES = ["/catalogue/", "/catalogue/category/clothes_1/", "/basket/", "/accounts/register/"]
HEAD = ["options", "try-ons", "pages", "failed", "forms", "failed", "try-on API", "failed", "completed"]


class Load:
    """The requests of visitors and shoppers, with the number of those that failed."""

    def __init__(self, shop: Oscar) -> None:
        self.shop = shop
        self.is_over = threading.Event()
        self.lock = threading.Lock()
        self.counts: Counter[tuple[str, bool]] = Counter()

    def run(self, *, tries_on: bool) -> list[int]:
        """Return the number of requests and of failures, for the shop's pages, its forms and our API."""
        shirt, page = self.shop.product("shirt"), self.shop.product_url("shirt")
        for path in PAGES:  # The first visitor of a page creates its thumbnails.
            self.shop.visitor().http.get(path)
        with ThreadPoolExecutor() as pool:
            shoppers = [pool.submit(self._try_on, shirt, n) for n in range(SHOPPERS if tries_on else 0)]
            visitors = [pool.submit(self._visit, page) for _ in range(VISITORS)]
            for visitor in visitors:
                visitor.result()
            self.is_over.set()
            for shopper in shoppers:
                shopper.result()
        kinds = ("page", "form", "api")
        return [
            number
            for kind in kinds
            for number in (self.counts[kind, False] + self.counts[kind, True], self.counts[kind, True])
        ]

    def _visit(self, product_page: str) -> None:
        for _round in range(ROUNDS):
            guest = self._visitor()
            for page in random.sample([*PAGES, product_page], len(PAGES) + 1):
                guest.http.get(page)
            with suppress(AssertionError):
                guest.submit_form(product_page, BASKET)
                check_out(guest)
                guest.start(self.shop.product("shirt"))
                log_in(guest)

    def _try_on(self, product: str, number: int) -> None:
        for photo in _photos(number):
            if self.is_over.is_set():
                return
            shopper = self._visitor()
            with suppress(AssertionError):
                response = shopper.post_tryon(product, photo, consent="true")
                tryon = f"/try-on/api/try-ons/{response.json()['id']}/"
                shopper.wait_for_status(response.json()["id"])
                shopper.http.put(f"{tryon}feedback/", json={"value": "like"})
                shopper.http.delete(tryon)

    def _visitor(self) -> Visitor:
        visitor = self.shop.visitor()
        visitor.http.event_hooks = {"response": [self._count]}
        return visitor

    def _count(self, response: httpx.Response) -> None:
        request = response.request
        shop = "page" if request.method == "GET" else "form"
        kind = "api" if request.url.path.startswith("/try-on/") else shop
        with self.lock:
            self.counts[kind, response.is_server_error] += 1


def _photos(number: int) -> Iterator[bytes]:
    """Yield photos that no other shopper has, so that each is rendered."""
    for width in range(600, 2_000):
        yield phone_photo(width, 1_000, shade=number)


def main() -> None:
    """Print a line for each combination."""
    print(f"| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}")
    for has_options in (False, True):
        for tries_on in (False, True):
            env = {} if has_options else {"SQLITE_DEFAULTS": "1"}
            with tempfile.TemporaryDirectory() as folder, Oscar(Path(folder), env=env) as shop:
                counts = Load(shop).run(tries_on=tries_on)
                ((done,),) = shop.sql("SELECT count(*) FROM vton_attempt WHERE money = 'spent'")
            row = ["yes" if has_options else "no", "yes" if tries_on else "no", *counts, done]
            print(f"| {' | '.join(map(str, row))} |", flush=True)


if __name__ == "__main__":
    main()
