"""Without POSIX: import every module, then render with the commands of the package. Writes to `FOLDER`."""
# ruff: noqa: E402, I001 - POSIX is removed before other modules are imported

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "example_project")]

from tests.windows import no_posix  # noqa: F401

import importlib
import os
import pkgutil
from threading import Thread

import django
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler

from django_vton.sandbox import Gateway

OTHERS = (
    *("django_vton.contrib.moderation", "django_vton.contrib.oscar", "django_vton.contrib.wagtail"),
    "django_vton.migrations",
)
"""Their packages are not installed, or Django imports them."""
FOLDER = Path(os.environ["FOLDER"])


def import_all() -> None:
    package = importlib.import_module("django_vton")
    for module in pkgutil.walk_packages(package.__path__, "django_vton."):
        if not module.name.startswith(OTHERS):
            importlib.import_module(module.name)


def try_on(url: str) -> None:
    from django.core.management import call_command

    from shop.models import Product
    from tests.live_shop import ShopperClient, phone_photo
    from tests.tryons import product_ref

    call_command("migrate", verbosity=0)
    call_command("seed_demo")
    product = product_ref(Product.objects.get(slug="linen-shirt"))
    (FOLDER / "me.jpg").write_bytes(phone_photo(shade=1))

    shopper = ShopperClient(url)
    response = shopper.post_tryon(product, phone_photo(), consent="true")
    assert response.status_code == 202, response.text
    call_command("vton_worker", once=True)
    done = shopper.wait_for_status(response.json()["id"])
    assert done["status"] == "completed", done
    (image,) = done["images"]
    assert shopper.http.get(image["url"]).content
    assert shopper.http.delete(f"/try-on/api/try-ons/{done['id']}/").status_code == 204
    shopper.http.close()

    # The dispatcher runs in a thread here.
    call_command("vton_render", product, str(FOLDER / "me.jpg"), output=FOLDER / "out.png")
    assert (FOLDER / "out.png").stat().st_size
    call_command("vton_purge")


if __name__ == "__main__":
    with Gateway(seconds=0.2) as gateway, ThreadedWSGIServer(("127.0.0.1", 0), WSGIRequestHandler) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        os.environ |= {"VTON_PIXAZO_BASE_URL": gateway.url, "VTON_PUBLIC_BASE_URL": url}
        django.setup()
        import_all()
        from django.core.handlers.wsgi import WSGIHandler

        server.set_app(WSGIHandler())
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            try_on(url)
        finally:
            server.shutdown()
