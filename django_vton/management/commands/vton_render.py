"""`manage.py vton_render PRODUCT PHOTO -o out.png`: render one product on one photo, and save the images."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ... import images, products, rendering
from ...exceptions import Refused
from ...gateway import engines
from ...models import GatewayState, TryOnImage, TryOnRequest
from ...models.states import TERMINAL, State
from ...monitoring.mail import BREAKER_REASONS
from ...utils.money import format_usd
from ..arguments import engine_options, person_photo
from ..foreground import INTERRUPTED, POLL_INTERVAL_SECONDS, run_dispatcher

CONTENT_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}


class Command(BaseCommand):
    help = (
        "Renders one product on one photo: prints the price, waits, and saves the image. The same call again "
        "is not paid again. A photo from a file is stored like a shopper's: private, and deleted after "
        "PHOTO_RETENTION; use photos of people who agreed. Exits with 0 if the image is saved, 1 if it was "
        "refused or failed, and 130 if it was interrupted; a paid render then continues on a worker."
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
            began = timezone.now()
            render = rendering.render(product, person_photo(photo), **chosen)
        except (Refused, images.ImageRefused) as refusal:
            text = refusal.detail if isinstance(refusal, Refused) else refusal.message
            raise CommandError(str(text)) from refusal
        except OSError as error:
            raise CommandError(str(error)) from error
        if render.created_at < began:
            self.stdout.write("It was ordered before: nothing is paid again.")
        self._wait(render)
        for path, image in zip(_paths(output, render), render.images.all(), strict=True):
            path.write_bytes(_read_as(image, CONTENT_TYPES[output.suffix.lower()]))
            self.stdout.write(f"{path}: {image.width} x {image.height} pixels")

    def _wait(self, render: TryOnRequest) -> None:
        """Wait until the render has ended. Raise CommandError if it has no image or this is interrupted."""
        written = ""
        try:
            with run_dispatcher() as stop:
                render.refresh_from_db()
                while render.state not in TERMINAL and not stop.is_set():
                    if (line := _status(render)) != written:
                        self.stdout.write(line)
                        written = line
                    stop.wait(POLL_INTERVAL_SECONDS)
                    render.refresh_from_db()
        except KeyboardInterrupt:
            pass
        render.refresh_from_db()
        if render.state not in TERMINAL:
            text = "Interrupted. The render continues on a worker; the same call finds it and pays nothing."
            raise CommandError(text, returncode=INTERRUPTED)
        if render.state != State.COMPLETED:
            raise CommandError(render.error_message or "It was canceled.")


def _status(render: TryOnRequest) -> str:
    """Return the state or, if the circuit breaker is open, why the render is not sent."""
    breaker = GatewayState.objects.filter(pk=render.engine).values_list("breaker", flat=True).first()
    if not breaker or render.state != State.QUEUED:
        return f"{State(render.state).label} ..."
    return f"Waiting, because Pixazo refuses renders: {BREAKER_REASONS.get(breaker, breaker)}."


def _paths(output: Path, render: TryOnRequest) -> list[Path]:
    """Return out.png and, for more images, out-2.png and so on."""
    further = (output.with_stem(f"{output.stem}-{number}") for number in range(2, render.image_count + 1))
    return [output, *further]


def _read_as(image: TryOnImage, content_type: str) -> bytes:
    with image.file.open("rb") as stored:
        data = bytes(stored.read())
    return data if image.content_type == content_type else images.convert_result(data, content_type).data
