"""The tests that docs/testing.md shows; the page quotes these lines literally."""

import json
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from django_vton.sandbox import Gateway

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def person(phone_photo):
    return SimpleUploadedFile("me.jpg", phone_photo(), "image/jpeg")


@pytest.fixture
def gateway(settings, live_server):
    with Gateway(seconds=0.1) as gateway:
        settings.VTON = {
            **settings.VTON,
            "PIXAZO_BASE_URL": gateway.url,
            "PIXAZO_API_KEY": "sandbox",
            "PUBLIC_BASE_URL": live_server.url,
            "ENQUEUE": "django_vton.queue.no_queue",
        }
        yield gateway


def test_a_shopper_gets_an_image(client, gateway, shirt, person):
    product = f"shop.product:{shirt.pk}"
    response = client.post("/try-on/api/try-ons/", {"product": product, "photo": person, "consent": "true"})
    assert response.status_code == 202

    call_command("vton_worker", once=True)

    tryon = client.get(response["Location"]).json()
    assert tryon["status"] == "completed"
    assert gateway.ledger.totals["amount"] == 75_000  # micro-USD: charged once


def test_a_refused_photo_has_an_error_code(client, gateway, shirt, person):
    gateway.scenario(outcome="FAILED", error="content moderation")
    product = f"shop.product:{shirt.pk}"
    response = client.post("/try-on/api/try-ons/", {"product": product, "photo": person, "consent": "true"})

    call_command("vton_worker", once=True)

    assert client.get(response["Location"]).json()["error"]["code"] == "moderated"


STRANGE = Path(__file__).parent / "strange.json"


def test_the_strange_answer(client, gateway, shirt, person):
    gateway.replay(json.loads(STRANGE.read_text()))
    product = f"shop.product:{shirt.pk}"
    response = client.post("/try-on/api/try-ons/", {"product": product, "photo": person, "consent": "true"})

    call_command("vton_worker", once=True)

    assert client.get(response["Location"]).json()["status"] == "completed"
    assert gateway.ledger.totals["accepted"] == 1
