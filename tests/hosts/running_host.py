"""A running host project, and a shopper who uses its pages and forms."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urljoin

from bs4 import BeautifulSoup
from PIL import Image, ImageDraw

from tests.live_shop import RunningShop, ShopperClient, phone_photo

if TYPE_CHECKING:
    import httpx


class RunningHost(RunningShop):
    """A project with a function `create` in the module `sample_data` next to its `settings`."""

    command: ClassVar = [sys.executable, "-u", "-m", "django"]

    def load_data(self) -> None:
        sample_data = self.settings.replace(".settings", ".sample_data")
        self.shell(
            "from django.core.management import call_command as call",
            "call('migrate', run_syncdb=True, verbosity=0)",
            f"from {sample_data} import create",
            "create()",
        )

    def visitor(self) -> Visitor:
        visitor = Visitor(self.url)
        self.shoppers.append(visitor)
        return visitor

    def changed_products(self, *change: str) -> set[str]:
        """Run lines of code, undo their changes, and return the products that would be checked next."""
        output = self.shell(
            "from django.db import transaction",
            "from django.utils import timezone",
            "from django_vton.models import ProductCheck",
            "with transaction.atomic():",
            "    ProductCheck.objects.update(checked_at=timezone.now())",
            *(f"    {line}" for line in change),
            "    print(*ProductCheck.objects.filter(checked_at=None).values_list('product', flat=True))",
            "    transaction.set_rollback(True)",
        )
        return set(output.split())

    def conversions(self) -> list[tuple[Any, ...]]:
        return self.sql('SELECT kind, product, "order" FROM vton_conversion ORDER BY id')


class Visitor(ShopperClient):
    """Opens pages and submits their forms, like a browser without scripts."""

    def open(self, path: str) -> BeautifulSoup:
        return self._page(self.http.get(path, follow_redirects=True))

    def button(self, path: str) -> str | None:
        """The product of the page's only try-on button, or None."""
        buttons = self.open(path).select("vton-try-on")
        assert len(buttons) <= 1
        return str(buttons[0]["product"]) if buttons else None

    def submit_form(self, path: str, form: str, **fields: str) -> BeautifulSoup:
        """Submit the form that matches the selector; returns the page after the redirects."""
        response = self.http.get(path, follow_redirects=True)
        (element,) = self._page(response).select(form)
        values = {str(item["name"]): str(item["value"]) for item in element.select("input[name][value]")}
        target = urljoin(str(response.url), str(element.get("action") or ""))
        return self._page(self.http.post(target, data=values | fields, follow_redirects=True))

    def try_on(self, product: str, shade: int) -> dict[str, Any]:
        """Order a try-on and wait until it has ended; returns its JSON."""
        response = self.post_tryon(product, phone_photo(shade=shade), consent="true")
        assert response.status_code == 202, response.text
        done: dict[str, Any] = self.wait_for_status(response.json()["id"])
        return done

    def _page(self, response: httpx.Response) -> BeautifulSoup:
        assert response.status_code == 200, response.text
        return BeautifulSoup(response.text, "html.parser")


def garment(colour: str) -> io.BytesIO:
    """An image of a garment, for a shop's own image model."""
    image = Image.new("RGB", (500, 600), "white")
    ImageDraw.Draw(image).rectangle((120, 100, 380, 500), fill=colour)
    out = io.BytesIO()
    image.save(out, "JPEG")
    out.seek(0)
    return out
