"""`manage.py vton_batch`: render many products on house models, from a shell or a cron job."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldError, ValidationError
from django.core.management.base import BaseCommand, CommandError

from ... import batches
from ...batches.waiting import waiting_reasons
from ...exceptions import ProductNotRegistered, Refused
from ...models import Batch
from ...products import reference, tryon_for
from ...utils.money import format_usd
from ..arguments import engine_options, find_house_model
from ..foreground import INTERRUPTED, dispatch_until_done

MAX_LISTED = 10
"""The maximum number of products in a list. The admin shows all of them."""


class Command(BaseCommand):
    help = (
        "Renders products on house models: prints the number and the price, asks for confirmation, and "
        "prints the progress. Existing renders are not paid again. Exits with 0 if all are completed, 1 if "
        "some are not, and 130 if it was interrupted. A worker then continues the batch."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        group = parser.add_argument_group("products")
        group.add_argument(
            "--product",
            nargs="+",
            action="extend",
            default=[],
            metavar="REF",
            help='Such as "shop.product:42".',
        )
        group.add_argument(
            "--all", metavar="MODEL", help='All products of a registered model, such as "shop.Product".'
        )
        group.add_argument(
            "--filter", action="append", default=[], metavar="FIELD=VALUE", help="Restricts --all."
        )
        group.add_argument(
            "--missing", action="store_true", help="Only products that lack a render on one of the models."
        )
        group.add_argument(
            "--outdated",
            action="store_true",
            help="Only products whose image has changed since a render. With --missing: both.",
        )
        parser.add_argument("--on", nargs="+", default=[], metavar="NAME", help="House models: names or ids.")
        parser.add_argument(
            "--option", action="append", default=[], metavar="NAME=VALUE", help="An option of the engine."
        )
        parser.add_argument("--name", default="", help="The batch's name.")
        parser.add_argument("--dry-run", action="store_true", help="Only print the number and the price.")
        parser.add_argument("--yes", action="store_true", help="Do not ask for confirmation.")
        parser.add_argument(
            "--resume", type=int, metavar="ID", help="Resume a batch, and print its progress."
        )

    def handle(self, *_args: Any, resume: int | None, **options: Any) -> None:
        try:
            batch = self._create_draft(**options) if resume is None else self._resume(resume)
            if batch is None:
                return
            if batch.status == Batch.Status.DRAFT and not self._start(batch, resume is None, **options):
                return
        except Refused as refusal:
            raise CommandError(str(refusal.detail)) from refusal
        self._wait(batch)

    def _create_draft(self, **options: Any) -> Batch | None:
        """Return the draft, or None if --missing or --outdated select no product, as in most nights."""
        house_models = [find_house_model(name) for name in options["on"]]
        by_engine = engine_options(options["option"])
        refs = [*options["product"]]
        if options["all"]:
            refs += _find_products(options["all"], options["filter"])
        is_selection = options["missing"] or options["outdated"]
        if not house_models or not (refs or (is_selection and options["all"])):
            raise CommandError("Nothing to render: give products (--product, --all) and models (--on).")
        if is_selection:
            selects = [getattr(batches, name) for name in ("missing", "outdated") if options[name]]
            found = {ref for select in selects for ref in select(refs, house_models, options=by_engine)}
            refs = [ref for ref in refs if ref in found]
        if not refs:
            self.stdout.write("There is nothing to render.")
            return None
        return batches.draft(refs, house_models, options=by_engine, name=options["name"])

    def _start(self, batch: Batch, is_new: bool, *, dry_run: bool, yes: bool, **_options: Any) -> bool:
        """Print the price and start the batch if the user confirms. Otherwise delete the batch if it is new.

        Return whether it was started.
        """
        preview = batches.preview(batch)
        shared = f", {preview.shared} share a picture" if preview.shared else ""
        self.stdout.write(
            f"{preview.renders} renders, {preview.existing} of them exist{shared}:"
            f" {format_usd(preview.price)}"
            f" (at most {format_usd(preview.max_price)}, if product images have changed)."
        )
        if refs := preview.unavailable:
            listed = ", ".join(refs[:MAX_LISTED]) + (", ..." if len(refs) > MAX_LISTED else "")
            self.stdout.write(f"{len(refs)} products cannot be tried on now: {listed}")
        if not preview.fits_budget:
            left = format_usd(preview.budget_left or 0)
            self.stdout.write(f"The budget has {left} left. The other renders wait for the next period.")
        is_started = False
        try:
            is_started = not dry_run and (yes or _is_confirmed()) and batches.confirm(batch)
        finally:
            if is_new and not is_started:
                batch.delete()
        return is_started

    def _resume(self, pk: int) -> Batch:
        batch = Batch.objects.filter(pk=pk).first()
        if batch is None or batch.status == Batch.Status.CANCELED:
            raise CommandError(f"There is no batch {pk} that can be resumed.")
        batches.resume(batch)
        return batch

    def _wait(self, batch: Batch) -> None:
        """Wait until the batch is finished. Raise `CommandError` on Ctrl-C or if a render is incomplete."""

        def get_progress() -> str | None:
            now = batches.progress(batch)
            return None if now.is_finished else _progress_line(batch, now)

        self.stdout.write(f"Batch {batch.pk}.")
        dispatch_until_done(self.stdout, get_progress)
        now = batches.progress(batch)
        self.stdout.write(_progress_line(batch, now))
        if not now.is_finished:
            text = f"Interrupted. A worker continues the batch. To follow it, use --resume {batch.pk}."
            raise CommandError(text, returncode=INTERRUPTED)
        if now.completed < now.total:
            problems = batch.renders.exclude(problem="").values_list("product", "problem")[:MAX_LISTED]
            lines = "".join(f"\n  {product}: {problem}" for product, problem in problems)
            raise CommandError(f"{now.total - now.completed} renders are not completed.{lines}")


def _is_confirmed() -> bool:
    if not sys.stdin.isatty():
        raise CommandError("Cannot ask for confirmation without a terminal. Pass --yes.")
    return input("Start? [y/N] ").strip().lower() in ("y", "yes")


def _find_products(label: str, filters: list[str]) -> list[str]:
    """Return references to the products of a model, as the shop's `get_queryset` selects them."""
    lookups = dict(pair.split("=", 1) for pair in filters if "=" in pair)
    try:
        rows = tryon_for(apps.get_model(label)).get_queryset().filter(**lookups)
        return [reference(product) for product in rows.iterator(chunk_size=500)]
    except (LookupError, ValueError, ProductNotRegistered) as error:
        raise CommandError(f"{label!r} is not a model that is registered for try-on: {error}") from error
    except (FieldError, ValidationError) as error:
        raise CommandError(str(error)) from error


def _progress_line(batch: Batch, now: batches.Progress) -> str:
    parts = [f"{now.ended}/{now.total}"]
    names = ("running", "failed", "refused", "canceled", "dropped")
    parts += [f"{count} {name}" for name in names if (count := getattr(now, name))]
    until = f" until {now.waiting_until:%Y-%m-%d %H:%M %Z}" if now.waiting_until else ""
    parts += [f"waiting{until}: {reason}" for reason in waiting_reasons(batch, now)]
    return ", ".join([*parts, f"{format_usd(now.spent)} spent"])
