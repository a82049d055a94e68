"""`manage.py vton_render PRODUCT PHOTO -o out.png`: one try-on, from a product and a photo to files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ... import images, intake
from ...exceptions import Refused
from ...gateway.circuit_breaker import BREAKERS
from ...models import GatewayState, TryOnRequest
from ...models.states import TERMINAL, State
from ...utils.money import usd
from ..progress import TICK, driving
from ..terminal import Line, engine_options, person

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from ...models import TryOnImage

TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
INTERRUPTED = 130


class Command(BaseCommand):
    help = (
        "Renders one product on one photo, says the price first, waits, and writes the picture. The same "
        "call again is not paid again. A photo from a file is kept as a shopper's is: private, and deleted "
        "by the same clock; use photos of people who agreed. Ends with 0 where the picture is written, 1 "
        "where it was refused or failed, 130 where it was interrupted: what was paid goes on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("product", help='For example "shop.product:42".')
        parser.add_argument("photo", help="A file, or a house model's name or id.")
        parser.add_argument("-o", "--output", type=Path, required=True, help="A .png or .jpg file.")
        parser.add_argument(
            "--option", action="append", default=[], metavar="NAME=VALUE", help="An option of the engine."
        )

    def handle(self, *_args: Any, product: str, photo: str, output: Path, **options: Any) -> None:
        if output.suffix.lower() not in TYPES or not output.parent.is_dir():
            raise CommandError(f"{output} is no .png or .jpg file in a folder that is there.")
        try:
            prepared = intake.prepare_render(product, person(photo), engine_options(options["option"]))
            price = usd(prepared.price)
            self.stdout.write(f"{prepared.row.product_title}, {prepared.row.engine}: {price}")
            began = timezone.now()
            render = intake.request_render(prepared).request
        except (Refused, images.ImageRefused) as refusal:
            words = refusal.detail if isinstance(refusal, Refused) else refusal.message
            raise CommandError(str(words)) from refusal
        if render.created_at < began:
            self.stdout.write("It was asked for before: nothing is paid again.")
        self._wait(render)
        for path, image in zip(_paths(output, render), render.images.all(), strict=True):
            path.write_bytes(_as_type(image, TYPES[output.suffix.lower()]))
            self.stdout.write(f"{path}: {image.width} x {image.height} pixels")

    def _wait(self, render: TryOnRequest) -> None:
        """Until it has ended; raises where it has no picture, or where nobody wants to wait any more."""
        line = Line(self.stdout)
        told = ""
        try:
            with driving() as stop:
                render.refresh_from_db()
                while render.state not in TERMINAL and not stop.is_set():
                    trouble = _trouble(render)
                    if trouble != told:
                        line.end()
                        self.stderr.write(trouble or "The picture service takes try-ons again.")
                        told = trouble
                    line.draw(f"{State(render.state).label} ...")
                    stop.wait(TICK)
                    render.refresh_from_db()
        except KeyboardInterrupt:
            pass
        finally:
            line.end()
        render.refresh_from_db()
        if render.state not in TERMINAL:
            words = "Stopped waiting. It goes on where a worker runs; the same call finds it, paid once."
            raise CommandError(words, returncode=INTERRUPTED)
        if render.state != State.COMPLETED:
            raise CommandError(render.error_message or "It was canceled.")


def _trouble(render: TryOnRequest) -> str:
    """Why nothing is sent, if nothing is."""
    breaker = GatewayState.objects.filter(pk=render.engine).values_list("breaker", flat=True).first()
    if not breaker or render.state != State.QUEUED:
        return ""
    words = {str(status.value): words for status, words in BREAKERS.items()}
    return (
        f"The picture service refuses: {words.get(breaker, breaker)}. Waiting until somebody has seen to it."
    )


def _paths(output: Path, render: TryOnRequest) -> list[Path]:
    """out.png, and for further pictures out-2.png."""
    further = (output.with_stem(f"{output.stem}-{number}") for number in range(2, render.image_count + 1))
    return [output, *further]


def _as_type(image: TryOnImage, content_type: str) -> bytes:
    with image.file.open("rb") as stored:
        data = bytes(stored.read())
    return data if image.content_type == content_type else images.result_as(data, content_type).data
