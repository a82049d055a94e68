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


def test_the_start_has_what_the_dialog_needs(guest: Client, shirt: Product, house_model: PersonPhoto) -> None:
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


def test_the_start_sets_only_the_csrf_cookie_and_stores_nothing(guest: Client, shirt: Product) -> None:
    response = get_start(guest, shirt)

    assert list(response.cookies) == ["csrftoken"]
    assert response["Cache-Control"] == "no-store"
    assert Shopper.objects.count() == 0


def test_the_start_is_in_the_requested_language(guest: Client, shirt: Product, vton: Vton) -> None:
    from django.utils.translation import gettext_lazy as _

    vton(CONSENT_TEXT=_("Yes"))
    response = get_start(guest, shirt, lang="de")
    assert response.json()["lang"] == response["Content-Language"] == "de"
    assert response.json()["consent"]["text"] == "Ja"
    assert get_start(guest, shirt, lang="de-AT").json()["lang"] == "de"
    for unknown in ("xx", "", "../../etc", "a" * 600, "de\0"):
        assert get_start(guest, shirt, lang=unknown).json()["lang"] == "en"


def test_the_start_lists_running_try_ons_and_the_latest_result(
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


def test_the_start_shows_nothing_of_another_shopper(
    guest: Client, stranger: Client, shirt: Product, house_model: PersonPhoto, phone_photo: PhotoMaker
) -> None:
    complete_tryon(create_tryon(guest, shirt, phone_photo(), keep_photo="true"))
    # A shared render has no owner. It must not match a visitor who has no row.
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
def test_the_start_tells_why_a_product_is_not_available(
    guest: Client, shirt: Product, vton: Vton, changes: dict[str, Any], reason: str
) -> None:
    from decimal import Decimal

    vton(**{name: Decimal(value) if name == "DAILY_BUDGET" else value for name, value in changes.items()})
    body = get_start(guest, shirt).json()
    assert (body["enabled"], body["reason"]) == (False, reason)


def test_the_start_reports_a_pause_and_missing_workers(guest: Client, shirt: Product) -> None:
    DispatcherLease.objects.create(number=1, seen_at=timezone.now() - timedelta(minutes=6))
    assert get_start(guest, shirt).json()["reason"] == "unavailable"
    PauseSwitch.objects.create(is_paused=True)
    assert get_start(guest, shirt).json()["reason"] == "paused"


def test_a_product_without_a_usable_image_is_not_enabled(guest: Client, shirt: Product) -> None:
    assert shirt.photo.name
    default_storage.delete(shirt.photo.name)
    assert get_start(guest, shirt).json()["reason"] == "product_not_enabled"


def test_the_start_reveals_nothing_about_a_product_that_is_not_public(guest: Client, shirt: Product) -> None:
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
def test_an_unknown_product_answers_404(guest: Client, product: str) -> None:
    assert error_code(get_start(guest, product)) == (404, "product_unknown")


def test_the_quota_is_null_if_the_shop_has_none(guest: Client, shirt: Product, vton: Vton) -> None:
    vton(QUOTA=None)
    assert get_start(guest, shirt).json()["quota"] is None


def test_only_house_models_that_suit_the_product_are_listed(
    guest: Client, glasses: Product, house_model: PersonPhoto
) -> None:
    assert get_start(guest, glasses).json()["house_models"] == []
    PersonPhoto.objects.filter(pk=house_model.pk).update(suits=[])
    assert len(get_start(guest, glasses).json()["house_models"]) == 1


def test_the_start_takes_a_bounded_number_of_queries(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, django_assert_max_num_queries: Any
) -> None:
    for shade in range(3):
        complete_tryon(create_tryon(guest, shirt, phone_photo(shade=shade)))
    get_start(guest, shirt)
    with django_assert_max_num_queries(22):
        get_start(guest, shirt)


@pytest.fixture
def image_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the names of the files that are read from the shop's storage."""
    names: list[str] = []
    opened = FileSystemStorage._open  # type: ignore[attr-defined] # the method that backends implement

    def record(self: FileSystemStorage, name: str, mode: str = "rb") -> Any:
        if "r" in mode:
            names.append(name)
        return opened(self, name, mode)

    monkeypatch.setattr(FileSystemStorage, "_open", record)
    return names


def test_the_product_image_is_read_once_for_all_starts(
    guest: Client, stranger: Client, shirt: Product, glasses: Product, image_reads: list[str]
) -> None:
    for client in (guest, stranger, guest):
        assert get_start(client, shirt).json()["enabled"] is True
    assert image_reads == [shirt.photo.name]
    assert get_start(guest, glasses).json()["enabled"] is True
    assert image_reads == [shirt.photo.name, glasses.photo.name]


def test_a_replaced_product_image_is_read_at_once(
    guest: Client, shirt: Product, image_reads: list[str]
) -> None:
    get_start(guest, shirt)
    shirt.photo.save("broken.jpg", ContentFile(b"no picture"))
    assert get_start(guest, shirt).json()["reason"] == "product_not_enabled"
    shirt.photo.save("again.jpg", ContentFile(picture()))
    assert get_start(guest, shirt).json()["enabled"] is True
    assert len(image_reads) == 3


def test_a_try_on_request_reads_the_product_image_again(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, image_reads: list[str]
) -> None:
    """The file may have been overwritten under the same name, or deleted."""
    get_start(guest, shirt)
    shirt.photo.storage.delete(str(shirt.photo.name))
    assert get_start(guest, shirt).json()["enabled"] is True
    assert error_code(post_tryon(guest, shirt, phone_photo())) == (400, "product_not_enabled")
    assert get_start(guest, shirt).json()["enabled"] is False
    assert image_reads == [shirt.photo.name] * 3


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (400, 500), "white").save(out, "JPEG")
    return out.getvalue()
