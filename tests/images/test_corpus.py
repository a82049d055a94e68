"""Files as cameras and programs write them. tests/browser/test_same_pixels.py compares the pixels."""

from __future__ import annotations

import pytest

from tests.images.assertions import convert_product, refuse_product
from tests.images.corpus import ACCEPTED, HEIGHT, REFUSED, WIDTH


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_file_with_all_of_its_pixels_is_accepted(name: str) -> None:
    converted = convert_product(ACCEPTED[name]())
    assert (converted.width, converted.height) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("name", REFUSED)
def test_a_damaged_file_is_refused(name: str) -> None:
    assert refuse_product(REFUSED[name]()).code in ("photo_unreadable", "photo_format")
