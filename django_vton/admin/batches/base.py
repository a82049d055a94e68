"""What the pages of a batch share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from ...models import Batch
from ..base import StyledAdmin, may_operate, may_spend

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    May = Callable[[HttpRequest], bool]


def may_stop(request: HttpRequest) -> bool:
    """Whether this member of staff may pause a batch, or drop its rest: nothing is spent by that."""
    return may_operate(request) or may_spend(request)


def seen_price(request: HttpRequest, name: str = "at_most") -> int:
    """The price that stood on the page, in micro-USD; -1 where none did, so that nothing is as cheap."""
    text = request.POST.get(name, "")
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else -1


class BatchPages(StyledAdmin):
    """Their door and their frame."""

    class Media:
        css = {"all": ["vton/batches.css"]}

    def batch(self, request: HttpRequest, pk: Any, *may: May) -> Batch:
        """For those who may look at it, and whatever is asked for besides."""
        if not self.has_view_permission(request) or not all(asked(request) for asked in may):
            raise PermissionDenied
        batch = Batch.objects.defer("products").filter(pk=pk).first() if str(pk).isdecimal() else None
        if batch is None:
            raise Http404
        return batch

    def page(self, request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
        """A page in the admin's frame."""
        request.current_app = self.admin_site.name
        common = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media}
        return TemplateResponse(request, f"admin/vton/batch/{template}.html", {**common, **context})

    def address(self, name: str, *args: Any) -> str:
        """The address of one of these pages."""
        return reverse(f"admin:vton_batch_{name}", args=args, current_app=self.admin_site.name)

    def to(self, name: str, *args: Any) -> HttpResponse:
        """A redirection to it."""
        return HttpResponseRedirect(self.address(name, *args))
