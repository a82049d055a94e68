"""What the pages of a batch share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from ...models import Batch
from ..base import StyledAdmin, can_operate, can_spend

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    PermissionCheck = Callable[[HttpRequest], bool]


def can_stop(request: HttpRequest) -> bool:
    """Whether the user may pause or cancel a batch, which spends nothing."""
    return can_operate(request) or can_spend(request)


def confirmed_price(request: HttpRequest, name: str = "max_price") -> int:
    """Return the price that the user saw, in micro-USD; -1, below every price, if the form has none."""
    text = request.POST.get(name, "")
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else -1


class BatchPages(StyledAdmin):
    """Look up a batch with its permissions, and render a page of it."""

    class Media:
        css = {"all": ["vton/batches.css"]}

    def get_batch(self, request: HttpRequest, pk: Any, *checks: PermissionCheck) -> Batch:
        """Return the batch if the user may view it and passes the other checks."""
        if not self.has_view_permission(request) or not all(check(request) for check in checks):
            raise PermissionDenied
        batch = Batch.objects.defer("products").filter(pk=pk).first() if str(pk).isdecimal() else None
        if batch is None:
            raise Http404
        return batch

    def render_page(self, request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
        """Render a template of the batch pages with the admin's context."""
        request.current_app = self.admin_site.name
        common = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media}
        return TemplateResponse(request, f"admin/vton/batch/{template}.html", {**common, **context})

    def url(self, name: str, *args: Any) -> str:
        """Return the URL of a batch page."""
        return reverse(f"admin:vton_batch_{name}", args=args, current_app=self.admin_site.name)

    def redirect(self, name: str, *args: Any) -> HttpResponse:
        """Redirect to a batch page."""
        return HttpResponseRedirect(self.url(name, *args))
