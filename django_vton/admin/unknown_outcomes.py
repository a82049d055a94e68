"""The views that resolve a try-on with an unknown outcome.

An operator first looks up the render in the vendor's panel, then adopts the vendor's id, states that nothing
was charged, or writes the try-on off. An id is adopted only if the vendor knows it, and can be withdrawn. The
views explain why something is refused, but `lifecycle` decides whether a change is still allowed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from .. import lifecycle
from ..exceptions import BudgetExhausted
from ..health.outcomes import IS_WRITTEN_OFF
from ..lifecycle.operators import MAX_ANSWER_DELAY, can_be_sent_again
from ..models import Attempt, TryOnRequest
from ..models.states import State
from ..queue import wake
from ..utils import clock, database
from ..utils.money import format_usd
from .adoption import VENDOR_ID, owner_problem, vendor_problem
from .base import StyledAdmin, can_operate, can_spend

ProblemCheck = Callable[[TryOnRequest], str]


def latest_attempt(tryon: TryOnRequest) -> Attempt | None:
    """Return the attempt that decides, or None if the try-on shares another try-on's render."""
    return tryon.attempts.filter(number=tryon.current_attempt_number).first()


def is_unresolved(tryon: TryOnRequest) -> bool:
    """Return whether an operator can still resolve the outcome: unknown or late, and not written off."""
    if tryon.state == State.UNKNOWN:
        return True
    if tryon.state != State.FAILED or TryOnRequest.objects.filter(IS_WRITTEN_OFF, pk=tryon.pk).exists():
        return False
    is_late = tryon.error_code == "deadline" and tryon.erased_at is None
    return is_late or tryon.error_code == "outcome_unknown"


def adopt_problem(tryon: TryOnRequest) -> str:
    """Return why no vendor id can be adopted, or "" if one can."""
    return _("It was erased, so no shopper can see a result.") if tryon.erased_at is not None else ""


def not_charged_problem(tryon: TryOnRequest) -> str:
    """Return why the amount cannot be released, or "" if it can."""
    attempt = lifecycle.current_attempt(tryon)
    if tryon.error_code == "deadline" or attempt.vendor_id is not None:
        return _("The vendor accepted it and gave it an id, so it counts as charged.")
    is_recent = attempt.posted_at is None or attempt.posted_at + MAX_ANSWER_DELAY > clock.now()
    if tryon.state == State.UNKNOWN or is_recent:
        return _("The vendor may still respond. Please try again in a few minutes.")
    return ""


def write_off_problem(tryon: TryOnRequest) -> str:
    """Return why the try-on cannot be written off, or "" if it can."""
    if tryon.state == State.UNKNOWN:
        return _("The vendor may still respond. Please try again in a few minutes.")
    if tryon.error_code == "deadline":
        return _(
            "The vendor accepted it but was too late. It counts as spent, so there is nothing to write off."
        )
    return ""


def context(request: HttpRequest, tryon: TryOnRequest) -> dict[str, Any] | None:
    """Return the context of `unknown_outcome.html`, or None if there is nothing that the user may resolve."""
    attempt = latest_attempt(tryon)
    if attempt is None or not can_operate(request) or not is_unresolved(tryon):
        return None
    return {
        "price": format_usd(attempt.amount),
        "vendor_id": attempt.vendor_id or "",
        "vendor_id_length": VENDOR_ID.max_length,
        "can_spend": can_spend(request),
        "can_send_again": can_be_sent_again(tryon, clock.now()),
        "adopt_problem": adopt_problem(tryon),
        "not_charged_problem": not_charged_problem(tryon),
        "write_off_problem": write_off_problem(tryon),
    }


