"""The try-ons: a list, and a page for each with all that happened. Nothing is changed by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import BooleanField, Count, IntegerField, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import lifecycle
from ..intake.feedback import DISLIKE, LIKE
from ..models import TryOnRequest
from ..models.states import ACTIVE, Money, State
from ..utils.money import usd
from ..utils.safe_urls import safe_url
from . import display, search, unknown_outcomes
from .actions import OperatorActions
from .base import ReadOnlyAdmin, may_operate, may_see_shoppers, may_spend
from .filters import AskerFilter, AttentionFilter, DayFilter, EngineFilter, HouseModelFilter, ProductFilter
from .no_count import NoCountChangeList
from .unknown_outcomes import DoubtViews

if TYPE_CHECKING:
    from typing import TypedDict

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString
    from django_stubs_ext import WithAnnotations

    from ..models import Attempt, TryOnImage

    class Added(TypedDict):
        """What `get_queryset` adds: how many share it, and whether who asks may look at shoppers."""

        shared_by: int
        sees_shoppers: bool

    Row = WithAnnotations[TryOnRequest, Added]

FEEDBACK_WORDS = {LIKE: gettext_lazy("liked"), DISLIKE: gettext_lazy("disliked")}

MAX_FOLLOWERS = 20
"""So many of those who share a render are linked by name."""


@admin.register(TryOnRequest)
class TryOnRequestAdmin(DoubtViews, OperatorActions, ReadOnlyAdmin):
    """Every try-on, the newest first."""

    list_display = ["result", "title", "state_badge", "engine", "cost", "asked_by", "age"]
    list_display_links = ["title"]
    list_filter = [
        AttentionFilter, "state", DayFilter, AskerFilter, HouseModelFilter, EngineFilter, ProductFilter,
    ]  # fmt: skip
    list_per_page = 50
    search_fields = ["id"]  # That there is a field; what it finds is said in `get_search_results`.
    search_help_text = gettext_lazy(
        "Search by id (8 characters will do), vendor's id, product's number or words of its title"
    )
    ordering = ["-created_at"]
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    change_form_template = "admin/vton/tryonrequest/change_form.html"
    fieldsets = [
        (None, {"fields": ["product_links", "state_badge", "engine", "chosen_options", "cost"]}),
        (gettext_lazy("Who"), {"fields": ["asked_by", "sharing", "opinion"]}),
        (
            gettext_lazy("When"),
            {"fields": ["created_at", "started_at", "finished_at", "expires_at", "erased_at"]},
        ),
    ]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[NoCountChangeList]:
        """Without a count of the whole table."""
        return NoCountChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By an index wherever one can help."""
        return search.find(queryset, search_term), False

    def get_queryset(self, request: HttpRequest) -> QuerySet[TryOnRequest]:
        """With all that a row shows, in a fixed number of queries."""
        same_source = TryOnRequest.objects.filter(source=OuterRef("pk")).order_by().values("source")
        shared_by = Subquery(same_source.annotate(n=Count("pk")).values("n"), output_field=IntegerField())
        sees_shoppers = Value(may_see_shoppers(request), output_field=BooleanField())
        rows: QuerySet[TryOnRequest] = super().get_queryset(request)
        return (
            rows.select_related("shopper__user", "photo", "source__photo")
            .prefetch_related("images", "source__images", "attempts")
            .annotate(shared_by=Coalesce(shared_by, 0), sees_shoppers=sees_shoppers)
        )

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Row | None = None,
    ) -> HttpResponse:
        """The facts as Django shows them, and under them pictures, attempts and history."""
        assert obj is not None
        context |= {
            "pictures": _pictures(obj),
            "attempts": [_attempt_row(attempt) for attempt in obj.attempts.order_by("number")],
            "events": [
                {
                    "event": event,
                    "words": display.EVENT_WORDS.get(event.name, event.name),
                    "change": display.change(event),
                    "detail": _json(event.detail),
                }
                for event in obj.events.select_related("attempt", "actor")
            ],
            "doubt": unknown_outcomes.section(request, obj),
            "can_retry": may_spend(request) and _is_retryable(obj),
            "can_ask": may_operate(request) and obj.state in {State.SUBMITTED, State.RENDERED},
            "can_cancel": may_operate(request) and obj.state in ACTIVE,
            "can_erase": may_operate(request) and obj.erased_at is None,
        }
        return super().render_change_form(request, context, add, change, form_url, obj)

    # Columns and facts --------------------------------------------------------------------------

    @admin.display(description=gettext_lazy("result"))
    def result(self, tryon: Row) -> SafeString:
        """The first picture, or the state's sign."""
        pictures = tryon.pictures
        if not pictures:
            return display.icon(tryon)
        if not _is_shown(tryon, pictures[0]):
            return display.hidden()
        words = _("Try-on of %(product)s") % {"product": tryon.product_title or tryon.product}
        shown = display.thumbnail(display.image_url(pictures[0]), words)
        if len(pictures) == 1:
            return shown
        return format_html('{}<span class="vton-note">{}</span>', shown, f"+{len(pictures) - 1}")

    @admin.display(description=gettext_lazy("product"), ordering="product_title")
    def title(self, tryon: Row) -> SafeString:
        """The product's name, and whether the render is shared."""
        name = tryon.product_title or tryon.product
        note = ""
        if tryon.source_id is not None:
            note = _("shares an earlier render") if tryon.cached else _("shares a render")
        elif tryon.shared_by:
            note = _("shared by %(n)d") % {"n": tryon.shared_by}
        return (
            format_html('{}<span class="vton-note">{}</span>', name, note)
            if note
            else format_html("{}", name)
        )

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_badge(self, tryon: TryOnRequest) -> SafeString:
        """The state, and why it failed."""
        return display.state(tryon)

    @admin.display(description=gettext_lazy("cost"))
    def cost(self, tryon: TryOnRequest) -> SafeString:
        """What its attempts cost; one that shares a render cost nothing of its own."""
        if tryon.source_id is not None:
            return format_html('<span class="vton-quiet">{}</span>', _("shared"))
        return display.cost(tryon.attempts.all())

    @admin.display(description=gettext_lazy("asked by"))
    def asked_by(self, tryon: TryOnRequest) -> str:
        """A user by name, a guest by number, or nobody."""
        if tryon.erased_at is not None:
            return _("erased")
        if tryon.shopper is None:
            return _("nobody: a shared render")
        if tryon.shopper.user is None:
            return str(tryon.shopper)
        return _("User %(name)s") % {"name": tryon.shopper.user}

    @admin.display(description=gettext_lazy("age"), ordering="created_at")
    def age(self, tryon: TryOnRequest) -> SafeString:
        """How long ago it was asked for."""
        return display.age(tryon.created_at)

    @admin.display(description=gettext_lazy("product"))
    def product_links(self, tryon: TryOnRequest) -> SafeString:
        """To the product in the admin, and to its page in the shop."""
        link = display.product_link(tryon.product, tryon.product_title)
        ref = format_html('{} <span class="vton-quiet">{}</span>', link, tryon.product)
        url = safe_url(tryon.product_url)
        return format_html('{} · <a href="{}">{}</a>', ref, url, _("page in the shop")) if url else ref

    @admin.display(description=gettext_lazy("options"))
    def chosen_options(self, tryon: TryOnRequest) -> str:
        """The engine's options, as they are sent."""
        return ", ".join(f"{name}: {value}" for name, value in sorted(tryon.options.items())) or "-"

    @admin.display(description=gettext_lazy("feedback"))
    def opinion(self, tryon: TryOnRequest) -> str:
        """Whether its shopper likes the result, and if not, why."""
        words = str(FEEDBACK_WORDS.get(tryon.feedback, "-"))
        return f"{words}: {tryon.get_feedback_reason_display()}" if tryon.feedback_reason else words

    @admin.display(description=gettext_lazy("sharing"))
    def sharing(self, tryon: Row) -> SafeString:
        """The render that it shares, or those that share this one."""
        if tryon.source is not None:
            return format_html("{} {}", _("Shares the render of"), _link(tryon.source))
        if not tryon.shared_by:
            return format_html("{}", _("Shared by nobody"))
        followers = tryon.followers.order_by("-created_at")[:MAX_FOLLOWERS]
        links = format_html_join(", ", "{}", ((_link(follower),) for follower in followers))
        more = "…" if tryon.shared_by > MAX_FOLLOWERS else ""
        return format_html("{} {}{}", _("Shared by %(n)d:") % {"n": tryon.shared_by}, links, more)


