"""The list of try-ons, and a read-only page of each try-on with its images, attempts and history."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import BooleanField, Count, Exists, IntegerField, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import lifecycle
from ..batches.review import OUTDATED
from ..intake.feedback import DISLIKE, LIKE
from ..models import BatchRender, Exchange, TryOnRequest
from ..models.states import ACTIVE, ERROR_LABELS, Money, State
from ..pixazo import SubmitOutcome
from ..utils.money import format_usd
from ..utils.safe_urls import safe_url
from . import adoption, display, search, unknown_outcomes
from .actions import OperatorActions
from .base import ReadOnlyAdmin, can_operate, can_spend, can_view_shopper_photos
from .filters import (
    AttentionFilter,
    DayFilter,
    EngineFilter,
    FlawFilter,
    HouseModelFilter,
    OutdatedFilter,
    ProductFilter,
    RequesterFilter,
)
from .no_count import NoCountChangeList
from .outdated import OutdatedActions
from .unknown_outcomes import UnknownOutcomeViews

if TYPE_CHECKING:
    from typing import TypedDict

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString
    from django_stubs_ext import WithAnnotations

    from ..models import Attempt, TryOnEvent, TryOnImage

    class TryOnAnnotations(TypedDict):
        """The annotations of `get_queryset`: followers, the product's picture, and the user's permission."""

        shared_by: int
        is_outdated: bool
        can_view_shoppers: bool

    Row = WithAnnotations[TryOnRequest, TryOnAnnotations]

FEEDBACK_LABELS = {LIKE: gettext_lazy("liked"), DISLIKE: gettext_lazy("disliked")}

MAX_FOLLOWERS = 20
"""The maximum number of links to try-ons that share a render."""


@admin.register(TryOnRequest)
class TryOnRequestAdmin(UnknownOutcomeViews, OperatorActions, OutdatedActions, ReadOnlyAdmin):
    """All try-ons, the newest first."""

    actions: list[Any] = [*OperatorActions.actions, *OutdatedActions.actions]
    list_display = ["result", "title", "state_badge", "engine", "cost", "requested_by", "age"]
    list_display_links = ["title"]
    list_filter = [
        AttentionFilter, "state", DayFilter, RequesterFilter, OutdatedFilter, FlawFilter, HouseModelFilter,
        EngineFilter, ProductFilter,
    ]  # fmt: skip
    list_per_page = 50
    search_fields = ["id"]  # Only shows the search field; `get_search_results` does the search.
    search_help_text = gettext_lazy(
        "Search by id (8 characters are enough), vendor's id, product number or words of the title"
    )
    ordering = ["-created_at"]
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    change_form_template = "admin/vton/tryonrequest/change_form.html"
    fieldsets = [
        (None, {"fields": ["product_links", "state_badge", "engine", "chosen_options", "cost"]}),
        (gettext_lazy("Shopper"), {"fields": ["requested_by", "sharing", "feedback_text"]}),
        (
            gettext_lazy("Times"),
            {"fields": ["created_at", "started_at", "finished_at", "expires_at", "erased_at"]},
        ),
    ]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[NoCountChangeList]:
        """Use a change list that does not count the table."""
        return NoCountChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Use an index if possible."""
        return search.search_tryons(queryset, search_term), False

    def get_queryset(self, request: HttpRequest) -> QuerySet[TryOnRequest]:
        """Load everything that a row shows, in a fixed number of queries."""
        same_source = TryOnRequest.objects.filter(source=OuterRef("pk")).order_by().values("source")
        shared_by = Subquery(same_source.annotate(n=Count("pk")).values("n"), output_field=IntegerField())
        can_view = Value(can_view_shopper_photos(request), output_field=BooleanField())
        rows: QuerySet[TryOnRequest] = super().get_queryset(request)
        return (
            rows.select_related("shopper__user", "photo", "source__photo")
            .prefetch_related("images", "source__images", "attempts")
            .annotate(
                shared_by=Coalesce(shared_by, 0),
                is_outdated=Exists(BatchRender.objects.filter(OUTDATED, request=OuterRef("pk"))),
                can_view_shoppers=can_view,
            )
        )

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the images, the attempts, the history and the actions."""
        tryon: Row = context["original"]
        retryable = lifecycle.retryable(TryOnRequest.objects.filter(pk=tryon.pk))
        context |= {
            "images": _image_contexts(tryon),
            "attempts": [_attempt_context(attempt) for attempt in tryon.attempts.order_by("number")],
            "events": [_event_context(event) for event in tryon.events.select_related("attempt", "actor")],
            "transcript": [_exchange_context(row) for row in _exchanges(tryon)],
            "unknown_outcome": unknown_outcomes.context(request, tryon),
            "adoption": adoption.adoption_context(request, tryon),
            "can_retry": can_spend(request) and retryable.exists(),
            "can_poll": can_operate(request) and tryon.state in {State.SUBMITTED, State.RENDERED},
            "can_cancel": can_operate(request) and tryon.state in ACTIVE,
            "can_erase": can_operate(request) and tryon.erased_at is None,
        }
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=gettext_lazy("result"))
    def result(self, tryon: Row) -> SafeString:
        """The first image, or "hidden" if the user may not view it. Without images, the state's sign."""
        images = tryon.shown_images
        if not images:
            sign = display.ICONS.get(State(tryon.state), "…")
            return format_html('<span class="vton-thumb vton-thumb-empty" aria-hidden="true">{}</span>', sign)
        if not _can_view(tryon, images[0]):
            return format_html(
                '<span class="vton-thumb vton-thumb-hidden" title="{}">{}</span>',
                _("You need the permission to view shoppers' photos and results."),
                _("hidden"),
            )
        alt = _("Try-on of %(product)s") % {"product": tryon.product_title or tryon.product}
        thumbnail = display.thumbnail(reverse("vton:image", args=[images[0].pk]), alt)
        return _with_note(thumbnail, f"+{len(images) - 1}" if len(images) > 1 else "")

    @admin.display(description=gettext_lazy("product"), ordering="product_title")
    def title(self, tryon: Row) -> SafeString:
        """The product's title, and whether the render is shared."""
        title = tryon.product_title or tryon.product
        note = ""
        if tryon.source_id is not None:
            note = _("shares an earlier render") if tryon.cached else _("shares a render")
        elif tryon.shared_by:
            note = _("shared by %(n)d") % {"n": tryon.shared_by}
        return _with_note(title, note)

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_badge(self, tryon: Row) -> SafeString:
        """The state with its sign, why it failed, and whether the product has another picture since."""
        state = State(tryon.state)
        badge = format_html(
            '<span class="vton-state vton-state-{}"><span aria-hidden="true">{}</span> {}</span>',
            state.value,
            display.ICONS.get(state, "…"),
            state.label,
        )
        if state == State.FAILED:
            return _with_note(badge, ERROR_LABELS.get(tryon.error_code, tryon.error_code))
        notes = [image.get_flaw_display() for image in tryon.shown_images if image.flaw]
        if tryon.is_outdated:
            notes.append(_("outdated: the product's picture has changed"))
        return _with_note(badge, ", ".join(dict.fromkeys(notes)))

    @admin.display(description=gettext_lazy("cost"))
    def cost(self, tryon: TryOnRequest) -> SafeString:
        """The total cost of the attempts, and whether a part of it is only reserved."""
        booked = [attempt for attempt in tryon.attempts.all() if attempt.money != Money.FREE]
        if tryon.source_id is not None or not booked:
            free = _("free") if tryon.source_id is None else _("shared")
            return format_html('<span class="vton-quiet">{}</span>', free)
        total = format_usd(sum(attempt.amount for attempt in booked))
        amount = format_html('<span class="vton-amount">{}</span>', total)
        return _with_note(amount, _("reserved") if any(row.money == Money.HELD for row in booked) else "")

    @admin.display(description=gettext_lazy("requested by"))
    def requested_by(self, tryon: TryOnRequest) -> str:
        """The user's name or the guest's number, or why there is no shopper."""
        if tryon.erased_at is not None:
            return _("erased")
        if tryon.shopper is None:
            return _("Shop (shared render)")
        if tryon.shopper.user is None:
            return str(tryon.shopper)
        return _("User %(name)s") % {"name": tryon.shopper.user}

    @admin.display(description=gettext_lazy("age"), ordering="created_at")
    def age(self, tryon: TryOnRequest) -> SafeString:
        """The time since the request."""
        return display.age(tryon.created_at)

    @admin.display(description=gettext_lazy("product"))
    def product_links(self, tryon: TryOnRequest) -> SafeString:
        """Links to the product in the admin and to its page in the shop."""
        link = display.product_link(tryon.product, tryon.product_title)
        ref = format_html('{} <span class="vton-quiet">{}</span>', link, tryon.product)
        url = safe_url(tryon.product_url)
        return format_html('{} · <a href="{}">{}</a>', ref, url, _("page in the shop")) if url else ref

    @admin.display(description=gettext_lazy("options"))
    def chosen_options(self, tryon: TryOnRequest) -> str:
        """The options that the engine gets."""
        return ", ".join(f"{name}: {value}" for name, value in sorted(tryon.options.items())) or "-"

    @admin.display(description=gettext_lazy("feedback"))
    def feedback_text(self, tryon: TryOnRequest) -> str:
        """Whether the shopper likes the result and, if not, the reason."""
        label = str(FEEDBACK_LABELS.get(tryon.feedback, "-"))
        return f"{label}: {tryon.get_feedback_reason_display()}" if tryon.feedback_reason else label

    @admin.display(description=gettext_lazy("sharing"))
    def sharing(self, tryon: Row) -> SafeString:
        """A link to the try-on whose render is shared, or links to the try-ons that share this render."""
        if tryon.source is not None:
            return format_html("{} {}", _("Shares the render of"), _link(tryon.source))
        if not tryon.shared_by:
            return format_html("{}", _("Not shared"))
        followers = tryon.followers.order_by("-created_at")[:MAX_FOLLOWERS]
        links = format_html_join(", ", "{}", ((_link(follower),) for follower in followers))
        more = "…" if tryon.shared_by > MAX_FOLLOWERS else ""
        return format_html("{} {}{}", _("Shared by %(n)d:") % {"n": tryon.shared_by}, links, more)