class UnknownOutcomeViews(StyledAdmin):
    """The POST views "adopt", "withdraw", "not charged" and "write off" below the URL of a try-on."""

    def get_urls(self) -> list[URLPattern]:
        """Add the views before Django's URLs, since their last pattern matches every URL."""
        views = {
            "adopt": self.adopt_view,
            "withdraw": self.withdraw_view,
            "not-charged": self.not_charged_view,
            "write-off": self.write_off_view,
        }
        urls = [
            path(
                f"<uuid:pk>/{name}/",
                self.admin_site.admin_view(require_POST(view)),
                name=f"vton_tryonrequest_{name}",
            )
            for name, view in views.items()
        ]
        return [*urls, *super().get_urls()]

    def adopt_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Adopt the id that the vendor's panel shows for the render."""
        tryon = self._get_tryon(request, pk)
        try:
            vendor_id = VENDOR_ID.clean(request.POST.get("vendor_id"))
        except ValidationError as error:
            return self._refuse(request, tryon, error.messages[0])
        if problem := self._problem(tryon, adopt_problem) or owner_problem(tryon, vendor_id):
            return self._refuse(request, tryon, problem)
        if problem := vendor_problem(lifecycle.current_attempt(tryon), vendor_id):
            return self._refuse(request, tryon, problem)
        if not lifecycle.adopt_vendor_id(tryon, vendor_id, actor_id=request.user.pk):
            if problem := owner_problem(tryon, vendor_id):
                return self._refuse(request, tryon, problem)
            return self._refuse_changed(request, tryon, adopt_problem)
        text = _("The vendor knows the id %(id)s, so it was adopted. Its result is fetched now.")
        return self._finish(request, tryon, text % {"id": vendor_id}, is_due=True)

    def withdraw_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Withdraw an adopted id, as long as no image was delivered."""
        tryon = self._get_tryon(request, pk)
        if not lifecycle.withdraw_adoption(tryon, actor_id=request.user.pk):
            tryon.refresh_from_db()
            if tryon.state == State.COMPLETED:
                problem = _("Its result was already delivered. Nothing was changed.")
            else:
                problem = _("It has no adopted id that can be withdrawn. Nothing was changed.")
            return self._refuse(request, tryon, problem)
        text = _("The adopted id was withdrawn. The outcome is unknown again, and counts as charged.")
        return self._finish(request, tryon, text)

    def not_charged_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """After a confirmation, release the amount, and send the try-on again if that is possible."""
        tryon = self._get_tryon(request, pk)
        can_send_again = can_be_sent_again(tryon, clock.now())
        if can_send_again and not can_spend(request):
            raise PermissionDenied
        if problem := self._problem(tryon, not_charged_problem):
            return self._refuse(request, tryon, problem)
        price = {"price": format_usd(lifecycle.current_attempt(tryon).amount)}
        if "confirmed" not in request.POST:
            return self._confirm_not_charged(request, tryon, price, can_send_again=can_send_again)
        try:
            if not lifecycle.confirm_not_charged(tryon, actor_id=request.user.pk):
                return self._refuse_changed(request, tryon, not_charged_problem)
        except BudgetExhausted:
            problem = _("The budget of today or of this month does not cover a new attempt.")
            return self._refuse(request, tryon, f"{problem} {_('Nothing was changed.')}")
        if TryOnRequest.objects.filter(pk=tryon.pk, state=State.FAILED).exists():
            text = _("Its %(price)s were released. It stays failed, since there is nothing left to send.")
            return self._finish(request, tryon, text % price)
        text = _("Its amount was released, and it waits to be sent again for %(price)s.")
        return self._finish(request, tryon, text % price, is_due=True)

    def _confirm_not_charged(
        self, request: HttpRequest, tryon: TryOnRequest, price: dict[str, str], *, can_send_again: bool
    ) -> HttpResponse:
        if can_send_again:
            title, answer = _("Not charged, and try again?"), _("Yes, try again for %(price)s") % price
            question = _(
                "The %(price)s of the lost attempt are released, and %(price)s are reserved for a new one. "
                "If the vendor did charge the lost attempt, the shop pays twice."
            )
        else:
            title, answer = _("Not charged?"), _("Yes, release %(price)s") % price
            question = _(
                "The %(price)s of the lost attempt are released. If the vendor did charge them, the reports "
                "show less than the invoice."
            )
        return self.render_page(
            request,
            "tryonrequest/confirm_action",
            tryons=[tryon],
            title=title,
            question=question % price,
            answer=answer,
            cancel_url=self._change_url(tryon),
        )

    def write_off_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Write the try-on off, since the vendor's panel does not tell its outcome."""
        tryon = self._get_tryon(request, pk)
        if problem := self._problem(tryon, write_off_problem):
            return self._refuse(request, tryon, problem)
        if not lifecycle.write_off(tryon, actor_id=request.user.pk):
            return self._refuse_changed(request, tryon, write_off_problem)
        text = _("It was written off. It stays failed, and its amount stays spent.")
        return self._finish(request, tryon, text)

    def _get_tryon(self, request: HttpRequest, pk: UUID) -> TryOnRequest:
        if not can_operate(request) or not self.has_view_permission(request):
            raise PermissionDenied
        tryon = TryOnRequest.objects.filter(pk=pk).first()
        if tryon is None:
            raise Http404
        return tryon

    def _problem(self, tryon: TryOnRequest, check: ProblemCheck) -> str:
        attempt = latest_attempt(tryon)
        if attempt is None:
            return _("It shares another try-on's render. Resolve that try-on instead.")
        if not is_unresolved(tryon):
            return _("Its outcome is no longer unknown. Nothing was changed.")
        return check(tryon)

    def _refuse_changed(self, request: HttpRequest, tryon: TryOnRequest, check: ProblemCheck) -> HttpResponse:
        """Refuse because the try-on changed between the check and the update."""
        problem = self._problem(TryOnRequest.objects.get(pk=tryon.pk), check)
        return self._refuse(request, tryon, problem or _("It has just changed. Please check it again."))

    def _refuse(self, request: HttpRequest, tryon: TryOnRequest, problem: str) -> HttpResponse:
        self.message_user(request, problem, messages.ERROR)
        return HttpResponseRedirect(self._change_url(tryon))

    def _finish(
        self, request: HttpRequest, tryon: TryOnRequest, text: str, *, is_due: bool = False
    ) -> HttpResponse:
        """Record and show the change, and wake a dispatcher if the try-on is due."""
        self.log_change(request, tryon, text)
        if is_due:
            database.on_commit(wake, robust=True)
        self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(self._change_url(tryon))

    def _change_url(self, tryon: TryOnRequest) -> str:
        name = "admin:vton_tryonrequest_change"
        return reverse(name, args=[tryon.pk], current_app=self.admin_site.name)
