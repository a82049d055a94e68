"""What an operator says of a try-on in doubt, after a look into the vendor's panel.

Each word is asked for on the try-on's page, and `lifecycle` alone decides whether it may still be said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from .. import lifecycle
from ..exceptions import BudgetExhausted
from ..lifecycle.operators import LONGEST_DOUBT, can_go_again
from ..models import Attempt, TryOnRequest
from ..models.states import State
from ..monitoring.incidents import WRITTEN_OFF
from ..queue import wake
from ..utils.money import usd
from .base import Admin, confirmation, may_operate, may_spend

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    Barred = Callable[[TryOnRequest], str]

VENDOR_ID = forms.CharField(
    max_length=Attempt._meta.get_field("vendor_id").max_length,
    error_messages={"required": gettext_lazy("Please give the id that the vendor's panel shows.")},
)


def newest_attempt(tryon: TryOnRequest) -> Attempt | None:
    """The one that a doubt is about; None where it shares another try-on's render."""
    return tryon.attempts.order_by("-number").first()


def is_in_doubt(tryon: TryOnRequest, attempt: Attempt) -> bool:
    """Whether the vendor's panel may know more than the shop does, and nobody has closed the matter."""
    if tryon.state == State.UNKNOWN:
        return True
    if tryon.state != State.FAILED or TryOnRequest.objects.filter(WRITTEN_OFF, pk=tryon.pk).exists():
        return False
    # A photo that expired in the queue is a deadline as well, of a render that never was.
    was_late = tryon.error_code == "deadline" and attempt.posted_at is not None and tryon.erased_at is None
    return was_late or tryon.error_code == "outcome_unknown"


def adopting_barred(tryon: TryOnRequest) -> str:
    """Why no id can be adopted, or "" where one can."""
    if tryon.erased_at is not None:
        return _("It was erased meanwhile: nobody waits for its picture.")
    return ""


def freeing_barred(tryon: TryOnRequest) -> str:
    """Why its money cannot be freed, or "" where it can."""
    attempt = lifecycle.current_attempt(tryon)
    if tryon.error_code == "deadline" or attempt.vendor_id is not None:
        return _("The vendor accepted it and gave it an id, so that it counts as charged.")
    is_fresh = attempt.posted_at is None or attempt.posted_at + LONGEST_DOUBT > timezone.now()
    if tryon.state == State.UNKNOWN or is_fresh:
        return _("The vendor's answer may still come. Please try again in some minutes.")
    return ""


def writing_off_barred(tryon: TryOnRequest) -> str:
    """Why it cannot be written off, or "" where it can."""
    if tryon.state == State.UNKNOWN:
        return _("The vendor's answer may still come. Please try again in some minutes.")
    if tryon.error_code == "deadline":
        return _("The vendor accepted it and was too late: it counts as spent, and nothing is left to close.")
    return ""


def section(request: HttpRequest, tryon: TryOnRequest) -> dict[str, Any] | None:
    """What the try-on's page offers to this member of staff; None where there is nothing to say."""
    attempt = newest_attempt(tryon)
    if attempt is None or not may_operate(request) or not is_in_doubt(tryon, attempt):
        return None
    return {
        "price": usd(attempt.amount),
        "vendor_id": attempt.vendor_id or "",
        "vendor_id_length": VENDOR_ID.max_length,
        "may_spend": may_spend(request),
        "adopting_barred": adopting_barred(tryon),
        "freeing_barred": freeing_barred(tryon),
        "goes_again": can_go_again(tryon, timezone.now()),
        "writing_off_barred": writing_off_barred(tryon),
    }


