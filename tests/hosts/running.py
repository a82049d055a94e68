"""A host as it runs, and a shopper who uses its own pages and forms."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urljoin

from bs4 import BeautifulSoup
from PIL import Image, ImageDraw

from tests.running import RunningShop, Shopper, phone_photo

if TYPE_CHECKING:
    import httpx


class RunningHost(RunningShop):
    """A project beside its `settings`, with a function `fill` in its module `stock`."""

    command: ClassVar = [sys.executable, "-u", "-m", "django"]

    def fill(self) -> None:
        # In one process: a host takes seconds to start.
        stock = self.settings.replace(".settings", ".stock")
        lines = (
            "from django.core.management import call_command as call",
            "call('migrate', run_syncdb=True, verbosity=0)",
            f"from {stock} import fill",
            "fill()",
        )
        self.manage("shell", "--verbosity", "0", "--command", "\n".join(lines))

    def visitor(self) -> Visitor:
        visitor = Visitor(self.url)
        self.shoppers.append(visitor)
        return visitor

    def conversions(self) -> list[tuple[Any, ...]]:
        return self.sql('SELECT kind, product, "order" FROM vton_conversion ORDER BY id')


class Visitor(Shopper):
    """Opens pages and sends the forms that are on them, as a browser without scripts."""

    def open(self, path: str) -> BeautifulSoup:
        return self._page(self.http.get(path, follow_redirects=True))

    def button(self, path: str) -> str | None:
        """The product of the page's one button, if there is one."""
        found = self.open(path).select("vton-try-on")
        assert len(found) <= 1
        return str(found[0]["product"]) if found else None

    def send(self, path: str, form: str, **fields: str) -> BeautifulSoup:
        """Fill in the form that the selector finds on a page, and send it; the page where that leads."""
        answer = self.http.get(path, follow_redirects=True)
        (found,) = self._page(answer).select(form)
        values = {str(item["name"]): str(item["value"]) for item in found.select("input[name][value]")}
        target = urljoin(str(answer.url), str(found.get("action") or ""))
        return self._page(self.http.post(target, data=values | fields, follow_redirects=True))

    def try_on(self, product: str, shade: int) -> dict[str, Any]:
        """From a photo to the ended try-on."""
        answer = self.ask(product, phone_photo(shade=shade), consent="true")
        assert answer.status_code == 202, answer.text
        done: dict[str, Any] = self.wait(answer.json()["id"])
        return done

    def _page(self, answer: httpx.Response) -> BeautifulSoup:
        assert answer.status_code == 200, answer.text
        return BeautifulSoup(answer.text, "html.parser")


def garment(colour: str) -> io.BytesIO:
    """A picture of a garment, for a shop's own image model."""
    picture = Image.new("RGB", (500, 600), "white")
    ImageDraw.Draw(picture).rectangle((120, 100, 380, 500), fill=colour)
    out = io.BytesIO()
    picture.save(out, "JPEG")
    out.seek(0)
    return out
