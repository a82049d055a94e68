import io

import pytest
from PIL import Image, ImageChops, ImageDraw

from django_vton.sandbox.drawing import PLACES, draw
from django_vton.sandbox.face import find_face
from django_vton.sandbox.fashn import CHOICES
from django_vton.sandbox.order import Placement

from .conftest import encode, person, shirt

GREEN = (20, 120, 60)


def drawn(photo: bytes, product: bytes | None, placement: Placement = "top") -> Image.Image:
    return Image.open(io.BytesIO(draw(photo, product, placement, "png", sample=0, samples=1)))


def green_box(picture: Image.Image) -> tuple[int, int, int, int] | None:
    """Where the product's colour is."""
    red, green, blue = ImageChops.difference(picture, Image.new("RGB", picture.size, GREEN)).split()
    furthest = ImageChops.lighter(red, ImageChops.lighter(green, blue))
    return furthest.point(lambda d: 255 if d < 12 else 0).getbbox()


@pytest.mark.parametrize(
    ("placement", "top", "bottom"),
    [
        ("top", 0.25, 0.9),
        ("outerwear", 0.25, 0.97),
        ("bottom", 0.4, 1.01),
        ("dress", 0.2, 1.01),
        ("auto", 0.25, 0.9),
        ("eyes", 0.05, 1 / 3),
    ],
)
def test_the_product_lands_in_its_place(placement: Placement, top: float, bottom: float) -> None:
    picture = drawn(person(), shirt(GREEN), placement)
    box = green_box(picture)
    assert box is not None
    assert top * picture.height <= box[1] < box[3] <= bottom * picture.height
    assert box[0] < picture.width / 2 < box[2]
    assert box[2] - box[0] > 0.12 * picture.width


def test_everything_that_is_taken_has_its_place() -> None:
    assert {"auto", *PLACES} == {"eyes", *CHOICES["category"]}


def test_the_photo_stays_the_shoppers_own() -> None:
    picture = drawn(person(), shirt(GREEN))
    corner = picture.crop((300, 0, 400, 60))
    away = ImageChops.difference(corner, Image.new("RGB", corner.size, (120, 130, 140)))
    assert max(away.tobytes()) < 6


def test_the_white_around_the_product_goes_and_the_white_inside_stays() -> None:
    product = Image.new("RGB", (400, 400), "white")
    pen = ImageDraw.Draw(product)
    pen.rectangle((60, 60, 340, 340), outline=GREEN, width=30)
    picture = drawn(person(), encode(product))
    box = green_box(picture)
    assert box is not None
    middle = ((box[0] + box[2]) // 2, (box[1] + box[3]) // 2)
    assert picture.getpixel(middle) == (255, 255, 255)
    assert picture.getpixel((box[0] - 12, middle[1])) != (255, 255, 255)
    worn = drawn(person(), encode(product), "eyes")
    eyes = green_box(worn)
    assert eyes is not None
    lens = worn.getpixel(((eyes[0] + eyes[2]) // 2, (eyes[1] + eyes[3]) // 2))
    assert isinstance(lens, tuple)
    assert lens[2] < 200, "glasses are seen through"


def test_it_is_marked() -> None:
    marked = drawn(person(), None)
    plain = Image.open(io.BytesIO(person()))
    box = ImageChops.difference(marked, plain).getbbox()
    assert box is not None
    assert box[0] < 40
    assert box[1] > 500
    assert box[2] > 100


def test_a_transparent_or_busy_product_is_drawn_too() -> None:
    busy = Image.effect_noise((300, 300), 90).convert("RGB")
    clear = Image.new("RGBA", (300, 300))
    for product in (busy, clear):
        assert drawn(person(), encode(product)).size == (400, 600)


def test_a_large_photo_is_brought_to_the_engines_size() -> None:
    assert drawn(person((2000, 3000)), shirt()).size == (864, 1296)


def test_a_face_is_found_where_it_is() -> None:
    for left in (40, 250):
        photo = Image.new("RGB", (400, 600), (90, 110, 160))
        ImageDraw.Draw(photo).ellipse((left, 60, left + 90, 180), fill=(141, 85, 36))
        face = find_face(photo)
        assert face is not None
        assert abs(face.x - (left + 45)) < 10
        assert 60 < face.y < 180
    assert find_face(Image.new("RGB", (400, 600), "white")) is None
    assert find_face(Image.new("RGB", (1, 3000), "white")) is None
