"""`manage.py vton_doctor`: run the health checks, for people or (with --json) for a monitor."""

from __future__ import annotations

import dataclasses
import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from ...monitoring.health_checks import run_health_checks


class Command(BaseCommand):
    help = (
        "Checks whether try-on can work here, and prints how to fix problems. Exits with 1 if a check fails."
    )
    # The health checks include Django's system checks.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--products",
            action="store_true",
            help="Check the images of all products first, and list the problems.",
        )
        parser.add_argument("--json", action="store_true", help="Print a list of {name, ok, text}.")

    def handle(self, *_args: Any, **options: Any) -> None:
        results = run_health_checks(with_products=options["products"])
        if options["json"]:
            self.stdout.write(json.dumps([dataclasses.asdict(result) for result in results], indent=2))
        else:
            for result in results:
                sign = self.style.SUCCESS("ok    ") if result.ok else self.style.ERROR("FAILED")
                self.stdout.write(f"{sign} {result.name}: {result.text}")
        if not all(result.ok for result in results):
            raise SystemExit(1)
