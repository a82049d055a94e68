"""Drawn people, from a seeded generator of random numbers.

A scene keeps the figure and the background apart, so that a body can be narrowed before its background.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter

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
    return Scene(_background(rng), draw_figure(person, rng), person)


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
        shirt=any_color(rng),
        trousers=any_color(rng),
        shoulders=rng.uniform(1.15, 1.5),
        hips=rng.uniform(0.85, 1.15),
        head=head,
        x=WIDTH / 2 + rng.uniform(-40, 40),
        y=rng.uniform(110, 190) if not is_close else rng.uniform(180, 260),
    )


def _near(rng: Random, color: Color) -> Color:
    red, green, blue = (max(0, min(255, part + rng.randint(-8, 8))) for part in color)
    return red, green, blue


def any_color(rng: Random) -> Color:
    return rng.randint(15, 245), rng.randint(15, 245), rng.randint(15, 245)


def blots(rng: Random, size: tuple[int, int], cell: int, low: int, high: int) -> Image.Image:
    width, height = max(2, size[0] // cell), max(2, size[1] // cell)
    raw = bytes(rng.randint(low, high) for _ in range(width * height * 3))
    return Image.frombytes("RGB", (width, height), raw).resize(size, Image.Resampling.BICUBIC)


def _background(rng: Random) -> Image.Image:
    kind = rng.choice(["studio", "studio", "room", "street"])
    if kind == "studio":
        light = rng.randint(170, 245)
        shade = Image.radial_gradient("L").resize((WIDTH, HEIGHT)).point(lambda v: light - v // 8)
        return Image.merge("RGB", (shade, shade, shade.point(lambda v: max(0, v - 6))))
    picture = Image.new("RGB", (WIDTH, HEIGHT), any_color(rng))
    pen = ImageDraw.Draw(picture)
    if kind == "room":
        pen.rectangle((0, HEIGHT * 0.8, WIDTH, HEIGHT), fill=any_color(rng))
        for _ in range(rng.randint(2, 5)):
            x, y = rng.randint(-100, WIDTH), rng.randint(0, 600)
            box = (x, y, x + rng.randint(60, 220), y + rng.randint(80, 300))
            pen.rectangle(box, fill=any_color(rng), outline=any_color(rng), width=5)
        return picture.filter(ImageFilter.GaussianBlur(2))
    return ImageChops.blend(blots(rng, picture.size, 40, 40, 220), picture, 0.4)


def draw_figure(person: Person, rng: Random) -> Image.Image:
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
    grain = blots(rng, layer.size, 18, 0, 46).convert("L")
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


def encode(picture: Image.Image, quality: int = 92) -> bytes:
    out = BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()