def _link(tryon: TryOnRequest) -> SafeString:
    return display.tryon_link(tryon.pk, str(tryon.pk)[:8])


def _is_retryable(tryon: TryOnRequest) -> bool:
    return lifecycle.retryable(TryOnRequest.objects.filter(pk=tryon.pk)).exists()


def _is_shown(tryon: Row, image: TryOnImage) -> bool:
    return tryon.sees_shoppers or image.published_at is not None or tryon.shows_house_model


def _pictures(tryon: Row) -> list[dict[str, Any]]:
    """The person's photo and the results, as the detail page shows them; a hidden one has no `url`."""
    found: list[dict[str, Any]] = []
    if (photo := tryon.photo) is not None:
        words = _("House model %(name)s") % {"name": photo.name} if photo.is_house else _("Shopper's photo")
        found.append({"caption": words})
        if photo.is_house or tryon.sees_shoppers:
            found[-1] |= {
                "url": display.photo_url(photo, small=False),
                "thumbnail": display.photo_url(photo),
            }
    for number, image in enumerate(tryon.pictures, 1):
        size = {"n": number, "width": image.width, "height": image.height}
        found.append({"caption": _("Result %(n)d, %(width)d × %(height)d pixels") % size})  # noqa: RUF001 - as people read
        if _is_shown(tryon, image):
            found[-1] |= {
                "url": display.image_url(image, small=False),
                "thumbnail": display.image_url(image),
            }
    return found


def _attempt_row(attempt: Attempt) -> dict[str, Any]:
    return {
        "attempt": attempt,
        "price": usd(attempt.amount),
        "is_free": attempt.money == Money.FREE,
        "verdict": display.VERDICT_WORDS.get(attempt.verdict, attempt.verdict),
        "raw": _json(attempt.raw),
    }


def _json(value: Any) -> str:
    """For reading; what the vendor sent is stored without links."""
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) if value else ""
