"""`manage.py vton_batch`: renders of many products on house models, from a command line or a cron job."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.exceptions import FieldError, ValidationError
from django.core.management.base import BaseCommand, CommandError

from ... import batches
from ...exceptions import ProductNotRegistered, Refused
from ...models import Batch
from ...products import reference, tryon_for
from ...utils.money import usd
from ..progress import TICK, driving
from ..terminal import Line, bar, engine_options, house_model

if TYPE_CHECKING:
    from argparse import ArgumentParser

INTERRUPTED = 130
FEW = 10
"""So many products are named; the admin shows all."""


class Command(BaseCommand):
    help = (
        "Renders products on house models: says how many and what it costs, asks, and shows how far it is. "
        "Renders that are there already are not paid again. Ends with 0 where all are completed, 1 where "
        "some are not, 130 where it was interrupted: the batch goes on where a worker runs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        chosen = parser.add_argument_group("products")
        chosen.add_argument(
            "--product", nargs="+", action="extend", default=[], metavar="REF", help='As "shop.product:42".'
        )
        chosen.add_argument("--all", metavar="MODEL", help='All of a registered model, as "shop.Product".')
        chosen.add_argument(
            "--filter", action="append", default=[], metavar="FIELD=VALUE", help="Of all, only these."
        )
        chosen.add_argument(
            "--missing", action="store_true", help="Of these, only what has a render to come."
        )
        parser.add_argument("--on", nargs="+", default=[], metavar="NAME", help="House models: names or ids.")
        parser.add_argument(
            "--option", action="append", default=[], metavar="NAME=VALUE", help="An option of the engine."
        )
        parser.add_argument("--name", default="", help="The batch's name.")
        parser.add_argument("--dry-run", action="store_true", help="Only say how many and what it costs.")
        parser.add_argument("--yes", action="store_true", help="Do not ask.")
        parser.add_argument("--resume", type=int, metavar="ID", help="Go on with a batch, and watch it.")

    def handle(self, *_args: Any, resume: int | None, **options: Any) -> None:
        try:
            batch = self._draft(**options) if resume is None else self._find(resume)
            if batch.status == Batch.Status.DRAFT and not self._begin(batch, resume is None, **options):
                return
        except Refused as refusal:
            raise CommandError(str(refusal.detail)) from refusal
        self._watch(batch)

    def _draft(self, **options: Any) -> Batch:
        house_models = [house_model(name) for name in options["on"]]
        engine_wishes = engine_options(options["option"])
        refs = [*options["product"]]
        if options["all"]:
            refs += _of_model(options["all"], options["filter"])
        if options["missing"]:
            refs = batches.missing(refs, house_models, options=engine_wishes)
        if not refs or not house_models:
            raise CommandError(
                "Nothing is left to render: name products (--product, --all) and models (--on)."
            )
        return batches.draft(refs, house_models, options=engine_wishes, name=options["name"])

    def _begin(self, batch: Batch, is_new: bool, *, dry_run: bool, yes: bool, **_options: Any) -> bool:
        """Say the price, and let it run where that is wanted; a draft of our own that is not, goes."""
        seen = batches.preview(batch)
        self.stdout.write(
            f"{seen.renders} renders, {seen.present} of them there already: {usd(seen.price)}"
            f" (at most {usd(seen.price_at_most)}, where pictures have changed)."
        )
        if seen.impossible:
            self.stdout.write(
                f"{len(seen.impossible)} products cannot be tried on now: {_some(seen.impossible)}"
            )
        if not seen.fits:
            self.stdout.write(f"The budget has {usd(seen.left or 0)} left; the rest waits for the next one.")
        begins = False
        try:
            begins = not dry_run and (yes or self._is_wanted()) and batches.confirm(batch)
        finally:
            if is_new and not begins:
                batch.delete()
        return begins

    def _is_wanted(self) -> bool:
        if not sys.stdin.isatty():
            raise CommandError("Nobody is there to ask: say --yes.")
        return input("Start? [y/N] ").strip().lower() in ("y", "yes")

    def _find(self, pk: int) -> Batch:
        batch = Batch.objects.filter(pk=pk).first()
        if batch is None or batch.status == Batch.Status.CANCELED:
            raise CommandError(f"There is no batch {pk} that could go on.")
        batches.resume(batch)
        return batch

    def _watch(self, batch: Batch) -> None:
        self.stdout.write(f"Batch {batch.pk}.")
        line = Line(self.stdout)
        try:
            with driving() as stop:
                while not (now := batches.progress(batch)).is_finished and not stop.is_set():
                    line.draw(_words(now))
                    stop.wait(TICK)
        except KeyboardInterrupt:
            pass
        finally:
            line.end()
        now = batches.progress(batch)
        self.stdout.write(_words(now))
        if not now.is_finished:
            words = f"Stopped watching. It goes on where a worker runs; watch with --resume {batch.pk}."
            raise CommandError(words, returncode=INTERRUPTED)
        if now.completed < now.total:
            problems = batch.renders.exclude(problem="").values_list("product", "problem")[:FEW]
            told = "".join(f"\n  {product}: {problem}" for product, problem in problems)
            raise CommandError(f"{now.total - now.completed} renders are not completed.{told}")


def _of_model(label: str, filters: list[str]) -> list[str]:
    """The references of a model's products, as the shop lets them be found."""
    pairs = dict(pair.split("=", 1) for pair in filters if "=" in pair)
    try:
        rows = tryon_for(apps.get_model(label)).get_queryset().filter(**pairs)
        return [reference(product) for product in rows.iterator(chunk_size=500)]
    except (LookupError, ValueError, ProductNotRegistered) as error:
        raise CommandError(f"{label!r} is no model that is registered for try-on: {error}") from error
    except (FieldError, ValidationError) as error:
        raise CommandError(str(error)) from error


def _some(refs: list[str]) -> str:
    return ", ".join(refs[:FEW]) + (", ..." if len(refs) > FEW else "")


def _words(now: batches.Progress) -> str:
    parts = [f"{now.running} running"] if now.running else []
    names = ("failed", "refused", "canceled", "dropped")
    parts += [f"{count} {name}" for name in names if (count := getattr(now, name))]
    if now.waits_for:
        until = f" until {now.waits_until:%Y-%m-%d %H:%M %Z}" if now.waits_until else ""
        parts.append(f"waits: {now.waits_for}{until}")
    return ", ".join([bar(now.ended, now.total), *parts, f"{usd(now.spent)} spent"])
