"""Good and bad results of try-ons on drawn people, from a seeded generator of random numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter

from django_vton.sandbox.drawing import draw
from tests.images.scenes import (
    ASSETS,
    HEIGHT,
    WIDTH,
    Random,
    Scene,
    any_color,
    blots,
    draw_figure,
    encode,
    make_person,
    torso,
)


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
    picture = Image.new("RGB", (WIDTH, HEIGHT), any_color(rng))
    pen, step = ImageDraw.Draw(picture), rng.randint(14, 50)
    kind, color = rng.choice(["plain", "plain", "stripes", "checks", "print"]), any_color(rng)
    if kind in {"stripes", "checks"}:
        for at in range(0, HEIGHT, step):
            pen.rectangle((0, at, WIDTH, at + step // 2), fill=color)
    if kind == "checks":
        for at in range(0, WIDTH, step):
            pen.rectangle((at, 0, at + step // 3, HEIGHT), fill=color)
    if kind == "print":
        picture = ImageChops.blend(picture, blots(rng, picture.size, 25, 0, 255), 0.6)
    shade = blots(rng, picture.size, 60, 0, 40).convert("L")
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
    layer = draw_figure(other, rng)
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