class DoubtViews(Admin):
    """Adopt, not charged, write off: three addresses under the try-on's own, for POST alone."""

    def get_urls(self) -> list[URLPattern]:
        """Before Django's own, the last of which takes every address."""
        views = {"adopt": self.adopt_view, "not-charged": self.not_charged_view}
        views["write-off"] = self.write_off_view
        ours = [
            path(
                f"<uuid:pk>/{name}/",
                self.admin_site.admin_view(require_POST(view)),
                name=f"vton_tryonrequest_{name}",
            )
            for name, view in views.items()
        ]
        return [*ours, *super().get_urls()]

    def adopt_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """The panel shows the render under an id."""
        tryon = self._tryon(request, pk)
        try:
            vendor_id = VENDOR_ID.clean(request.POST.get("vendor_id"))
        except ValidationError as error:
            return self._refused(request, tryon, " ".join(error.messages))
        if problem := self._barred(tryon, adopting_barred):
            return self._refused(request, tryon, problem)
        if not lifecycle.adopt(tryon, vendor_id, actor_id=request.user.pk):
            same = Attempt.objects.filter(engine=tryon.engine, vendor_id=vendor_id)
            if other := same.exclude(request=tryon).first():
                problem = _("The id %(id)s belongs to another try-on: %(other)s. Nothing was changed.")
                return self._refused(request, tryon, problem % {"id": vendor_id, "other": other.request})
            return self._too_late(request, tryon, adopting_barred)
        words = _("The id %(id)s was adopted: the vendor is asked for this render now.")
        return self._done(request, tryon, words % {"id": vendor_id}, look=True)

    def not_charged_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """The panel shows no charge: after a question its money is free, and it goes once more if it can."""
        tryon = self._tryon(request, pk)
        goes_again = can_go_again(tryon, timezone.now())
        if goes_again and not may_spend(request):
            raise PermissionDenied
        if problem := self._barred(tryon, freeing_barred):
            return self._refused(request, tryon, problem)
        price = {"price": usd(lifecycle.current_attempt(tryon).amount)}
        if "confirmed" not in request.POST:
            return self._ask_first(request, tryon, price, goes_again=goes_again)
        try:
            if not lifecycle.not_charged(tryon, actor_id=request.user.pk):
                return self._too_late(request, tryon, freeing_barred)
        except BudgetExhausted:
            problem = _("The budget of today or of this month has no room for a new attempt.")
            return self._refused(request, tryon, f"{problem} {_('Nothing was changed.')}")
        if TryOnRequest.objects.filter(pk=tryon.pk, state=State.FAILED).exists():
            words = _("Its %(price)s are free again. It stays failed: there is nothing to send any more.")
            return self._done(request, tryon, words % price)
        words = _("Its money is free again, and it waits to be sent once more, for %(price)s.")
        return self._done(request, tryon, words % price, look=True)

    def _ask_first(
        self, request: HttpRequest, tryon: TryOnRequest, price: dict[str, str], *, goes_again: bool
    ) -> HttpResponse:
        if goes_again:
            title, answer = _("Not charged, and try again?"), _("Yes, try again for %(price)s") % price
            question = _(
                "The lost attempt's %(price)s are taken off the books, and %(price)s are set aside for a new "
                "one. Where the vendor did charge the lost one, the shop pays twice."
            )
        else:
            title, answer = _("Not charged?"), _("Yes, free %(price)s") % price
            question = _(
                "The lost attempt's %(price)s are taken off the books. Where the vendor did charge them, "
                "the books show less than the invoice."
            )
        return confirmation(
            self,
            request,
            [tryon],
            title=title,
            question=question % price,
            answer=answer,
            back=self._address(tryon),
        )

    def write_off_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """The panel shows nothing that helps."""
        tryon = self._tryon(request, pk)
        if problem := self._barred(tryon, writing_off_barred):
            return self._refused(request, tryon, problem)
        if not lifecycle.write_off(tryon, actor_id=request.user.pk):
            return self._too_late(request, tryon, writing_off_barred)
        return self._done(request, tryon, _("It was written off: it stays failed, and its money spent."))

    def _tryon(self, request: HttpRequest, pk: UUID) -> TryOnRequest:
        """For operators who may look at it."""
        if not may_operate(request) or not self.has_view_permission(request):
            raise PermissionDenied
        tryon = TryOnRequest.objects.filter(pk=pk).first()
        if tryon is None:
            raise Http404
        return tryon

    def _barred(self, tryon: TryOnRequest, why: Barred) -> str:
        attempt = newest_attempt(tryon)
        if attempt is None:
            return _("It shares another try-on's render: what is known of that one holds for both.")
        if not is_in_doubt(tryon, attempt):
            return _("Its outcome is no longer in doubt. Nothing was changed.")
        return why(tryon)

    def _too_late(self, request: HttpRequest, tryon: TryOnRequest, why: Barred) -> HttpResponse:
        """Between the look and the deed somebody was faster."""
        problem = self._barred(TryOnRequest.objects.get(pk=tryon.pk), why)
        return self._refused(request, tryon, problem or _("It has just changed. Please look again."))

    def _refused(self, request: HttpRequest, tryon: TryOnRequest, problem: str) -> HttpResponse:
        self.message_user(request, problem, messages.ERROR)
        return HttpResponseRedirect(self._address(tryon))

    def _done(
        self, request: HttpRequest, tryon: TryOnRequest, words: str, *, look: bool = False
    ) -> HttpResponse:
        """Tell it, keep it in the admin's own history, and have a pump look where there is work again."""
        self.log_change(request, tryon, words)
        if look:
            transaction.on_commit(wake, robust=True)
        self.message_user(request, words, messages.SUCCESS)
        return HttpResponseRedirect(self._address(tryon))

    def _address(self, tryon: TryOnRequest) -> str:
        name = "admin:vton_tryonrequest_change"
        return reverse(name, args=[tryon.pk], current_app=self.admin_site.name)