def _link(tryon: TryOnRequest) -> SafeString:
    return display.tryon_link(tryon.pk, str(tryon.pk)[:8])


def _with_note(text: Any, note: Any) -> SafeString:
    """Return the text, with the note below it unless the note is empty."""
    if not note:
        return format_html("{}", text)
    return format_html('{}<span class="vton-note">{}</span>', text, note)


def _can_view(tryon: Row, image: TryOnImage) -> bool:
    return tryon.can_view_shoppers or image.published_at is not None or tryon.shows_house_model


def _image_contexts(tryon: Row) -> list[dict[str, Any]]:
    """Return the photo and the results for the page of a try-on. A hidden image has no `url`."""
    found: list[dict[str, Any]] = []
    if (photo := tryon.photo) is not None:
        caption = _("House model %(name)s") % {"name": photo.name} if photo.is_house else _("Shopper's photo")
        found.append({"caption": caption})
        if photo.is_house or tryon.can_view_shoppers:
            found[-1]["url"] = reverse("vton:photo-file", args=[photo.pk])
    for number, image in enumerate(tryon.shown_images, 1):
        size = {"n": number, "width": image.width, "height": image.height}
        caption = _("Result %(n)d, %(width)d × %(height)d pixels") % size  # noqa: RUF001 - the sign that people read
        found.append({"caption": f"{caption}: {image.get_flaw_display()}" if image.flaw else caption})
        if _can_view(tryon, image):
            found[-1]["url"] = reverse("vton:image", args=[image.pk])
    return found


