"""`manage.py vton_pump`: the worker's loop in the foreground, in place of a queue or beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from ... import pump

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Drives due try-ons in the foreground until it is stopped; with --once, until none is due."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="End when nothing is due any more.")

    def handle(self, *_args: Any, once: bool, **_options: Any) -> None:
        if once:
            pump.drain()
            return
        self.stdout.write("Driving try-ons. Ctrl-C stops.")
        try:
            pump.run(forever=True)
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")
