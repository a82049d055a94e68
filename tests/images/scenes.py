"""Drawn people, and good and bad results of try-ons on them, all from a seeded generator of random numbers.

A scene keeps the figure and the background apart, so that a body can be narrowed before its background.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter

from django_vton.sandbox.drawing import draw

WIDTH, HEIGHT = 600, 900
ASSETS = Path(__file__).parents[2] / "example_project/assets"
SKINS = [(240, 205, 180), (224, 172, 138), (198, 134, 98), (160, 105, 72), (112, 72, 48), (92, 58, 40)]
HAIRS = [(30, 24, 22), (70, 45, 30), (120, 80, 45), (200, 165, 100), (150, 150, 150), (140, 60, 35)]

Color = tuple[int, int, int]
Random = random.Random


@dataclass(frozen=True)
class Person:
    """A person's looks and place. Lengths are in head widths, places in pixels."""

    skin: Color
    hair: Color
    hair_length: float
    beard: bool
    eyes: Color
    brow: float
    mouth: float
    jaw: float
    shirt: Color
    trousers: Color
    shoulders: float
    hips: float
    head: float
    x: float
    y: float


@dataclass(frozen=True)
class Scene:
    """A photo in two layers."""

    background: Image.Image
    figure: Image.Image
    person: Person = field(compare=False)

    @property
    def photo(self) -> Image.Image:
        """The photo: the figure before the background."""
        picture = self.background.convert("RGBA")
        picture.alpha_composite(self.figure)
        return picture.convert("RGB")


def make_scene(rng: Random) -> Scene:
    """Return a scene: one of the two house models of the example or, mostly, a drawn person."""
    if rng.random() < 0.2:
        return house_model(rng)
    person = make_person(rng)
    return Scene(_background(rng), _figure(person, rng), person)


def make_person(rng: Random) -> Person:
    is_close = rng.random() < 0.4
    head = rng.uniform(120, 160) if is_close else rng.uniform(72, 95)
    return Person(
        skin=_near(rng, rng.choice(SKINS)),
        hair=_near(rng, rng.choice(HAIRS)),
        hair_length=rng.choice([0.3, 0.6, 1.1, 1.7]),
        beard=rng.random() < 0.25,
        eyes=rng.choice([(60, 40, 25), (60, 90, 120), (70, 100, 60)]),
        brow=rng.uniform(0.03, 0.07),
        mouth=rng.uniform(0.16, 0.26),
        jaw=rng.uniform(0.6, 0.75),
        shirt=_any_color(rng),
        trousers=_any_color(rng),
        shoulders=rng.uniform(1.15, 1.5),
        hips=rng.uniform(0.85, 1.15),
        head=head,
        x=WIDTH / 2 + rng.uniform(-40, 40),
        y=rng.uniform(110, 190) if not is_close else rng.uniform(180, 260),
    )


def _near(rng: Random, color: Color) -> Color:
    red, green, blue = (max(0, min(255, part + rng.randint(-8, 8))) for part in color)
    return red, green, blue


def _any_color(rng: Random) -> Color:
    return rng.randint(15, 245), rng.randint(15, 245), rng.randint(15, 245)


