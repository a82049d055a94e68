from __future__ import annotations

import io
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from django_vton.models import DispatcherLease, PauseSwitch, PersonPhoto, Shopper
from tests.tryons import complete_tryon, create_tryon, error_code, get_start, post_tryon, product_ref

if TYPE_CHECKING:
    from django.test import Client

    from shop.models import Product
    from tests.conftest import PhotoMaker, Vton

HEIC = ["image/heic"] if find_spec("pillow_heif") else []

pytestmark = pytest.mark.django_db


def test_it_has_what_the_dialog_needs(guest: Client, shirt: Product, house_model: PersonPhoto) -> None:
    response = get_start(guest, shirt)
    body = response.json()

    assert response.status_code == 200
    assert body.pop("csrf_token")
    (house,) = body.pop("house_models")
    assert (house["id"], house["kind"], house["suits"]) == (str(house_model.pk), "house", ["garment"])
    resets_at = body["quota"].pop("resets_at")
    assert resets_at > timezone.now().isoformat()
    text = body["consent"].pop("text")
    assert "Pixazo" in text
    assert body == {
        "lang": "en",
        "enabled": True,
        "reason": None,
        "product": {
            "ref": product_ref(shirt),
            "title": "Shirt",
            "url": "/products/shirt/"
            if shirt.get_absolute_url() == "/products/shirt/"
            else shirt.get_absolute_url(),
            "image_url": shirt.photo.url,
            "kind": "garment",
        },
        "consent": {"required": True, "version": "1", "url": reverse("vton:privacy")},
        "photos": [],
        "active": [],
        "latest": None,
        "quota": {"limit": 10, "remaining": 10},
        "limits": {
            "max_bytes": 15_000_000,
            "min_side": 300,
            "max_side": 2000,
            "formats": ["image/jpeg", "image/png", "image/webp", *HEIC],
        },
        "retention": {"photo_hours": 24, "result_days": 30},
        "typical_seconds": 20,
        "options": {
            "num_samples": {
                "kind": "integer",
                "label": "Number of previews",
                "choices": [],
                "minimum": 1,
                "maximum": 5,
                "default": 1,
            }
        },
        "captcha": None,
        "links": {"history": reverse("vton:history"), "privacy": reverse("vton:privacy")},
    }


def test_it_sets_the_csrf_cookie_and_stores_nothing(guest: Client, shirt: Product) -> None:
    response = get_start(guest, shirt)

    assert list(response.cookies) == ["csrftoken"]
    assert response["Cache-Control"] == "no-store"
    assert Shopper.objects.count() == 0


def test_its_texts_are_in_the_language_of_the_page(guest: Client, shirt: Product, vton: Vton) -> None:
    from django.utils.translation import gettext_lazy as _

    vton(CONSENT_TEXT=_("Yes"))
    response = get_start(guest, shirt, lang="de")
    assert response.json()["lang"] == response["Content-Language"] == "de"
    assert response.json()["consent"]["text"] == "Ja"
    assert get_start(guest, shirt, lang="de-AT").json()["lang"] == "de"
    for unknown in ("xx", "", "../../etc", "a" * 600, "de\0"):
        assert get_start(guest, shirt, lang=unknown).json()["lang"] == "en"


def test_running_and_finished_try_ons_come_back(
    guest: Client, shirt: Product, glasses: Product, phone_photo: PhotoMaker
) -> None:
    done = create_tryon(guest, shirt, phone_photo())
    complete_tryon(done)
    running = create_tryon(guest, glasses, phone_photo(), keep_photo="on")

    body = get_start(guest, shirt).json()

    assert [it["id"] for it in body["active"]] == [str(running.pk)]
    assert body["latest"]["id"] == str(done.pk)
    assert [it["id"] for it in body["photos"]] == [str(running.photo_id)]
    assert body["consent"]["required"] is False
    assert body["quota"]["remaining"] == 8
    assert get_start(guest, glasses).json()["latest"] is None


def test_strangers_see_nothing_of_it(
    guest: Client, stranger: Client, shirt: Product, house_model: PersonPhoto, phone_photo: PhotoMaker
) -> None:
    complete_tryon(create_tryon(guest, shirt, phone_photo(), keep_photo="true"))
    # A render of a house model has no owner: a visitor without a row must not be taken for it.
    post_tryon(guest, shirt, photo_id=str(house_model.pk))

    body = get_start(stranger, shirt).json()

    assert (body["active"], body["latest"], body["photos"]) == ([], None, [])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ENABLED": False}, "product_not_enabled"),
        ({"PIXAZO_API_KEY": ""}, "not_configured"),
        ({"DAILY_BUDGET": 0}, "budget_exhausted"),
    ],
)
def test_it_says_why_it_is_off(
    guest: Client, shirt: Product, vton: Vton, changes: dict[str, Any], reason: str
) -> None:
    from decimal import Decimal

    vton(**{name: Decimal(value) if name == "DAILY_BUDGET" else value for name, value in changes.items()})
    body = get_start(guest, shirt).json()
    assert (body["enabled"], body["reason"]) == (False, reason)


