"""What the process under test does when a fault is injected, and how each scenario has to end."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from django_vton.house_models import add
from django_vton.models import TryOnEvent, TryOnRequest
from django_vton.models.states import State

from .scenario_run import KINDS, Run, histories

if TYPE_CHECKING:
    from django_vton.models import PersonPhoto

COMPLETED = ("completed", "")
FAILED = ("failed", "vendor")
UNKNOWN = ("failed", "outcome_unknown")
UNREACHABLE = ("failed", "images_unreachable")
SENT_TOO_LATE = ("failed", "vendor")
"""Sent after the others had given the submit up: the vendor finds its links expired, says so, and charges."""


class Scenario:
    """One try-on with glasses. Its images are part of the submit, so there are no links and no callback."""

    kinds: tuple[str, ...] = KINDS
    end = COMPLETED
    product = "glasses"
    is_called_back = True
    """Whether the vendor sends the callbacks that were ordered."""

    is_called_early = False
    """Whether the vendor calls back while the process is still working; otherwise its callback waits."""

    short_sample = 1
    """How many points of each kind of fault the short form tests."""

    regressions: tuple[str, ...] = ("after lifecycle.rendering.mark_completed: COMMIT 1",)
    """Points at which data was lost once: the short form always tests an exception there."""

    def __init__(self, name: str, end: tuple[str, str] | None = None, **gateway_scenario: Any) -> None:
        self.name = name
        self.end = end or self.end
        self.gateway_scenario = gateway_scenario

    def prepare(self, run: Run) -> None:
        """Before the process under test starts."""
        if self.gateway_scenario:
            run.harness.gateway.scenario(**self.gateway_scenario)
        run.harness.order()

    def run(self, run: Run) -> None:
        """What the process under test does."""
        run.drive()

    def while_hanging(self, run: Run) -> None:
        """What other workers do while it hangs: they assume that it is dead."""
        run.drive(run.harness.run_cycle, until=(State.UNKNOWN,))

    def continue_without(self, run: Run) -> None:
        """What shoppers and the vendor do afterwards; workers dispatch in any case."""

    def check(self, run: Run) -> None:
        """Check the end."""
        allowed = {self.end, UNKNOWN} if run.may_be_unknown else {self.end}
        was_given_up = TryOnEvent.objects.filter(name="outcome_timed_out").exists()
        if run.may_be_unknown and was_given_up:
            allowed.add(SENT_TOO_LATE)
        for row in TryOnRequest.objects.all():
            assert (row.state, row.error_code) in allowed, histories()


class Garment(Scenario):
    """The vendor downloads the images from the shop's web server, and calls it back."""

    product = "shirt"


class SharedHouseRender(Scenario):
    """A render of a house model, which two shoppers share."""

    product = "shirt"
    regressions = ("before lifecycle.followers._finish_batch: COMMIT 1",)

    def prepare(self, run: Run) -> None:
        model = add_house_model(run)
        for _ in range(2):
            run.harness.order(photo=None, photo_id=str(model.pk))
        assert TryOnRequest.objects.count() == 3


def add_house_model(run: Run) -> PersonPhoto:
    return add(name="Noa", file=io.BytesIO(run.harness.photo(300, 400)), suits=[])