def _blots(rng: Random, size: tuple[int, int], cell: int, low: int, high: int) -> Image.Image:
    width, height = max(2, size[0] // cell), max(2, size[1] // cell)
    raw = bytes(rng.randint(low, high) for _ in range(width * height * 3))
    return Image.frombytes("RGB", (width, height), raw).resize(size, Image.Resampling.BICUBIC)


def _background(rng: Random) -> Image.Image:
    kind = rng.choice(["studio", "studio", "room", "street"])
    if kind == "studio":
        light = rng.randint(170, 245)
        shade = Image.radial_gradient("L").resize((WIDTH, HEIGHT)).point(lambda v: light - v // 8)
        return Image.merge("RGB", (shade, shade, shade.point(lambda v: max(0, v - 6))))
    picture = Image.new("RGB", (WIDTH, HEIGHT), _any_color(rng))
    pen = ImageDraw.Draw(picture)
    if kind == "room":
        pen.rectangle((0, HEIGHT * 0.8, WIDTH, HEIGHT), fill=_any_color(rng))
        for _ in range(rng.randint(2, 5)):
            x, y = rng.randint(-100, WIDTH), rng.randint(0, 600)
            box = (x, y, x + rng.randint(60, 220), y + rng.randint(80, 300))
            pen.rectangle(box, fill=_any_color(rng), outline=_any_color(rng), width=5)
        return picture.filter(ImageFilter.GaussianBlur(2))
    return ImageChops.blend(_blots(rng, picture.size, 40, 40, 220), picture, 0.4)


def _figure(person: Person, rng: Random) -> Image.Image:
    layer = Image.new("RGBA", (WIDTH, HEIGHT))
    pen = ImageDraw.Draw(layer)
    u, x, y = person.head, person.x, person.y
    for side in (-1, 1):
        _limb(
            pen,
            (x + side * person.hips * 0.42 * u, y + 3.6 * u),
            (x + side * 0.45 * u, y + 8.2 * u),
            0.62 * u,
            person.trousers,
        )
        _limb(
            pen,
            (x + side * (person.shoulders - 0.15) * u, y + 1.4 * u),
            (x + side * (person.shoulders + 0.3) * u, y + 3.9 * u),
            0.36 * u,
            person.skin,
        )
        _limb(
            pen,
            (x + side * (person.shoulders - 0.15) * u, y + 1.4 * u),
            (x + side * (person.shoulders + 0.02) * u, y + 2.2 * u),
            0.46 * u,
            person.shirt,
        )
    pen.rectangle((x - 0.25 * u, y + 0.3 * u, x + 0.25 * u, y + 1.2 * u), fill=_darker(person.skin, 0.85))
    pen.polygon(torso(person), fill=person.shirt)
    _head(pen, person)
    grain = _blots(rng, layer.size, 18, 0, 46).convert("L")
    shaded = ImageChops.subtract(layer.convert("RGB"), Image.merge("RGB", (grain,) * 3))
    shaded.putalpha(layer.getchannel("A").filter(ImageFilter.GaussianBlur(1)))
    return shaded


def torso(person: Person, length: float = 3.7, width: float = 1.0) -> list[tuple[float, float]]:
    """Return the outline of a garment from the shoulders down; the length is in head widths."""
    u, x, y = person.head, person.x, person.y
    shoulders, hips = person.shoulders * u * width, person.hips * u * width
    return [
        (x - 0.4 * u, y + 0.95 * u), (x + 0.4 * u, y + 0.95 * u), (x + shoulders, y + 1.25 * u),
        (x + shoulders * 0.85, y + 2.3 * u), (x + hips, y + length * u), (x - hips, y + length * u),
        (x - shoulders * 0.85, y + 2.3 * u), (x - shoulders, y + 1.25 * u),
    ]  # fmt: skip


def _limb(
    pen: ImageDraw.ImageDraw, start: tuple[float, float], end: tuple[float, float], width: float, color: Color
) -> None:
    pen.line((*start, *end), fill=color, width=round(width))
    for x, y in (start, end):
        pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=color)


def _darker(color: Color, by: float) -> Color:
    red, green, blue = (round(part * by) for part in color)
    return red, green, blue


def _head(pen: ImageDraw.ImageDraw, person: Person) -> None:
    u, x, y = person.head, person.x, person.y
    pen.ellipse(
        (x - 0.6 * u, y - 0.85 * u, x + 0.6 * u, y + (person.hair_length - 0.2) * u), fill=person.hair
    )
    pen.ellipse((x - 0.5 * u, y - 0.65 * u, x + 0.5 * u, y + person.jaw * u), fill=person.skin)
    pen.chord((x - 0.5 * u, y - 0.72 * u, x + 0.5 * u, y + 0.1 * u), 190, 350, fill=person.hair)
    if person.beard:
        pen.chord((x - 0.45 * u, y - 0.2 * u, x + 0.45 * u, y + person.jaw * u), 20, 160, fill=person.hair)
    for side in (-1, 1):
        eye = x + side * 0.2 * u
        pen.ellipse((eye - 0.1 * u, y - 0.1 * u, eye + 0.1 * u, y + 0.02 * u), fill=(245, 245, 240))
        pen.ellipse((eye - 0.05 * u, y - 0.1 * u, eye + 0.05 * u, y + 0.02 * u), fill=person.eyes)
        pen.line(
            (eye - 0.12 * u, y - 0.19 * u, eye + 0.12 * u, y - 0.2 * u),
            fill=person.hair,
            width=max(1, round(person.brow * u)),
        )
    pen.line(
        (x, y - 0.03 * u, x - 0.03 * u, y + 0.17 * u),
        fill=_darker(person.skin, 0.75),
        width=max(1, round(0.03 * u)),
    )
    pen.ellipse((x - person.mouth * u, y + 0.29 * u, x + person.mouth * u, y + 0.38 * u), fill=(160, 70, 70))


def house_model(rng: Random) -> Scene:
    name, head, y, shoulders = rng.choice([("noa", 76, 124, 1.4), ("mateo", 166, 285, 1.45)])
    with Image.open(ASSETS / f"model-{name}.jpg") as stored:
        picture = stored.convert("RGB").resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    picture = ImageEnhance.Brightness(picture).enhance(rng.uniform(0.75, 1.1))
    if rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    person = replace(make_person(rng), head=head, x=WIDTH / 2, y=y, shoulders=shoulders, hips=0.95)
    # The background is nearly plain, so the layers need no exact outline.
    corner = picture.crop((0, 0, 30, HEIGHT)).resize((1, HEIGHT)).resize(picture.size)
    difference = ImageChops.difference(picture, corner).convert("L")
    mask = difference.point(lambda v: 255 if v > 14 else 0).filter(ImageFilter.MaxFilter(5))
    figure = picture.convert("RGBA")
    figure.putalpha(mask.filter(ImageFilter.MinFilter(3)))
    return Scene(corner, figure, person)


# Results --------------------------------------------------------------------------------------------------


def encode(picture: Image.Image, quality: int = 92) -> bytes:
    out = BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


def with_garment(rng: Random, scene: Scene) -> Scene:
    """Put a garment with a random pattern on the figure: a top, a dress or trousers."""
    person, figure = scene.person, scene.figure.copy()
    texture = _texture(rng)
    mask = Image.new("L", figure.size)
    pen = ImageDraw.Draw(mask)
    kind = rng.choice(["top", "top", "dress", "bottom"])
    u, x, y = person.head, person.x, person.y
    if kind == "bottom" and y + 5 * u < HEIGHT:
        for side in (-1, 1):
            start, end = (x + side * person.hips * 0.42 * u, y + 3.5 * u), (x + side * 0.5 * u, y + 8 * u)
            pen.line((*start, *end), fill=255, width=round(rng.uniform(0.75, 1.0) * u))
        pen.rectangle((x - 0.9 * u, y + 3.3 * u, x + 0.9 * u, y + 3.9 * u), fill=255)
    else:
        length = 5.5 if kind == "dress" else rng.uniform(3.3, 4.2)
        pen.polygon(torso(person, length, rng.uniform(0.95, 1.15)), fill=255)
        if rng.random() < 0.6:
            for side in (-1, 1):
                top = (x + side * (person.shoulders - 0.15) * u, y + 1.45 * u)
                pen.line(
                    (*top, top[0] + side * 0.3 * u, y + rng.uniform(2, 3.6) * u),
                    fill=255,
                    width=round(0.5 * u),
                )
    soft = mask.filter(ImageFilter.GaussianBlur(1.5))
    alpha = ImageChops.lighter(figure.getchannel("A"), soft)
    dressed = Image.composite(texture, figure.convert("RGB"), soft)
    dressed.putalpha(alpha)
    return replace(scene, figure=dressed)


def _texture(rng: Random) -> Image.Image:
    picture = Image.new("RGB", (WIDTH, HEIGHT), _any_color(rng))
    pen, step = ImageDraw.Draw(picture), rng.randint(14, 50)
    kind, color = rng.choice(["plain", "plain", "stripes", "checks", "print"]), _any_color(rng)
    if kind in {"stripes", "checks"}:
        for at in range(0, HEIGHT, step):
            pen.rectangle((0, at, WIDTH, at + step // 2), fill=color)
    if kind == "checks":
        for at in range(0, WIDTH, step):
            pen.rectangle((at, 0, at + step // 3, HEIGHT), fill=color)
    if kind == "print":
        picture = ImageChops.blend(picture, _blots(rng, picture.size, 25, 0, 255), 0.6)
    shade = _blots(rng, picture.size, 60, 0, 40).convert("L")
    return ImageChops.subtract(picture, Image.merge("RGB", (shade,) * 3))


def rendered(rng: Random, picture: Image.Image) -> Image.Image:
    """Change a picture slightly as a vendor does: crop, resize, tone, sharpness and noise."""
    width, height = picture.size
    left, top, right, bottom = (rng.uniform(0, 0.02) for _ in range(4))
    picture = picture.crop(
        (round(left * width), round(top * height), round((1 - right) * width), round((1 - bottom) * height))
    )
    size = rng.choice([(864, 1296), (600, 900), (768, 1152), (512, 768)])
    picture = picture.resize(size, rng.choice([Image.Resampling.LANCZOS, Image.Resampling.BICUBIC]))
    picture = ImageEnhance.Brightness(picture).enhance(rng.uniform(0.96, 1.04))
    picture = ImageEnhance.Color(picture).enhance(rng.uniform(0.95, 1.05))
    picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.2)))
    noise = _noise(rng, picture.size, rng.uniform(1, 8))
    return ImageChops.add(picture, Image.merge("RGB", (noise,) * 3), 1, -128)


def _noise(rng: Random, size: tuple[int, int], strength: float) -> Image.Image:
    table = [max(0, min(255, round(128 + rng.gauss(0, strength)))) for _ in range(256)]
    return Image.frombytes("L", size, rng.randbytes(size[0] * size[1])).point(table)


def good_garment(rng: Random, scene: Scene) -> Image.Image:
    return rendered(rng, with_garment(rng, scene).photo)


def good_sandbox(rng: Random, scene: Scene) -> Image.Image:
    """Let the sandbox draw a product of the example. It finds the heads of the house models only."""
    name, placement = rng.choice(
        [
            ("breton-tee", "top"),
            ("linen-shirt", "top"),
            ("emil-jacket", "outerwear"),
            ("clara-dress", "dress"),
            ("ingrid-coat", "outerwear"),
        ]
    )
    product = (ASSETS / f"{name}.jpg").read_bytes()
    result = draw(encode(scene.photo), product, placement, "jpeg", sample=0, samples=1)
    with Image.open(BytesIO(result)) as picture:
        return rendered(rng, picture.convert("RGB"))


def bad_unchanged(rng: Random, scene: Scene) -> Image.Image:
    return rendered(rng, scene.photo)


def bad_colors(rng: Random, scene: Scene) -> Image.Image:
    """The photo with other colors: another white balance, another hue, or less or more color."""
    picture = rendered(rng, scene.photo)
    kind = rng.choice(["balance", "hue", "color", "light"])
    if kind == "balance":
        gains = [rng.choice([rng.uniform(0.6, 0.85), rng.uniform(1.05, 1.2)]) for _ in range(3)]
        parts = [
            band.point(lambda v, gain=gain: min(255, round(v * gain)))
            for band, gain in zip(picture.split(), gains, strict=True)
        ]
        return Image.merge("RGB", parts)
    if kind == "hue":
        hue, saturation, value = picture.convert("HSV").split()
        turn = rng.randint(12, 110)
        return Image.merge("HSV", (hue.point(lambda v: (v + turn) % 256), saturation, value)).convert("RGB")
    if kind == "color":
        return ImageEnhance.Color(picture).enhance(rng.choice([rng.uniform(0, 0.6), rng.uniform(1.4, 2)]))
    return ImageEnhance.Contrast(ImageEnhance.Brightness(picture).enhance(rng.uniform(0.6, 0.85))).enhance(
        rng.uniform(0.8, 1.2)
    )


def bad_face(rng: Random, scene: Scene) -> Image.Image:
    """A good garment, but the head of another person."""
    dressed = with_garment(rng, scene)
    person = dressed.person
    while True:
        other = replace(make_person(rng), head=person.head * rng.uniform(0.95, 1.05), x=person.x, y=person.y)
        if (
            sum(abs(a - b) for a, b in zip(other.skin + other.hair, person.skin + person.hair, strict=True))
            > 60
        ):
            break
    figure = dressed.figure.copy()
    layer = _figure(other, rng)
    u = person.head
    mask = Image.new("L", figure.size)
    ImageDraw.Draw(mask).ellipse(
        (person.x - 0.75 * u, person.y - 1.0 * u, person.x + 0.75 * u, person.y + 0.85 * u), fill=255
    )
    soft = ImageChops.multiply(mask.filter(ImageFilter.GaussianBlur(4)), layer.getchannel("A"))
    figure.paste(layer, (0, 0), soft)
    return rendered(rng, replace(dressed, figure=figure).photo)


def bad_body(rng: Random, scene: Scene) -> Image.Image:
    """The body narrowed by 8 to 15 %, mostly with a good garment."""
    if rng.random() < 0.7:
        scene = with_garment(rng, scene)
    factor = rng.uniform(0.85, 0.92)
    x = scene.person.x
    figure = scene.figure.transform(
        scene.figure.size,
        Image.Transform.AFFINE,
        (1 / factor, 0, x - x / factor, 0, 1, 0),
        Image.Resampling.BICUBIC,
    )
    return rendered(rng, replace(scene, figure=figure).photo)


def bad_slim(rng: Random, scene: Scene) -> Image.Image:
    """The body narrowed by 8 to 15 % below the neck, with a good garment."""
    scene = with_garment(rng, scene)
    width, height = scene.figure.size
    person, factor = scene.person, rng.uniform(0.85, 0.92)
    neck, shoulders = person.y + 0.7 * person.head, person.y + 1.4 * person.head
    parts: list[tuple[Any, Any]] = []
    for top in range(0, height, 10):
        left = [_narrowed(y, person.x, factor, neck, shoulders, 0) for y in (top, top + 10)]
        right = [_narrowed(y, person.x, factor, neck, shoulders, width) for y in (top, top + 10)]
        corners = (left[0], top, left[1], top + 10, right[1], top + 10, right[0], top)
        parts.append(((0, top, width, top + 10), corners))
    figure = scene.figure.transform(scene.figure.size, Image.Transform.MESH, parts, Image.Resampling.BICUBIC)
    return rendered(rng, replace(scene, figure=figure).photo)


def _narrowed(y: float, middle: float, factor: float, neck: float, shoulders: float, x: float) -> float:
    """Return where a pixel at `x` comes from. The figure is narrowed more and more from the neck down."""
    share = min(1.0, max(0.0, (y - neck) / (shoulders - neck)))
    return middle + (x - middle) * (1 + (1 / factor - 1) * share)


GOOD: dict[str, Callable[[Random, Scene], Image.Image]] = {"garment": good_garment, "sandbox": good_sandbox}
BAD: dict[str, Callable[[Random, Scene], Image.Image]] = {
    "unchanged": bad_unchanged, "colors": bad_colors, "face": bad_face, "body": bad_body,
}  # fmt: skip
HARD: dict[str, Callable[[Random, Scene], Image.Image]] = {"slim": bad_slim}
"""Bad results of which many are missed."""
