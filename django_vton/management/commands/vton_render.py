"""`manage.py vton_render PRODUCT PHOTO -o out.png`: render one product on one photo, and save the images."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ... import images, marks, products, rendering
from ...exceptions import Refused
from ...gateway import engines
from ...health import facts, notice
from ...models import TryOnImage, TryOnRequest
from ...models.states import TERMINAL, State
from ...utils import clock
from ...utils.money import format_usd
from ..arguments import engine_options, find_house_model
from ..foreground import INTERRUPTED, dispatch_until_done

CONTENT_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}


class Command(BaseCommand):
    help = (
        "Renders one product on one photo: prints the price, waits, and saves the image. Running the same "
        "command again costs nothing. A photo from a file is stored like a shopper's photo: private, and "
        "deleted after PHOTO_RETENTION. Use photos of people who agreed. Exits with 0 if the image is saved, "
        "1 if the render was refused or failed, and 130 if it was interrupted. A worker then continues it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("product", help='Such as "shop.product:42".')
        parser.add_argument("photo", help="A file, or a house model's name or id.")
        parser.add_argument("-o", "--output", type=Path, required=True, help="A .png or .jpg file.")
        parser.add_argument(
            "--option", action="append", default=[], metavar="NAME=VALUE", help="An option of the engine."
        )

    def handle(self, *_args: Any, product: str, photo: str, output: Path, **options: Any) -> None:
        if output.suffix.lower() not in CONTENT_TYPES or not output.parent.is_dir():
            raise CommandError(f"{output} is not a .png or .jpg file in an existing folder.")
        try:
            by_engine = engine_options(options["option"])
            chosen = {name: value for values in by_engine.values() for name, value in values.items()}
            described = products.find(product)
            price = engines.price(described.engine.name, described.clean_merchant_options(chosen))
            self.stdout.write(f"{described.title}, {described.engine.name}: {format_usd(price)}")
            began = clock.now()
            person = Path(photo) if Path(photo).is_file() else find_house_model(photo)
            render = rendering.render(product, person, **chosen)
        except (Refused, images.ImageRefused) as refusal:
            text = refusal.detail if isinstance(refusal, Refused) else refusal.message
            raise CommandError(str(text)) from refusal
        except OSError as error:
            raise CommandError(str(error)) from error
        if render.created_at < began:
            self.stdout.write("This render was ordered before, so nothing is paid again.")
        self._wait(render)
        for path, image in zip(_paths(output, render), render.images.all(), strict=True):
            path.write_bytes(_read_as(image, CONTENT_TYPES[output.suffix.lower()]))
            self.stdout.write(f"{path}: {image.width} x {image.height} pixels")

    def _wait(self, render: TryOnRequest) -> None:
        """Wait until the render has ended. Raise `CommandError` on Ctrl-C or if the render has no image."""

        def get_progress() -> str | None:
            render.refresh_from_db()
            return None if render.state in TERMINAL else _progress_line(render)

        dispatch_until_done(self.stdout, get_progress)
        render.refresh_from_db()
        if render.state not in TERMINAL:
            text = "Interrupted. A worker continues the render. Run the same command again to save its image."
            raise CommandError(text, returncode=INTERRUPTED)
        if render.state != State.COMPLETED:
            raise CommandError(render.error_message or "The render was canceled.")


def _progress_line(render: TryOnRequest) -> str:
    """Return the render's state. While it waits because no render can be made, return the reason."""
    if render.state == State.QUEUED:
        for fact in facts.gateway():
            if fact.engine == render.engine:
                return f"Waiting. {notice(fact.cause).summary}"
    return f"{State(render.state).label} ..."


def _paths(output: Path, render: TryOnRequest) -> list[Path]:
    """Return a path for each image: out.png, out-2.png, and so on."""
    further = (output.with_stem(f"{output.stem}-{number}") for number in range(2, render.image_count + 1))
    return [output, *further]


def _read_as(image: TryOnImage, content_type: str) -> bytes:
    with image.file.open("rb") as stored:
        data = bytes(stored.read())
    if image.content_type != content_type:
        data = images.convert_result(data, content_type).data
    return marks.mark_image(data)
