"""The merchant's pages of a batch: select products, set up, progress and review, each in its own module."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...models import Batch
from ...utils.money import format_usd
from .. import display
from ..base import can_spend
from .counts import counts_by_batch
from .progress import ProgressViews
from .review import ReviewViews
from .select_products import SelectProductsViews
from .setup import SetupViews

__all__ = ["BatchAdmin"]


@admin.register(Batch)
class BatchAdmin(SelectProductsViews, SetupViews, ProgressViews, ReviewViews):
    """The list of batches. Viewing needs `view_batch`; creating and starting also need `spend`."""

    list_display = ["label", "state", "ended", "spent", "created_by", "age"]
    list_display_links = ["label"]
    list_filter = ["status"]
    list_per_page = 30
    search_fields = ["name"]
    search_help_text = gettext_lazy("Search by name")
    ordering = ["-created_at"]
    actions = None
    change_list_template = "admin/vton/batch/change_list.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Staff who may spend: a draft costs nothing, but is created to be started."""
        return can_spend(request) and self.has_view_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never allowed, since paid renders stay documented. A draft is discarded on its own page."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Batch]:
        """Leave out the products, since a batch may have thousands."""
        rows: QuerySet[Batch] = super().get_queryset(request)
        return rows.select_related("created_by").defer("products")

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Add the counts of all batches on the page, with two queries."""
        changelist = super().get_changelist_instance(request)
        counts = counts_by_batch([batch.pk for batch in changelist.result_list])
        for batch in changelist.result_list:
            batch.counts = counts[batch.pk]
        return changelist

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the setup of a draft, and the progress of a batch that was started."""
        batch = self.get_batch(request, object_id)
        if batch.status == Batch.Status.DRAFT:
            return self.setup_page(request, batch)
        return self.progress_page(request, batch)

    @admin.display(description=gettext_lazy("name"), ordering="name")
    def label(self, batch: Batch) -> str:
        """The name, or the number."""
        return str(batch)

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def state(self, batch: Any) -> str:
        """The status; a running batch without open renders is finished."""
        if batch.status == Batch.Status.RUNNING and batch.counts.remaining(batch) == 0:
            return _("finished")
        return str(batch.get_status_display())

    @admin.display(description=gettext_lazy("renders"))
    def ended(self, batch: Any) -> SafeString | str:
        """How many of the renders have ended."""
        if batch.status == Batch.Status.DRAFT:
            return "-"
        ended = batch.total - batch.counts.remaining(batch)
        text = _("%(done)d of %(total)d") % {"done": ended, "total": batch.total}
        bar = format_html('<progress max="{}" value="{}" aria-hidden="true"></progress>', batch.total, ended)
        return format_html('{}<span class="vton-note">{}</span>', bar, text)

    @admin.display(description=gettext_lazy("spent"))
    def spent(self, batch: Any) -> str:
        """The spent amount in USD."""
        return format_usd(batch.counts.spent)

    @admin.display(description=gettext_lazy("age"), ordering="created_at")
    def age(self, batch: Batch) -> SafeString:
        """The time since it was created."""
        return display.age(batch.created_at)
