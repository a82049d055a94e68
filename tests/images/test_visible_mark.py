"""The visible mark: where it is, how large, and that it can be read on any picture."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import rest_framework
from django.utils import translation
from PIL import Image, ImageDraw, ImageStat

import django_vton
from django_vton.conf import DEFAULT_MARK_TEXT
from django_vton.images.visible_mark import FALLBACK, can_draw, draw_mark
from tests.images import samples
from tests.images.samples import encode
from tests.provenance import changed_area

TEXT = "AI-generated"


def area(image: Image.Image, text: str = TEXT) -> tuple[int, int, int, int]:
    marked = draw_mark(image, text)
    assert marked.size == image.size
    return changed_area(encode(marked, "PNG"), encode(image, "PNG"))


def figure(width: int, height: int, background: str) -> Image.Image:
    """A person from head to foot, in the middle."""
    image = Image.new("RGB", (width, height), background)
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.44, height * 0.05, width * 0.56, height * 0.18), "tan")
    draw.rectangle((width * 0.25, height * 0.2, width * 0.62, height), "navy")
    return image


@pytest.mark.parametrize(("width", "height"), [(320, 480), (864, 1296), (2000, 3000), (1200, 800)])
def test_the_mark_is_small_but_legible_and_beside_the_person(width: int, height: int) -> None:
    left, top, right, bottom = area(figure(width, height, "white"))
    assert left > width * 0.62
    assert top > height * 0.9
    assert 12 <= bottom - top <= height * 0.06
    assert right - left <= width * 0.3
    assert width - right >= 3 < height - bottom


@pytest.mark.parametrize("background", ["white", "black", "gray", "yellow"])
def test_letters_and_field_contrast_on_any_background(background: str) -> None:
    image = Image.new("RGB", (864, 1296), background)
    left, top, right, bottom = area(image)
    low, high = ImageStat.Stat(draw_mark(image, TEXT).crop((left, top, right, bottom)).convert("L")).extrema[
        0
    ]
    assert _contrast(low, high) >= 4.5


def test_the_corner_with_the_least_detail_is_chosen() -> None:
    quiet = Image.new("RGB", (600, 800), "white")
    noise = samples.noise(300, 400, "RGB")
    corners = {(300, 400): (0, 400), (0, 400): (300, 400), (300, 0): (0, 0), (0, 0): (300, 0)}
    for corner in corners:
        image = quiet.copy()
        for other in set(corners) - {corner}:
            image.paste(noise, other)
        left, top, right, bottom = area(image)
        assert corner[0] <= left < right <= corner[0] + 300
        assert corner[1] <= top < bottom <= corner[1] + 400


def test_a_plain_garment_is_not_taken_for_background() -> None:
    """A dress that fills both corners at the bottom has less detail than the street behind the person."""
    image = samples.noise(600, 900, "RGB")
    draw = ImageDraw.Draw(image)
    draw.ellipse((230, 80, 370, 270), (224, 172, 138))
    for x in (265, 325):
        draw.ellipse((x, 140, x + 14, 152), "black")
    draw.rectangle((0, 320, 600, 900), "navy")
    assert area(image)[3] < 60


def test_the_same_picture_has_the_same_mark() -> None:
    image = samples.noise(400, 600, "RGB")
    assert draw_mark(image, TEXT).tobytes() == draw_mark(image, TEXT).tobytes()


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("مولّد بالذكاء الاصطناعي", FALLBACK),
        ("", FALLBACK),
        (" ", FALLBACK),
        ("words " * 30, FALLBACK),
        ("Généré par IA", "IA"),
        ("KI-generiert: " + "Wörter " * 30, "KI"),
    ],
)
def test_a_text_that_cannot_be_drawn_is_its_abbreviation_or_the_international_one(
    text: str, drawn: str
) -> None:
    image = Image.new("RGB", (600, 900), "white")
    assert draw_mark(image, text).tobytes() == draw_mark(image, drawn).tobytes()
    assert draw_mark(image, text).tobytes() != draw_mark(image, TEXT).tobytes()


def test_another_font_draws_other_letters() -> None:
    """Django REST framework has a font of icons, without any letter."""
    font = Path(rest_framework.__file__).parent / "static/rest_framework/fonts/fontawesome-webfont.ttf"
    image = Image.new("RGB", (600, 900), "white")
    assert can_draw("\uf001\uf002", font)
    assert not can_draw("\uf001\uf002")
    assert not can_draw(TEXT, font)
    marked = draw_mark(image, "\uf001\uf002", font).tobytes()
    assert marked not in {draw_mark(image, FALLBACK).tobytes(), draw_mark(image, "\uf001", font).tobytes()}
    assert draw_mark(image, TEXT, font).tobytes() == draw_mark(image, FALLBACK).tobytes()


def test_the_default_text_of_each_language_is_drawn_or_has_an_abbreviation() -> None:
    """Arabic has no abbreviation."""
    locales = {path.name for path in (Path(django_vton.__file__).parent / "locale").iterdir()}
    assert locales >= {"ar", "de"}
    for locale in locales - {"ar"}:
        with translation.override(translation.to_language(locale)):
            text = str(DEFAULT_MARK_TEXT)
        assert text != TEXT, locale
        assert can_draw(text) or re.search(r"\b(AI|IA|KI)\b", text), text


def test_transparent_tiny_and_unusual_images_are_marked() -> None:
    clear = draw_mark(Image.new("RGBA", (400, 500)), TEXT)
    assert clear.mode == "RGBA"
    assert clear.getchannel("A").getextrema() == (0, 255)
    for mode in ("L", "LA", "P", "1", "I;16"):
        assert draw_mark(Image.new(mode, (400, 500)), TEXT).mode in {"RGB", "RGBA"}
    for size in ((1, 1), (5, 900), (900, 5), (40, 40)):
        assert draw_mark(Image.new("RGB", size, "white"), TEXT).size == size


def _contrast(low: float, high: float) -> float:
    """The contrast of two grays as WCAG defines it."""
    dark, light = (((it / 255 + 0.055) / 1.055) ** 2.4 + 0.05 for it in (low, high))
    return float(light / dark)
