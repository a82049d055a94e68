"""The comparison of results with their photos, on drawn people."""

from __future__ import annotations

import random

from PIL import Image, ImageDraw

from django_vton.images.flaws import compare, find_flaw
from tests.images.drawn_results import rendered, with_garment
from tests.images.flaws import measure
from tests.images.scenes import encode, make_scene


def test_bad_results_are_found_and_good_ones_are_not_flagged() -> None:
    figures = measure(good=8, bad=4, first_seed=1)
    assert figures.found() >= 0.95, figures.verdicts
    assert figures.false_alarms() <= 0.02, figures.verdicts
    assert figures.verdicts["unchanged"] == {"unchanged": 4}
    assert figures.verdicts["slim"]["body"] >= 2, figures.verdicts
    assert sorted(figures.seconds)[len(figures.seconds) // 2] <= 0.15


def test_glasses_change_only_the_face() -> None:
    rng = random.Random(4)  # noqa: S311 - to be the same at each run
    scene = make_scene(rng)
    photo, person = scene.photo, scene.person
    worn = photo.copy()
    for side in (-0.22, 0.22):
        x, radius = person.x + side * person.head, 0.17 * person.head
        box = (x - radius, person.y - 0.05 * person.head - radius, x + radius, person.y + radius)
        ImageDraw.Draw(worn).ellipse(box, fill=(20, 20, 30))
    assert compare(photo, rendered(rng, worn), "eyewear") == ""
    assert compare(photo, rendered(rng, photo), "eyewear") == "unchanged"


def test_a_result_that_fills_another_shape_is_compared_with_the_photo_in_it() -> None:
    scene = make_scene(random.Random(9))  # noqa: S311 - as above
    wide = Image.new("RGB", (900, 900), "white")
    wide.paste(scene.photo, (150, 0))
    assert compare(scene.photo, wide, "garment") == "unchanged"


def test_something_else_in_a_skins_color_is_not_taken_for_another_head() -> None:
    """The photo begins below the head."""
    rng = random.Random(6)  # noqa: S311 - as above
    scene = make_scene(rng)
    below = (0, round(scene.person.y + 0.95 * scene.person.head), *scene.photo.size)
    photo, result = scene.photo.crop(below), with_garment(rng, scene).photo.crop(below)
    assert compare(photo, rendered(rng, result).resize(photo.size), "garment") == ""


def test_a_plain_area_is_not_flagged() -> None:
    plain = encode(Image.new("RGB", (400, 500), "white"))
    assert find_flaw(plain, plain, "garment") == ""
