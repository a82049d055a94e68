from io import StringIO

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from PIL import Image

from django_vton.models import PersonPhoto
from shop.catalogue import HOUSE_MODELS, PRODUCTS
from shop.models import Kind, Product

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_password_in_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEMO_ADMIN_PASSWORD", raising=False)


def seed() -> str:
    out = StringIO()
    call_command("seed_demo", stdout=out)
    return out.getvalue()


def counts() -> tuple[int, int, int]:
    return Product.objects.count(), PersonPhoto.objects.count(), get_user_model().objects.count()


def test_seeding_twice_creates_nothing_new() -> None:
    seed()
    once = counts()
    assert once == (len(PRODUCTS), len(HOUSE_MODELS), 1)
    files = sorted(path for path in settings.MEDIA_ROOT.rglob("*") if path.is_file())
    seed()
    assert counts() == once
    assert sorted(path for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()) == files


def test_the_seed_has_garments_of_every_category_and_two_pairs_of_glasses() -> None:
    seed()
    kinds = list(Product.objects.values_list("kind", flat=True))
    assert {Kind.TOP, Kind.BOTTOM, Kind.DRESS, Kind.OUTERWEAR} <= set(kinds)
    assert kinds.count(Kind.EYEWEAR) == 2
    assert sum(kind not in {Kind.EYEWEAR, Kind.ACCESSORY} for kind in kinds) >= 6


def test_seeding_again_keeps_edits_and_restores_a_missing_image() -> None:
    seed()
    product = Product.objects.all()[0]
    product.name = "Renamed"
    product.save()
    product.photo.storage.delete(str(product.photo.name))
    seed()
    product.refresh_from_db()
    assert product.name == "Renamed"
    assert product.photo.storage.exists(str(product.photo.name))


def test_the_first_seeding_creates_and_prints_a_password() -> None:
    password = seed().split()[-1]
    assert "password unchanged" in seed()
    admin = get_user_model().objects.get(username="admin")
    assert admin.check_password(password)
    assert admin.is_superuser
    assert admin.is_staff


def test_the_password_can_be_set_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    seed()
    monkeypatch.setenv("DEMO_ADMIN_PASSWORD", "open sesame")
    assert "open sesame" in seed()
    assert get_user_model().objects.get(username="admin").check_password("open sesame")


def test_the_images_are_small_files_and_large_enough_for_every_engine() -> None:
    names = [f"{product['slug']}.jpg" for product in PRODUCTS] + [model["file"] for model in HOUSE_MODELS]
    for name in names:
        path = settings.BASE_DIR / "assets" / name
        assert path.stat().st_size < 150_000, name
        with Image.open(path) as image:
            assert image.format == "JPEG"
            assert min(image.size) >= 300, name
