"""Labels for staff, and safe HTML that several admin pages show."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..models.states import State
from ..utils import clock

HOUR, DAY = 60, 24 * 60
"""An hour and a day, in minutes."""

ICONS = {State.COMPLETED: "✓", State.FAILED: "✕", State.CANCELED: "-", State.UNKNOWN: "?"}
"""A sign for each state in which nothing runs, so that states do not differ by color alone."""

EVENT_LABELS = {
    "accepted": gettext_lazy("Accepted"),
    "claimed": gettext_lazy("Claimed by a worker"),
    "submitted": gettext_lazy("Accepted by the vendor"),
    "refused": gettext_lazy("Refused by the vendor, not charged"),
    "awaiting_callback": gettext_lazy("Error at the vendor; sent again unless a callback comes"),
    "charged_error": gettext_lazy("Callback for a refused render: accepted after all, counted as charged"),
    "fallback": gettext_lazy("Moved to the product's second engine"),
    "not_sent": gettext_lazy("Not sent to the vendor, not charged"),
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
    "adoption_withdrawn": gettext_lazy("Adopted id withdrawn: outcome unknown, counted as charged"),
    "not_charged": gettext_lazy("Not charged according to the vendor's panel"),
    "retried": gettext_lazy("Will be rendered again and paid again"),
    "polled": gettext_lazy("Check with the vendor requested"),
    "written_off": gettext_lazy("Written off: stays failed and counted as charged"),
    "canceled": gettext_lazy("Canceled"),
    "erased": gettext_lazy("Erased"),
}

OUTCOME_LABELS = {
    "": gettext_lazy("not sent yet"),
    "accepted": gettext_lazy("accepted"),
    "refused": gettext_lazy("refused, not charged"),
    "not_sent": gettext_lazy("not sent"),
    "unknown": gettext_lazy("unknown"),
}


def age(moment: datetime) -> SafeString:
    """Return the time since `moment`, such as "3 min ago", with the exact time as a tooltip."""
    minutes = int((clock.now() - moment).total_seconds() // 60)
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


def thumbnail(url: str, alt: str) -> SafeString:
    """Return an `<img>` with the thumbnail of the image at `url`."""
    return format_html('<img class="vton-thumb" src="{}?size=thumbnail" alt="{}" loading="lazy">', url, alt)


def product_link(ref: str, text: str = "") -> SafeString:
    """Return `text` (by default `ref`), as a link to the product's admin page if there is one."""
    label, _colon, pk = ref.partition(":")
    try:
        url = reverse(f"admin:{label.replace('.', '_')}_change", args=[pk])
    except NoReverseMatch:
        return format_html("{}", text or ref)
    return format_html('<a href="{}">{}</a>', url, text or ref)


def tryon_link(pk: UUID | None, text: str) -> SafeString:
    """Return the text, linked to the try-on's admin page unless `pk` is None."""
    if pk is None:
        return format_html("{}", text)
    return format_html('<a href="{}">{}</a>', reverse("admin:vton_tryonrequest_change", args=[pk]), text)
