import io

import pytest
from PIL import Image, ImageChops, ImageDraw

from django_vton.sandbox.drawing import POSITIONS, draw
from django_vton.sandbox.face_detection import find_face
from django_vton.sandbox.fashn import CHOICES
from django_vton.sandbox.parameters import Placement

from .conftest import encode, person, shirt

GREEN = (20, 120, 60)


def drawn(photo: bytes, product: bytes | None, placement: Placement = "top") -> Image.Image:
    return Image.open(io.BytesIO(draw(photo, product, placement, "png", sample=0, samples=1)))


def green_box(result: Image.Image) -> tuple[int, int, int, int] | None:
    """Return the box of the product's color."""
    red, green, blue = ImageChops.difference(result, Image.new("RGB", result.size, GREEN)).split()
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
def test_the_product_is_drawn_at_its_position(placement: Placement, top: float, bottom: float) -> None:
    result = drawn(person(), shirt(GREEN), placement)
    box = green_box(result)
    assert box is not None
    assert top * result.height <= box[1] < box[3] <= bottom * result.height
    assert box[0] < result.width / 2 < box[2]
    assert box[2] - box[0] > 0.12 * result.width


def test_every_placement_has_a_position() -> None:
    assert {"auto", *POSITIONS} == {"eyes", *CHOICES["category"]}


def test_the_rest_of_the_photo_does_not_change() -> None:
    result = drawn(person(), shirt(GREEN))
    corner = result.crop((300, 0, 400, 60))
    difference = ImageChops.difference(corner, Image.new("RGB", corner.size, (120, 130, 140)))
    assert max(difference.tobytes()) < 6


def test_the_background_is_removed_around_the_product_and_kept_inside() -> None:
    product = Image.new("RGB", (400, 400), "white")
    drawing = ImageDraw.Draw(product)
    drawing.rectangle((60, 60, 340, 340), outline=GREEN, width=30)
    result = drawn(person(), encode(product))
    box = green_box(result)
    assert box is not None
    middle = ((box[0] + box[2]) // 2, (box[1] + box[3]) // 2)
    assert result.getpixel(middle) == (255, 255, 255)
    assert result.getpixel((box[0] - 12, middle[1])) != (255, 255, 255)
    worn = drawn(person(), encode(product), "eyes")
    eyes = green_box(worn)
    assert eyes is not None
    lens = worn.getpixel(((eyes[0] + eyes[2]) // 2, (eyes[1] + eyes[3]) // 2))
    assert isinstance(lens, tuple)
    assert lens[2] < 200, "lenses are transparent"


def test_the_result_has_a_label_in_the_lower_left_corner() -> None:
    result = drawn(person(), None)
    photo = Image.open(io.BytesIO(person()))
    box = ImageChops.difference(result, photo).getbbox()
    assert box is not None
    assert box[0] < 40
    assert box[1] > 500
    assert box[2] > 100


def test_products_with_a_transparent_or_patterned_background_are_drawn() -> None:
    patterned = Image.effect_noise((300, 300), 90).convert("RGB")
    transparent = Image.new("RGBA", (300, 300))
    for product in (patterned, transparent):
        assert drawn(person(), encode(product)).size == (400, 600)


def test_a_large_photo_is_scaled_down() -> None:
    assert drawn(person((2000, 3000)), shirt()).size == (864, 1296)


def test_find_face_returns_the_position_of_the_face() -> None:
    for left in (40, 250):
        photo = Image.new("RGB", (400, 600), (90, 110, 160))
        ImageDraw.Draw(photo).ellipse((left, 60, left + 90, 180), fill=(141, 85, 36))
        face = find_face(photo)
        assert face is not None
        assert abs(face.x - (left + 45)) < 10
        assert 60 < face.y < 180
    assert find_face(Image.new("RGB", (400, 600), "white")) is None
    assert find_face(Image.new("RGB", (1, 3000), "white")) is None
