"""The list of batches, and the pages of a batch: select products, set up, progress and review."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from ...models import Attempt, Batch, BatchRender
from ...models.states import ACTIVE, Money
from ...utils.money import format_usd
from .. import display
from ..base import can_spend
from .progress import ProgressViews
from .rerendering import RerenderingViews
from .review import ReviewViews
from .select_products import SelectProductsViews
from .setup import SetupViews

__all__ = ["BatchAdmin"]


@admin.register(Batch)
class BatchAdmin(SelectProductsViews, SetupViews, ProgressViews, RerenderingViews, ReviewViews):
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

    def get_urls(self) -> list[URLPattern]:
        """Add the pages before Django's URLs, since their last pattern matches every URL."""
        views: dict[str, Any] = {
            "products": self.products_view,
            "discard": require_POST(self.discard_view),
            "progress": never_cache(self.progress_view),
            "pause": require_POST(self.pause_view),
            "resume": require_POST(self.resume_view),
            "cancel": self.cancel_view,
            "retry": self.retry_view,
            "rerender": require_POST(self.rerender_view),
            "review": self.review_view,
            "publish": require_POST(self.publish_view),
        }
        urls = [
            path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(self.answer_missing(view)),
                name=f"vton_batch_{name}",
            )
            for name, view in views.items()
        ]
        return [*urls, *super().get_urls()]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may view batches and spend, since a draft leads to costs."""
        return can_spend(request) and self.has_view_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False, since paid renders stay on record. Drafts are discarded on their own page."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Batch]:
        """Annotate what the list shows. Defer the products, since a batch can have thousands."""
        renders = BatchRender.objects.filter(
            Q(status=BatchRender.Status.WAITING)
            | Q(status=BatchRender.Status.REQUESTED, request__state__in=ACTIVE),
            batch=OuterRef("pk"),
        )
        paid = Attempt.objects.filter(request__batch=OuterRef("pk"), money=Money.SPENT)
        unfinished = renders.order_by().values("batch").annotate(number=Count("pk")).values("number")
        amount = paid.order_by().values("request__batch").annotate(total=Sum("amount")).values("total")
        rows: QuerySet[Batch] = super().get_queryset(request)
        return (
            rows.select_related("created_by")
            .defer("products")
            .annotate(unfinished=Coalesce(Subquery(unfinished), 0), paid=Coalesce(Subquery(amount), 0))
        )

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the setup of a draft, and the progress of a batch that was started."""
        return self.answer_missing(self._change_page)(request, object_id)

    def _change_page(self, request: HttpRequest, pk: Any) -> HttpResponse:
        batch = self.get_batch(request, pk)
        if batch.status == Batch.Status.DRAFT:
            return self.setup_page(request, batch)
        return self.progress_page(request, batch)

    @admin.display(description=gettext_lazy("name"), ordering="name")
    def label(self, batch: Batch) -> str:
        """The name. A batch without a name shows its number."""
        return str(batch)

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def state(self, batch: Any) -> str:
        """The status. A running batch without remaining renders is finished."""
        if batch.status == Batch.Status.RUNNING and _remaining(batch) == 0:
            return _("finished")
        return str(batch.get_status_display())

    @admin.display(description=gettext_lazy("renders"))
    def ended(self, batch: Any) -> SafeString | str:
        """The number of renders that have ended, as a progress bar and in words."""
        if batch.status == Batch.Status.DRAFT:
            return "-"
        ended = batch.total - _remaining(batch)
        text = _("%(done)d of %(total)d") % {"done": ended, "total": batch.total}
        bar = format_html('<progress max="{}" value="{}" aria-hidden="true"></progress>', batch.total, ended)
        return format_html('{}<span class="vton-note">{}</span>', bar, text)

    @admin.display(description=gettext_lazy("spent"))
    def spent(self, batch: Any) -> str:
        """The spent amount in USD."""
        return format_usd(batch.paid)

    @admin.display(description=gettext_lazy("age"), ordering="created_at")
    def age(self, batch: Batch) -> SafeString:
        """The time since the batch was created."""
        return display.age(batch.created_at)


def _remaining(batch: Any) -> int:
    """Return the number of renders that have not ended, including renders without a row yet."""
    is_open = batch.status in (Batch.Status.RUNNING, Batch.Status.PAUSED)
    return int(batch.unfinished + (batch.total - batch.next_position if is_open else 0))
