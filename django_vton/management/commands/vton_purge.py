"""`manage.py vton_purge`: what the schedule does every hour, at once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from ... import privacy


class Command(BaseCommand):
    help = "Deletes photos, results and left-over files that have had their time. Safe to repeat."

    def handle(self, *_args: Any, **_options: Any) -> None:
        for what, count in privacy.purge(seconds=None).items():
            self.stdout.write(f"{what}: {count} deleted")