def _attempt_context(attempt: Attempt) -> dict[str, Any]:
    # Its try-on was canceled or moved to another engine before.
    is_unsent = attempt.outcome == "" and attempt.money == Money.FREE
    outcome = SubmitOutcome.NOT_SENT if is_unsent else attempt.outcome
    return {
        "attempt": attempt,
        "outcome": display.OUTCOME_LABELS.get(outcome, outcome),
        "raw": _json(attempt.raw),
    }


def _exchanges(tryon: TryOnRequest) -> QuerySet[Exchange]:
    rows = Exchange.objects.filter(attempt__request=tryon.pk)
    return rows.select_related("attempt").order_by("attempt__number", "at", "pk")


def _exchange_context(exchange: Exchange) -> dict[str, Any]:
    return {
        "exchange": exchange,
        "request": _json(exchange.request),
        "response": _json(exchange.response),
    }


def _event_context(event: TryOnEvent) -> dict[str, Any]:
    has_new_state = event.from_state and event.from_state != event.to_state
    states = f"{State(event.from_state).label} → {State(event.to_state).label}" if has_new_state else ""
    return {
        "event": event,
        "label": display.EVENT_LABELS.get(event.name, event.name),
        "transition": states,
        "detail": _json(event.detail),
    }


def _json(value: Any) -> str:
    """Return indented JSON, or "" for no value. Stored responses of the vendor contain no URLs."""
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) if value else ""
