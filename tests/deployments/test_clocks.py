"""Hosts whose clocks are ahead or are set while a try-on runs, with real processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tests.faults.cluster import own_database
from tests.live_shop import RunningShop, ShopperClient, phone_photo, wait_until

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3600

HEALTH_CHECK = """
from django_vton.monitoring.health_checks import run_health_checks
print([check.text for check in run_health_checks() if check.name == "clock"])
"""


class ClockShop(RunningShop):
    """The processes `web` and `workers` are each on a host with its own clock."""

    settings: ClassVar = "tests.deployments.settings_clock"

    def _spawn(self, name: str, *args: str) -> None:
        self.env["HOST_CLOCK"] = str(self.folder / f"{name}.clock")
        super()._spawn(name, *args)

    def start_workers(self) -> None:
        self._spawn("workers", "vton_worker")

    def set_clock(self, lead: int, *hosts: str) -> None:
        """Set the clocks of these hosts ahead of the true time by so many seconds."""
        for host in hosts:
            (self.folder / f"{host}.clock").write_text(str(lead))

    def order_glasses(self) -> tuple[ShopperClient, str]:
        """Order a render that takes 12 seconds, and wait until the vendor has it. It is only polled."""
        self.gateway.scenario(seconds=12.0)
        shopper = self.shopper()
        response = shopper.post_tryon(self.product("otto-glasses"), phone_photo(), consent="true")
        assert response.status_code == 202, response.text
        sent = "SELECT count(*) FROM vton_tryonrequest WHERE state = 'submitted'"
        wait_until(lambda: self.sql(sent) == [(1,)], "the submit", seconds=30)
        return shopper, response.json()["id"]

    def diagnose(self) -> str:
        """What the doctor on the web host says about the clocks."""
        self.env["HOST_CLOCK"] = str(self.folder / "web.clock")
        return self.manage("shell", "--verbosity", "0", "--command", HEALTH_CHECK)


def test_the_clocks_of_web_hosts_and_workers_may_differ_and_be_set(tmp_path: Path) -> None:
    with own_database("postgresql", tmp_path) as url, ClockShop(tmp_path, env={"DATABASE_URL": url}) as shop:
        shop.set_clock(120, "web")
        shopper, pk = shop.order_glasses()
        shop.set_clock(HOUR, "workers")
        diagnosis = shop.diagnose()
        shop.set_clock(-HOUR, "web", "workers")
        assert shopper.wait_for_status(pk)["status"] == "completed", shop.log("workers")
        assert len(shop.gateway.ledger.entries) == 1
    assert "this host differs from the database's by 120 s" in diagnosis


def test_on_sqlite_the_clock_may_be_set_forward_and_back_during_a_render(tmp_path: Path) -> None:
    with ClockShop(tmp_path) as shop:
        shopper, pk = shop.order_glasses()
        shop.set_clock(HOUR, "web", "workers")
        # A worker notices that the clock is set back if it was seen since the clock was set forward, which it
        # records every five seconds. A try-on that is claimed then waits for the end of its lease, a minute.
        polled = (
            "SELECT count(*) FROM vton_tryonrequest WHERE unhandled_seconds > 3500 AND lease_until IS NULL"
        )
        seen = "SELECT count(*) FROM vton_dispatcherlease WHERE seen_at > datetime('now', '+50 minutes')"
        wait_until(lambda: shop.sql(polled) == shop.sql(seen) == [(1,)], "the step forward", seconds=30)
        shop.set_clock(0, "web", "workers")
        assert shopper.wait_for_status(pk)["status"] == "completed", shop.log("workers")
        assert len(shop.gateway.ledger.entries) == 1
