"""`manage.py vton_doctor`: run the health checks, for people or (with --json) for a monitor."""

from __future__ import annotations

import dataclasses
import json
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from ...gateway.engines import engines
from ...monitoring import live
from ...monitoring.health_checks import CheckResult, run_health_checks
from ..foreground import INTERRUPTED


class Command(BaseCommand):
    help = (
        "Checks whether try-on can work here, and prints how to fix problems. With --live ENGINE, tries "
        "instead whether this shop and the gateway reach each other, step by step, and names the one thing "
        "to mend; with --spend as well, makes one real try-on, which costs its price. Exits with 0 if all is "
        "well, with 1 if a check or a step fails, with 2 if the arguments are wrong, and with 130 if it was "
        "interrupted."
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
        parser.add_argument(
            "--live",
            metavar="ENGINE",
            help="Try the first contact with the gateway, such as with fashn-v1.6. Free without --spend.",
        )
        parser.add_argument(
            "--spend", action="store_true", help="With --live: go on and make one try-on, which is charged."
        )
        parser.add_argument(
            "--product",
            default="",
            metavar="REF",
            help='With --live: the product, such as "shop.product:42". Otherwise the first that suits.',
        )
        parser.add_argument(
            "--house-model",
            default="",
            metavar="NAME",
            help="With --live: the house model, by name or id. Otherwise the first that suits.",
        )
        parser.add_argument(
            "--split-dns",
            action="store_true",
            help="With --live: the shop's name has a private address here, and a public one on the internet.",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["live"] is None:
            for name in ("spend", "product", "house_model", "split_dns"):
                if options[name]:
                    raise CommandError(f"--{name.replace('_', '-')} needs --live ENGINE.", returncode=2)
            results = run_health_checks(with_products=options["products"])
            self._print(results, as_json=options["json"])
            if not all(result.ok for result in results):
                raise SystemExit(1)
            return
        with translation.override("en"):
            self._make_contact(options)

    def _print(self, results: list[CheckResult], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps([dataclasses.asdict(result) for result in results], indent=2))
            return
        for result in results:
            self._write(result.name, result.text, is_ok=result.ok)

    def _write(self, name: str, text: str, *, is_ok: bool, is_warning: bool = False) -> None:
        sign = self.style.SUCCESS("ok    ") if is_ok else self.style.ERROR("FAILED")
        sign = self.style.WARNING("note  ") if is_warning else sign
        self.stdout.write(f"{sign} {name}: {text}")

    def _make_contact(self, options: dict[str, Any]) -> None:
        """Run the steps of the first contact. Exit with 1 at the first problem."""
        engine = engines().get(options["live"])
        if engine is None:
            raise CommandError(f"--live needs one of these engines: {', '.join(engines())}.", returncode=2)
        contact = live.Contact(
            engine=engine,
            product=options["product"],
            house_model=options["house_model"],
            has_split_dns=options["split_dns"],
        )
        found: list[live.Finding] = []
        try:
            for finding in self._findings(contact, spend=options["spend"]):
                found.append(finding)
                if not options["json"]:
                    self._write(
                        finding.step,
                        finding.words,
                        is_ok=not finding.is_problem,
                        is_warning=finding.is_warning,
                    )
        except KeyboardInterrupt:
            text = "Interrupted. If a try-on was ordered, the workers finish it, and the admin shows it."
            raise CommandError(text, returncode=INTERRUPTED) from None
        problem = next((finding for finding in found if finding.is_problem), None)
        if options["json"]:
            results = [CheckResult(it.step, not it.is_problem, it.words) for it in found]
            self._print(results, as_json=True)
        else:
            self._conclude(contact, found, problem, spend=options["spend"])
        if problem is not None:
            raise SystemExit(1)

    def _findings(self, contact: live.Contact, *, spend: bool) -> Iterator[live.Finding]:
        finding = None
        for finding in live.free_steps(contact):
            yield finding
        if spend and finding is not None and not finding.is_problem:
            yield from live.paid_steps(contact)

    def _conclude(
        self, contact: live.Contact, found: list[live.Finding], problem: live.Finding | None, *, spend: bool
    ) -> None:
        self.stdout.write("")
        if problem is not None:
            seen = {finding.step for finding in found}
            names = [name for name in live.STEPS if name not in seen]
            if names:
                self.stdout.write(f"Not tried: {', '.join(names)}.")
            self.stdout.write(f"To mend: {problem.step}. {problem.remedy}")
        elif spend:
            self.stdout.write(f"{contact.engine.name} works: each step of a real try-on has succeeded.")
        else:
            self.stdout.write("Nothing was sent that costs money. Add --spend to make this try-on.")
