"""A further engine of the gateway in a shop's own code: renders, and is priced, with nothing changed here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.core.management import call_command

from django_vton import products
from django_vton.billing import budget
from django_vton.models import BudgetPeriod
from django_vton.products import TryOn, register
from shop.models import Product
from tests.further_engines.gateway import MirrorHandler, ModelGateway, serve
from tests.tryons import post_tryon

if TYPE_CHECKING:
    from django.core.files import File
    from django.test import Client
    from pytest_django.live_server_helper import LiveServer

    from tests.conftest import PhotoMaker, Vton

MIRROR = "tests.further_engines.mirror.Mirror"


@pytest.fixture
def mirror(vton: Vton, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelGateway]:
    """A shop whose products are create_completed_tryon on with Mirror v2."""
    monkeypatch.setattr(products, "_registry", {})

    @register(Product)
    class MirrorTryOn(TryOn):
        engine = "mirror-v2"
        shopper_options = ("count",)

        def get_image(self, product: Product) -> File[bytes]:
            return product.photo

    with serve(MirrorHandler) as gateway:
        vton(
            ENGINES={"mirror-v2": MIRROR},
            PIXAZO_BASE_URL=gateway.url,
            PIXAZO_API_KEY="key",
            PUBLIC_BASE_URL=live_server.url,
        )
        yield gateway


def test_an_engine_takes_fewer_than_forty_lines() -> None:
    assert len((Path(__file__).parent / "mirror.py").read_text().splitlines()) < 40


@pytest.mark.django_db(transaction=True)
def test_a_try_on_is_rendered_with_the_shops_engine(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, mirror: ModelGateway
) -> None:
    answer = post_tryon(guest, shirt, phone_photo(), options='{"count": 2}')
    assert answer.status_code == 202, answer.content

    call_command("vton_worker", once=True)

    done = guest.get(answer["Location"]).json()
    assert (done["status"], done["engine"], len(done["images"])) == ("completed", "mirror-v2", 2)
    (submit,) = mirror.submits
    assert set(submit) == {"person", "garment", "count", "pose"}
    assert (submit["count"], submit["pose"]) == (2, "keep")
    assert mirror.fetched == ["JPEG", "JPEG"]
    spent = BudgetPeriod.objects.get(kind=budget.Kind.DAY).spent
    assert spent == 240_000


@pytest.mark.django_db(transaction=True)
def test_an_option_that_the_shops_engine_rejects_is_refused(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, mirror: ModelGateway
) -> None:
    answer = post_tryon(guest, shirt, phone_photo(), options='{"count": 3}')

    assert answer.status_code == 400
    assert (answer.json()["code"], answer.json()["field"]) == ("options_invalid", "options.count")
    assert mirror.submits == []
