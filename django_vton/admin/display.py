"""How the admin shows money, time, states and pictures: small pieces of safe HTML."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..models.states import Money, State
from ..utils.money import usd

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from django.utils.functional import _StrPromise
    from django.utils.safestring import SafeString

    from ..models import Attempt, PersonPhoto, TryOnEvent, TryOnImage, TryOnRequest

HOUR, DAY = 60, 24 * 60
"""In minutes."""

ICONS = {State.COMPLETED: "✓", State.FAILED: "✕", State.CANCELED: "-", State.UNKNOWN: "?"}
"""A sign for each end, so that nobody has to tell states by colour; what still runs has three dots."""

ERROR_WORDS: dict[str, _StrPromise] = {
    "moderated": gettext_lazy("refused by the vendor's moderation"),
    "no_person": gettext_lazy("no person found in the photo"),
    "photo_unusable": gettext_lazy("photo not usable for the vendor"),
    "product_image": gettext_lazy("product picture not usable for the vendor"),
    "vendor": gettext_lazy("problem at the vendor"),
    "deadline": gettext_lazy("took too long"),
    "outcome_unknown": gettext_lazy("connection lost: counted as charged, please check"),
}
"""Why a render failed, for staff and in few words."""

EVENT_WORDS: dict[str, _StrPromise] = {
    "accepted": gettext_lazy("Accepted"),
    "claimed": gettext_lazy("Taken up by a worker"),
    "submitted": gettext_lazy("Accepted by the vendor"),
    "refused": gettext_lazy("Refused by the vendor, not charged"),
    "not_sent": gettext_lazy("Vendor not reached, will be sent again"),
    "cut_off": gettext_lazy("Connection lost after sending: outcome unknown"),
    "foreign_id": gettext_lazy("Vendor answered with another render's id"),
    "outcome_timed_out": gettext_lazy("Outcome never became known: counted as charged"),
    "callback": gettext_lazy("Vendor called back"),
    "rendered": gettext_lazy("Made by the vendor, charged"),
    "vendor_failed": gettext_lazy("Given up by the vendor"),
    "deadline": gettext_lazy("Took longer than the deadline"),
    "not_fetched": gettext_lazy("Finished picture could not be fetched"),
    "fetch_kills": gettext_lazy("Finished picture could not be read, three times"),
    "photo_gone": gettext_lazy("Photo expired before it was sent"),
    "completed": gettext_lazy("Pictures stored"),
    "shared": gettext_lazy("Pictures shared from another render"),
    "source_ended": gettext_lazy("Shared render ended without pictures"),
    "source_reopened": gettext_lazy("Waits for the shared render again"),
    "engine_gone": gettext_lazy("Its engine is no longer in the settings"),
    "adopted": gettext_lazy("Vendor's id adopted, the render is asked for"),
    "not_charged": gettext_lazy("Not charged by the vendor's panel, will be sent once more"),
    "retried": gettext_lazy("To be rendered once more, paid anew"),
    "asked": gettext_lazy("To be asked for now"),
    "written_off": gettext_lazy("Written off: it stays failed and counted as charged"),
    "canceled": gettext_lazy("Canceled"),
    "erased": gettext_lazy("Erased"),
}

VERDICT_WORDS: dict[str, _StrPromise] = {
    "": gettext_lazy("not sent yet"),
    "accepted": gettext_lazy("accepted"),
    "refused": gettext_lazy("refused, not charged"),
    "not_sent": gettext_lazy("not sent"),
    "unknown": gettext_lazy("unknown"),
}


def cost(attempts: Iterable[Attempt]) -> SafeString:
    """What a try-on's attempts cost together, and whether that is for certain."""
    booked = [attempt for attempt in attempts if attempt.money != Money.FREE]
    if not booked:
        return format_html('<span class="vton-quiet">{}</span>', _("free"))
    total = usd(sum(attempt.amount for attempt in booked))
    if any(attempt.money == Money.HELD for attempt in booked):
        return format_html(
            '<span class="vton-amount">{}</span><span class="vton-note">{}</span>', total, _("held")
        )
    return format_html('<span class="vton-amount">{}</span>', total)


def age(moment: datetime) -> SafeString:
    """How long ago that was, such as "3 min ago", with the exact time for who asks."""
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


def state(tryon: TryOnRequest) -> SafeString:
    """The state with its sign, and why it failed."""
    value = State(tryon.state)
    badge = format_html(
        '<span class="vton-state vton-state-{}"><span aria-hidden="true">{}</span> {}</span>',
        value.value,
        ICONS.get(value, "…"),
        value.label,
    )
    if value != State.FAILED:
        return badge
    why = ERROR_WORDS.get(tryon.error_code, tryon.error_code)
    return format_html('{}<span class="vton-note">{}</span>', badge, why)


def change(event: TryOnEvent) -> str:
    """From which state to which, or "" where the state stayed."""
    if not event.from_state or event.from_state == event.to_state:
        return ""
    return f"{State(event.from_state).label} → {State(event.to_state).label}"


def icon(tryon: TryOnRequest) -> SafeString:
    """Where there is no picture: the state's sign in the picture's place."""
    sign = ICONS.get(State(tryon.state), "…")
    return format_html('<span class="vton-thumb vton-thumb-empty" aria-hidden="true">{}</span>', sign)


def thumbnail(url: str, alt: str) -> SafeString:
    """A small picture; its size is the style sheet's."""
    return format_html('<img class="vton-thumb" src="{}" alt="{}" loading="lazy">', url, alt)


def hidden() -> SafeString:
    """In place of a picture of a shopper, for staff who may not look at it."""
    hint = _("You need the permission to look at shoppers' photos and results.")
    return format_html('<span class="vton-thumb vton-thumb-hidden" title="{}">{}</span>', hint, _("hidden"))


def product_link(ref: str, text: str = "") -> SafeString:
    """The product, linked to its page in the shop's admin where it has one."""
    label, _colon, pk = ref.partition(":")
    try:
        url = reverse(f"admin:{label.replace('.', '_')}_change", args=[pk])
    except NoReverseMatch:
        return format_html("{}", text or ref)
    return format_html('<a href="{}">{}</a>', url, text or ref)


def tryon_link(pk: UUID | None, text: str) -> SafeString:
    """A try-on's page in the admin, where it is known."""
    if pk is None:
        return format_html("{}", text)
    return format_html('<a href="{}">{}</a>', reverse("admin:vton_tryonrequest_change", args=[pk]), text)


def image_url(image: TryOnImage, *, small: bool = True) -> str:
    """Where staff may fetch a result; the view looks at their permission once more."""
    return reverse("vton:image", args=[image.pk]) + ("?size=thumbnail" if small else "")


def photo_url(photo: PersonPhoto, *, small: bool = True) -> str:
    """As `image_url`, for the photo of a person."""
    return reverse("vton:photo-file", args=[photo.pk]) + ("?size=thumbnail" if small else "")
