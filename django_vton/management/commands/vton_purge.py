"""`manage.py vton_purge`: delete expired data, as the schedule does every hour."""

from __future__ import annotations

import math
from typing import Any

from django.core.management.base import BaseCommand

from ... import privacy
from ...batches.releases import end_releases


class Command(BaseCommand):
    help = (
        "Deletes expired photos and results, and orphaned files, and ends expired releases. Safe to repeat."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        if removed := end_releases(seconds=math.inf):
            self.stdout.write(f"renders of ended releases: {removed} removed from the shop")
        for name, count in privacy.purge(seconds=None).items():
            self.stdout.write(f"{name}: {count} deleted")
