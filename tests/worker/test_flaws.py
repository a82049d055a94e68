"""The worker compares each result with its photo, and never keeps a paid one back."""

from __future__ import annotations

import logging
import random

import pytest

from django_vton.models import PersonPhoto, TryOnImage
from django_vton.models.states import State
from tests.images.scenes import encode, make_scene

from ..lifecycle.harness import Harness


@pytest.fixture
def person(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let shoppers order with the photo of a drawn person."""
    photo = encode(make_scene(random.Random(3)).photo)  # noqa: S311 - the same at each run
    monkeypatch.setattr(harness, "photo", lambda *_args, **_options: photo)


def complete(harness: Harness) -> TryOnImage:
    row = harness.order_rendered()
    harness.run_cycle()
    return harness.reload(row, State.COMPLETED).images.get()


@pytest.mark.usefixtures("person")
def test_the_photo_that_comes_back_is_flagged_and_its_attempt_keeps_the_flaw(harness: Harness) -> None:
    harness.gateway.scenario(unchanged=True)
    image = complete(harness)
    assert image.flaw == "unchanged"
    assert image.request.attempts.get().flaw == "unchanged"


@pytest.mark.usefixtures("person")
def test_a_result_with_the_product_is_not_flagged(harness: Harness) -> None:
    image = complete(harness)
    assert image.flaw == ""
    assert image.request.attempts.get().flaw == ""


@pytest.mark.usefixtures("person")
def test_a_photo_that_cannot_be_read_keeps_no_result_back(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.gateway.scenario(unchanged=True)
    row = harness.order_rendered()
    photo = PersonPhoto.objects.get(try_ons=row)
    photo.thumbnail.storage.delete(str(photo.thumbnail))
    with caplog.at_level(logging.ERROR):
        harness.run_cycle()
    assert harness.reload(row, State.COMPLETED).images.get().flaw == ""
    assert "are not compared with the photo" in caplog.text
