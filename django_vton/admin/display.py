"""Small pieces of safe HTML for money, times, states and images."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..models import Attempt, PersonPhoto, TryOnEvent, TryOnImage, TryOnRequest
from ..models.states import Money, State
from ..utils.money import format_usd

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

HOUR, DAY = 60, 24 * 60
"""In minutes."""

ICONS = {State.COMPLETED: "✓", State.FAILED: "✕", State.CANCELED: "-", State.UNKNOWN: "?"}
"""A sign for each state in which nothing runs, so that states do not differ by colour alone."""

ERROR_LABELS: dict[str, _StrPromise] = {
    "moderated": gettext_lazy("refused by the vendor's moderation"),
    "no_person": gettext_lazy("no person found in the photo"),
    "photo_unusable": gettext_lazy("photo not usable for the vendor"),
    "product_image": gettext_lazy("product image not usable for the vendor"),
    "vendor": gettext_lazy("problem at the vendor"),
    "deadline": gettext_lazy("took too long"),
    "outcome_unknown": gettext_lazy("connection lost: counted as charged, please check"),
}
"""Short reasons for a failed render, for staff."""

EVENT_LABELS: dict[str, _StrPromise] = {
    "accepted": gettext_lazy("Accepted"),
    "claimed": gettext_lazy("Claimed by a worker"),
    "submitted": gettext_lazy("Accepted by the vendor"),
    "refused": gettext_lazy("Refused by the vendor, not charged"),
    "not_sent": gettext_lazy("Vendor not reached; will be sent again"),
    "outcome_unknown": gettext_lazy("Connection lost after sending: outcome unknown"),
    "vendor_id_conflict": gettext_lazy("Vendor responded with another render's id"),
    "outcome_timed_out": gettext_lazy("Outcome still unknown after the timeout: counted as charged"),
    "callback": gettext_lazy("Callback from the vendor"),
    "rendered": gettext_lazy("Rendered by the vendor, charged"),
    "vendor_failed": gettext_lazy("Failed at the vendor"),
    "deadline": gettext_lazy("Deadline exceeded"),
    "download_failed": gettext_lazy("Result could not be downloaded"),
    "download_crashed": gettext_lazy("Result could not be processed, three times"),
    "photo_gone": gettext_lazy("Photo expired before it was sent"),
    "completed": gettext_lazy("Results stored"),
    "shared": gettext_lazy("Results shared from another render"),
    "source_ended": gettext_lazy("Shared render ended without results"),
    "source_reopened": gettext_lazy("Waiting for the shared render again"),
    "engine_gone": gettext_lazy("Its engine is no longer in the settings"),
    "adopted": gettext_lazy("Vendor's id adopted; the render is polled"),
    "not_charged": gettext_lazy("Not charged according to the vendor's panel; will be sent again"),
    "retried": gettext_lazy("Will be rendered again and paid again"),
    "polled": gettext_lazy("Check with the vendor requested"),
    "written_off": gettext_lazy("Written off: stays failed and counted as charged"),
    "canceled": gettext_lazy("Canceled"),
    "erased": gettext_lazy("Erased"),
}

OUTCOME_LABELS: dict[str, _StrPromise] = {
    "": gettext_lazy("not sent yet"),
    "accepted": gettext_lazy("accepted"),
    "refused": gettext_lazy("refused, not charged"),
    "not_sent": gettext_lazy("not sent"),
    "unknown": gettext_lazy("unknown"),
}


def cost(attempts: Iterable[Attempt]) -> SafeString:
    """The total cost of the attempts, with a note if a part is only held."""
    booked = [attempt for attempt in attempts if attempt.money != Money.FREE]
    if not booked:
        return format_html('<span class="vton-quiet">{}</span>', _("free"))
    total = format_usd(sum(attempt.amount for attempt in booked))
    if any(attempt.money == Money.HELD for attempt in booked):
        return format_html(
            '<span class="vton-amount">{}</span><span class="vton-note">{}</span>', total, _("held")
        )
    return format_html('<span class="vton-amount">{}</span>', total)


def age(moment: datetime) -> SafeString:
    """The time since then, such as "3 min ago", with the exact time as a tooltip."""
    minutes = int((timezone.now() - moment).total_seconds() // 60)
    if minutes < 1:
        words = _("just now")
    elif minutes < HOUR:
        words = _("%(n)d min ago") % {"n": minutes}
    elif minutes < DAY:
        words = _("%(n)d h ago") % {"n": minutes // HOUR}
    else:
        words = ngettext("%(n)d day ago", "%(n)d days ago", minutes // DAY) % {"n": minutes // DAY}
    local = timezone.localtime(moment)
    exact = date_format(local, "DATETIME_FORMAT")
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), exact, words)


def state_badge(tryon: TryOnRequest) -> SafeString:
    """The state with its sign and, if it failed, the reason."""
    value = State(tryon.state)
    badge = format_html(
        '<span class="vton-state vton-state-{}"><span aria-hidden="true">{}</span> {}</span>',
        value.value,
        ICONS.get(value, "…"),
        value.label,
    )
    if value != State.FAILED:
        return badge
    why = ERROR_LABELS.get(tryon.error_code, tryon.error_code)
    return format_html('{}<span class="vton-note">{}</span>', badge, why)


def state_transition(event: TryOnEvent) -> str:
    """The old and the new state, or "" if the state did not change."""
    if not event.from_state or event.from_state == event.to_state:
        return ""
    return f"{State(event.from_state).label} → {State(event.to_state).label}"


def placeholder(tryon: TryOnRequest) -> SafeString:
    """The state's sign in place of a missing image."""
    sign = ICONS.get(State(tryon.state), "…")
    return format_html('<span class="vton-thumb vton-thumb-empty" aria-hidden="true">{}</span>', sign)


def thumbnail(url: str, alt: str) -> SafeString:
    """A small image; the style sheet sets its size."""
    return format_html('<img class="vton-thumb" src="{}" alt="{}" loading="lazy">', url, alt)


def hidden_placeholder() -> SafeString:
    """Shown in place of a shopper's image to staff without the permission to view it."""
    tooltip = _("You need the permission to view shoppers' photos and results.")
    return format_html(
        '<span class="vton-thumb vton-thumb-hidden" title="{}">{}</span>', tooltip, _("hidden")
    )


def product_link(ref: str, text: str = "") -> SafeString:
    """The product, linked to its page in the shop's admin if it has one."""
    label, _colon, pk = ref.partition(":")
    try:
        url = reverse(f"admin:{label.replace('.', '_')}_change", args=[pk])
    except NoReverseMatch:
        return format_html("{}", text or ref)
    return format_html('<a href="{}">{}</a>', url, text or ref)


def tryon_link(pk: UUID | None, text: str) -> SafeString:
    """A link to the try-on's admin page, or plain text if `pk` is None."""
    if pk is None:
        return format_html("{}", text)
    return format_html('<a href="{}">{}</a>', reverse("admin:vton_tryonrequest_change", args=[pk]), text)


def image_url(image: TryOnImage, *, small: bool = True) -> str:
    """The URL of a result. The view checks the permission again."""
    return reverse("vton:image", args=[image.pk]) + ("?size=thumbnail" if small else "")


def photo_url(photo: PersonPhoto, *, small: bool = True) -> str:
    """Like `image_url`, for the photo of a person."""
    return reverse("vton:photo-file", args=[photo.pk]) + ("?size=thumbnail" if small else "")
