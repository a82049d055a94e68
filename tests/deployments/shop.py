"""The example shop in a deployment: its processes run with settings of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..live_shop import RunningShop, ShopperClient

BOOKS = """
import json
from django_vton.models import Attempt, BudgetPeriod, TryOnRequest
from tests.lifecycle.invariants import check_books
check_books()
day = BudgetPeriod.objects.get(kind="day")
print(json.dumps({
    "states": sorted(TryOnRequest.objects.values_list("state", flat=True)),
    "ids": sorted(Attempt.objects.exclude(vendor_id=None).values_list("vendor_id", flat=True)),
    "posted": Attempt.objects.exclude(posted_at=None).count(),
    "held": day.held,
    "spent": day.spent,
}))
"""


class DeployedShop(RunningShop):
    """Runs with the settings module `settings`. `databases` are the aliases whose tables are created."""

    def __init__(
        self, folder: Path, settings: str, databases: tuple[str, ...] = ("default",), **env: str
    ) -> None:
        super().__init__(folder, seconds=0.1, env={"DJANGO_SETTINGS_MODULE": settings, **env})
        self.databases = databases

    def run_code(self, code: str) -> str:
        """Run Python code with the shop's settings; return what it prints."""
        return self.manage("shell", "--verbosity", "0", "--command", code)

    def tab_of(self, shopper: ShopperClient) -> ShopperClient:
        """Return another tab of a browser that has started an order."""
        tab = self.shopper()
        tab.http.cookies.update(shopper.http.cookies)
        tab.http.headers["X-CSRFToken"] = shopper.http.headers["X-CSRFToken"]
        return tab

    def check_money(self) -> list[str]:
        """Assert that the gateway's ledger, the attempts and the budget agree; return the try-ons' states."""
        books: dict[str, Any] = json.loads(self.run_code(BOOKS).splitlines()[-1])
        charged = [entry for entry in self.gateway.ledger.entries if entry.request_id]
        assert books["ids"] == sorted(str(entry.request_id) for entry in charged)
        assert books["posted"] == len(self.gateway.ledger.entries)
        assert (books["held"], books["spent"]) == (0, sum(entry.amount for entry in charged))
        return list(books["states"])
