"""What a pump is at when a fault strikes it, and how that has to end."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from django_vton.house_models import add
from django_vton.models import TryOnEvent, TryOnRequest
from django_vton.models.states import State

from .steps import KINDS, Case, histories

if TYPE_CHECKING:
    from django_vton.models import PersonPhoto

COMPLETED = ("completed", "")
FAILED = ("failed", "vendor")
DOUBT = ("failed", "outcome_unknown")
TOO_LATE = ("failed", "vendor")
"""Sent after everybody had given it up: the vendor finds its links dead, says so, and has its money."""


class Story:
    """One try-on with glasses, whose pictures go inside the submit: no callback, no link."""

    kinds: tuple[str, ...] = KINDS
    end = COMPLETED
    product = "glasses"
    is_called = True
    """Whether the vendor calls back, where that is ordered."""

    is_called_early = False
    """Whether the vendor calls while the victim is still at it; else its calls wait for the victim."""

    short = 1
    """How many points of each kind are struck in the short form."""

    weak: tuple[str, ...] = ("after lifecycle.renders.completed: COMMIT 1",)
    """Points at which something was lost once: an exception there is part of the short form."""

    def __init__(self, name: str, end: tuple[str, str] | None = None, **scenario: Any) -> None:
        self.name = name
        self.end = end or self.end
        self.scenario = scenario

    def prepare(self, case: Case) -> None:
        """Before the victim comes."""
        if self.scenario:
            case.desk.gateway.scenario(**self.scenario)
        case.desk.ask()

    def play(self, case: Case) -> None:
        """The victim's part."""
        case.drive()

    def meanwhile(self, case: Case) -> None:
        """What the others do while it hangs: they take it for dead."""
        case.drive(case.desk.look, until=(State.UNKNOWN,))

    def go_on(self, case: Case) -> None:
        """What others do of their own accord afterwards; pumps look in any case."""

    def check(self, case: Case) -> None:
        """At rest."""
        allowed = {self.end, DOUBT} if case.may_doubt else {self.end}
        was_given_up = TryOnEvent.objects.filter(name="outcome_timed_out").exists()
        if case.may_doubt and was_given_up:
            allowed.add(TOO_LATE)
        for row in TryOnRequest.objects.all():
            assert (row.state, row.error_code) in allowed, histories()


class Garment(Story):
    """Its pictures are fetched from the shop's web server, which is also called back."""

    product = "shirt"


class House(Story):
    """A render of a house model, and a second shopper who shares it."""

    product = "shirt"
    weak = ("before lifecycle.followers._finish_batch: COMMIT 1",)

    def prepare(self, case: Case) -> None:
        model = house_model(case)
        for _ in range(2):
            case.desk.ask(photo=None, photo_id=str(model.pk))
        assert TryOnRequest.objects.count() == 3


def house_model(case: Case) -> PersonPhoto:
    return add(name="Noa", file=io.BytesIO(case.desk.photo(300, 400)), suits=[])
