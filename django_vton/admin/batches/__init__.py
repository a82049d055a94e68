"""Renders of the catalogue, as a merchant sees them: choose, set up, watch, review; a module each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...models import Batch
from ...utils.money import usd
from .. import display
from ..base import may_spend
from .counts import Numbers, numbers_of
from .products import ChooseViews
from .progress import WatchViews
from .review import ReviewViews
from .setup import SetUpViews

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

__all__ = ["BatchAdmin"]


@admin.register(Batch)
class BatchAdmin(ChooseViews, SetUpViews, WatchViews, ReviewViews):
    """The list of batches. To look needs `view_batch`; to choose and to start, `spend` besides."""

    list_display = ["label", "state", "done", "spent", "created_by", "age"]
    list_display_links = ["label"]
    list_filter = ["status"]
    list_per_page = 30
    search_fields = ["name"]
    search_help_text = gettext_lazy("Search by name")
    ordering = ["-created_at"]
    actions = None
    change_list_template = "admin/vton/batch/change_list.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """For those who may spend: a draft costs nothing, and is made to be started."""
        return may_spend(request) and self.has_view_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: what was paid stays told. A draft is discarded on its own page."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Batch]:
        """Without the products, who may be thousands."""
        rows: QuerySet[Batch] = super().get_queryset(request)
        return rows.select_related("created_by").defer("products")

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """With the numbers of all batches of the page, in two queries."""
        changelist = super().get_changelist_instance(request)
        found = numbers_of([batch.pk for batch in changelist.result_list])
        for batch in changelist.result_list:
            batch.numbers = found[batch.pk]
        return changelist

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A draft is set up here; what has begun is watched."""
        batch = self.batch(request, object_id)
        if batch.status == Batch.Status.DRAFT:
            return self.set_up(request, batch)
        return self.watch(request, batch)

    @admin.display(description=gettext_lazy("name"), ordering="name")
    def label(self, batch: Batch) -> str:
        """Its name, or its number."""
        return str(batch)

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def state(self, batch: Batch) -> str:
        """A running one is finished where nothing is to come."""
        if batch.status == Batch.Status.RUNNING and _numbers(batch).open(batch) == 0:
            return _("finished")
        return batch.get_status_display()

    @admin.display(description=gettext_lazy("renders"))
    def done(self, batch: Batch) -> SafeString | str:
        """How many have ended, of all."""
        if batch.status == Batch.Status.DRAFT:
            return "-"
        ended = batch.total - _numbers(batch).open(batch)
        words = _("%(done)d of %(total)d") % {"done": ended, "total": batch.total}
        bar = format_html('<progress max="{}" value="{}" aria-hidden="true"></progress>', batch.total, ended)
        return format_html('{}<span class="vton-note">{}</span>', bar, words)

    @admin.display(description=gettext_lazy("spent"))
    def spent(self, batch: Batch) -> str:
        """In USD."""
        return usd(_numbers(batch).spent)

    @admin.display(description=gettext_lazy("age"), ordering="created_at")
    def age(self, batch: Batch) -> SafeString:
        """How long ago it was made."""
        return display.age(batch.created_at)


def _numbers(batch: Any) -> Numbers:
    numbers: Numbers = batch.numbers
    return numbers
