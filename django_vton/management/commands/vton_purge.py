"""`manage.py vton_purge`: delete expired data, as the schedule does every hour."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from ... import privacy


class Command(BaseCommand):
    help = "Deletes expired photos and results, and orphaned files. Safe to repeat."

    def handle(self, *_args: Any, **_options: Any) -> None:
        for name, count in privacy.purge(seconds=None).items():
            self.stdout.write(f"{name}: {count} deleted")