def test_paused_and_silent_workers(guest: Client, shirt: Product) -> None:
    DispatcherLease.objects.create(number=1, seen_at=timezone.now() - timedelta(minutes=6))
    assert get_start(guest, shirt).json()["reason"] == "unavailable"
    PauseSwitch.objects.create(is_paused=True)
    assert get_start(guest, shirt).json()["reason"] == "paused"


def test_a_product_without_a_usable_picture_asks_nobody_for_a_photo(guest: Client, shirt: Product) -> None:
    assert shirt.photo.name
    default_storage.delete(shirt.photo.name)
    assert get_start(guest, shirt).json()["reason"] == "product_not_enabled"


def test_a_product_that_is_not_public_is_not_told_of(guest: Client, shirt: Product) -> None:
    shirt.is_public = False
    shirt.save()
    answer = get_start(guest, shirt)
    assert answer.json()["reason"] == "product_not_enabled"
    assert shirt.name not in answer.content.decode()
    assert answer.json()["product"] == {
        "ref": f"shop.product:{shirt.pk}",
        "title": "",
        "url": "",
        "image_url": "",
        "kind": "garment",
    }


@pytest.mark.parametrize(
    "product",
    [
        "",
        "shirt",
        "shop.product:0",
        "shop.product:x",
        "no.model:1",
        "auth.user:1",
        "shop.product:" + "9" * 40,
    ],
)
def test_an_unknown_product_is_not_found(guest: Client, product: str) -> None:
    assert error_code(get_start(guest, product)) == (404, "product_unknown")


def test_without_a_quota_there_is_none_to_show(guest: Client, shirt: Product, vton: Vton) -> None:
    vton(QUOTA=None)
    assert get_start(guest, shirt).json()["quota"] is None


def test_house_models_that_do_not_suit_the_product_stay_away(
    guest: Client, glasses: Product, house_model: PersonPhoto
) -> None:
    assert get_start(guest, glasses).json()["house_models"] == []
    PersonPhoto.objects.filter(pk=house_model.pk).update(suits=[])
    assert len(get_start(guest, glasses).json()["house_models"]) == 1


def test_few_queries(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, django_assert_max_num_queries: Any
) -> None:
    for shade in range(3):
        complete_tryon(create_tryon(guest, shirt, phone_photo(shade=shade)))
    get_start(guest, shirt)
    with django_assert_max_num_queries(22):
        get_start(guest, shirt)


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were read from the shop's storage."""
    names: list[str] = []
    opened = FileSystemStorage._open  # type: ignore[attr-defined] # what backends implement

    def record(self: FileSystemStorage, name: str, mode: str = "rb") -> Any:
        if "r" in mode:
            names.append(name)
        return opened(self, name, mode)

    monkeypatch.setattr(FileSystemStorage, "_open", record)
    return names


def test_the_products_file_is_not_read_each_time(
    guest: Client, stranger: Client, shirt: Product, glasses: Product, readings: list[str]
) -> None:
    for client in (guest, stranger, guest):
        assert get_start(client, shirt).json()["enabled"] is True
    assert readings == [shirt.photo.name]
    assert get_start(guest, glasses).json()["enabled"] is True
    assert readings == [shirt.photo.name, glasses.photo.name]


def test_another_file_is_looked_at_at_once(guest: Client, shirt: Product, readings: list[str]) -> None:
    get_start(guest, shirt)
    shirt.photo.save("broken.jpg", ContentFile(b"no picture"))
    assert get_start(guest, shirt).json()["reason"] == "product_not_enabled"
    shirt.photo.save("again.jpg", ContentFile(picture()))
    assert get_start(guest, shirt).json()["enabled"] is True
    assert len(readings) == 3


def test_an_order_looks_at_the_file_itself(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, readings: list[str]
) -> None:
    """One that was overwritten under its name a moment ago, or that is gone."""
    get_start(guest, shirt)
    shirt.photo.storage.delete(str(shirt.photo.name))
    assert get_start(guest, shirt).json()["enabled"] is True
    assert error_code(post_tryon(guest, shirt, phone_photo())) == (400, "product_not_enabled")
    assert get_start(guest, shirt).json()["enabled"] is False
    assert readings == [shirt.photo.name] * 3


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (400, 500), "white").save(out, "JPEG")
    return out.getvalue()
