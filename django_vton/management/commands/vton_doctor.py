"""`manage.py vton_doctor`: is this install able to work? For people, and with --json for a monitor."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from ... import health

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = (
        "Tells whether try-on can work here, and what to do where not; ends with 1 where anything is wrong."
    )
    # It reports them itself, beside the rest.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="A list of {name, ok, text}, for a monitor.")

    def handle(self, *_args: Any, **options: Any) -> None:
        findings = health.examine()
        if options["json"]:
            self.stdout.write(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2))
        else:
            for finding in findings:
                sign = self.style.SUCCESS("ok   ") if finding.ok else self.style.ERROR("WRONG")
                self.stdout.write(f"{sign} {finding.name}: {finding.text}")
        if not all(finding.ok for finding in findings):
            raise SystemExit(1)
