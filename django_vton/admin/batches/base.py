"""What the pages of a batch share: permissions, URLs, messages and the confirmed price."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from ... import batches
from ...models import Batch
from ..base import StyledAdmin, can_operate, can_spend

PermissionCheck = Callable[[HttpRequest], bool]


def can_stop(request: HttpRequest) -> bool:
    """Return whether the user may pause or cancel a batch, which spends nothing."""
    return can_operate(request) or can_spend(request)


def confirmed_price(request: HttpRequest, name: str = "max_price") -> int:
    """Return the price that the user has confirmed, in micro-USD. Return -1 for a form without a price.

    Callers refuse any higher price, so -1 confirms nothing.
    """
    text = request.POST.get(name, "")
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else -1


class BatchPages(StyledAdmin):
    """The base class of the views of a batch."""

    class Media:
        css = {"all": ["vton/batches.css"]}

    def get_batch(self, request: HttpRequest, pk: Any, *checks: PermissionCheck) -> Batch:
        """Return the batch. Raise `PermissionDenied` if the user may not view it or fails one of `checks`."""
        if not self.has_view_permission(request) or not all(check(request) for check in checks):
            raise PermissionDenied
        batch = Batch.objects.defer("products").filter(pk=pk).first() if str(pk).isdecimal() else None
        if batch is None:
            raise Http404
        return batch

    def answer_missing(self, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        """Decorate a view: if the batch was discarded since the page with the button was loaded, say so."""

        @wraps(view)
        def answered(request: HttpRequest, pk: int) -> HttpResponse:
            try:
                return view(request, pk)
            except Http404:
                if request.method != "POST":
                    raise
                messages.warning(request, _("This batch does not exist any more. It was discarded."))
                return self.redirect("changelist")

        return answered

    def log_and_notify(self, request: HttpRequest, batch: Batch, text: str) -> None:
        """Record the change in the admin's history, and show it to the user."""
        self.log_change(request, batch, text)
        messages.success(request, text)

    def refuse_outdated(self, request: HttpRequest, batch: Batch) -> HttpResponse:
        """Say that the batch has changed since the page with the button was loaded, and show the batch."""
        batch = Batch.objects.defer("products").get(pk=batch.pk)
        status = batch.get_status_display()
        if batch.status == Batch.Status.RUNNING and batches.progress(batch).is_finished:
            status = _("finished")
        text = _("Nothing was changed, since this page was out of date. The batch is now: %(status)s.")
        messages.warning(request, text % {"status": status})
        return self.redirect("change", batch.pk)

    def url(self, name: str, *args: Any) -> str:
        """Return the URL of a page of the batch admin, such as "change"."""
        return reverse(f"admin:vton_batch_{name}", args=args, current_app=self.admin_site.name)

    def redirect(self, name: str, *args: Any) -> HttpResponse:
        """Redirect to a page of the batch admin."""
        return HttpResponseRedirect(self.url(name, *args))
