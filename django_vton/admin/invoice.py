"""The page to check a month of the vendor's invoice: our list, and the vendor's CSV file laid beside it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..conf import config
from ..models import TryOnImage
from ..models.states import ERROR_LABELS, State
from ..monitoring import invoices, reports
from ..monitoring.invoices import Comparison, Difference, Differences, VendorFile
from ..utils.money import format_usd
from . import display, periods
from .base import ReadOnlyAdmin
from .csv_response import csv_response, usd
from .periods import Period

MAX_LISTED = 100
"""The maximum number of renders on the invoice page. The CSV file has all renders of the month."""

CHUNK_SIZE = 2000

BILLING_LABELS = {
    "charged": gettext_lazy("charged"),
    "assumed": gettext_lazy("assumed charged"),
    "free": gettext_lazy("free"),
    "held": gettext_lazy("reserved"),
}
COLUMN_LABELS = {
    "id": gettext_lazy("the vendor's id"),
    "date": gettext_lazy("the date"),
    "amount": gettext_lazy("the amount"),
}
INVOICE_HEADER = ("vendor_id", "engine", "sent_at", "amount_usd", "outcome", "booked", "try_on", "flaw")


class InvoiceForm(forms.Form):
    """The upload of the vendor's file."""

    file = forms.FileField(
        label=gettext_lazy("The vendor's CSV file of this month"),
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,text/csv"}),
    )

    def clean_file(self) -> bytes:
        """Read the file. Raise `ValidationError` if it is too large."""
        upload: Any = self.cleaned_data["file"]
        if upload.size > invoices.MAX_BYTES:
            megabytes = {"n": invoices.MAX_BYTES // 1_000_000}
            raise forms.ValidationError(_("The file has more than %(n)d MB, so it was not read.") % megabytes)
        return bytes(upload.read())


class InvoiceViews(ReadOnlyAdmin):
    """The page and its CSV file."""

    def invoice_view(self, request: HttpRequest) -> HttpResponse:
        """Show what the vendor should have charged in a month. A POST compares it with the vendor's file."""
        period = periods.parse_month(request.GET.get("period", "")) or periods.this_month()
        form = InvoiceForm(request.POST, request.FILES) if request.method == "POST" else InvoiceForm()
        comparison = None
        if form.is_bound and form.is_valid():
            try:
                comparison = _compare(form.cleaned_data["file"], period)
            except invoices.UnreadableFile as error:
                form.add_error("file", _unreadable_text(error))
        rows = list(reports.invoice(period.first, period.last)[: MAX_LISTED + 1])
        return self.render_page(
            request,
            "invoice",
            title=_("Reconcile with invoice"),
            period=period,
            choices=periods.months(),
            total=totals_row(reports.spending(period.first, period.last)),
            rows=[_invoice_row(row) for row in rows[:MAX_LISTED]],
            listed=MAX_LISTED if len(rows) > MAX_LISTED else None,
            form=form,
            comparison=comparison,
        )

    def invoice_csv_view(self, request: HttpRequest) -> StreamingHttpResponse:
        """Download all renders of a month, or with `?unchanged=1` those for a claim against the vendor.

        They are read from the database while the file is sent.
        """
        period = periods.parse_month(request.GET.get("period", "")) or periods.this_month()
        is_claim = request.GET.get("unchanged") == "1"
        found = (reports.claims if is_claim else reports.invoice)(period.first, period.last)
        rows = map(_invoice_csv_row, found.iterator(chunk_size=CHUNK_SIZE))
        name = f"try-on-{period.value}{'-unchanged' if is_claim else ''}.csv"
        return csv_response(name, INVOICE_HEADER, rows)


def totals_row(totals: reports.Totals) -> dict[str, Any]:
    """Return the counts as numbers, and the amounts as text. A zero amount is a dash."""
    row: dict[str, Any] = {name: getattr(totals, name) for name in ("renders", "completed", "failed")}
    for name in ("charged", "assumed", "free", "held", "spent"):
        micros = getattr(totals, name)
        row[name] = format_usd(micros) if micros else "-"
    return row


def _invoice_row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "vendor_id": row["vendor_id"],
        "engine": row["engine"],
        "sent": timezone.localtime(row["posted_at"], config.time_zone),
        "amount": format_usd(row["amount"]),
        "outcome": _outcome_text(row),
        "booked": BILLING_LABELS[row["booked"]],
        "is_free": row["booked"] == "free",
        **_tryon_link(row["request_id"]),
    }


def _outcome_text(row: dict[str, Any]) -> str:
    name, detail = reports.attempt_outcome(row)
    if row["flaw"]:
        return f"{State(name).label}: {TryOnImage.Flaw(row['flaw']).label}"
    text = str(display.OUTCOME_LABELS[name] if name == "refused" else State(name).label)
    return f"{text}: {ERROR_LABELS.get(detail, detail)}" if detail else text


def _invoice_csv_row(row: dict[str, Any]) -> list[Any]:
    """Return untranslated values, since another program might read the file."""
    sent = row["posted_at"].astimezone(config.time_zone)
    return [
        row["vendor_id"] or "",
        row["engine"],
        f"{sent:%Y-%m-%d %H:%M:%S}",
        usd(row["amount"]),
        ": ".join(filter(None, reports.attempt_outcome(row))),
        row["booked"],
        str(row["request_id"]),
        row["flaw"],
    ]


def _tryon_link(request_id: Any) -> dict[str, str]:
    if request_id is None:
        return {}
    url = reverse("admin:vton_tryonrequest_change", args=[request_id])
    return {"url": url, "short_id": str(request_id)[:8]}


def _unreadable_text(error: invoices.UnreadableFile) -> str:
    if not any(error.header):
        return _("This is not a CSV file.")
    text = _(
        "No column with the vendor's id was recognized, such as “request_id”. The columns are: %(names)s."
    )
    return text % {"names": ", ".join(filter(None, error.header))[:500]}


def _compare(data: bytes, period: Period) -> dict[str, Any]:
    """Return the template context of the comparison. Raise `UnreadableFile` if the file has no ids."""
    file = invoices.parse(data, period.first, period.last)
    result = invoices.compare(file, period.first, period.last)
    return {
        "theirs": format_usd(result.theirs) if "amount" in file.columns else "-",
        "ours": format_usd(result.ours),
        "difference": format_usd(result.theirs - result.ours) if "amount" in file.columns else "-",
        "equal": result.equal,
        "notes": _notes(file),
        "lists": [_list(title, differences) for title, differences in _lists(result) if differences.number],
    }


def _lists(result: Comparison) -> list[tuple[str, Differences]]:
    return [
        (_("In the vendor's file, but not ours"), result.only_theirs),
        (_("Ours, but not in the vendor's file"), result.only_ours),
        (_("Different amounts"), result.different),
        (_("In the vendor's file, but ours in another month"), result.other_months),
    ]


def _list(title: str, differences: Differences) -> dict[str, Any]:
    return {
        "title": title,
        "number": differences.number,
        "amount": format_usd(differences.micros),
        "rows": [_difference_row(difference) for difference in differences.listed],
        "is_cut": differences.number > len(differences.listed),
    }


def _difference_row(difference: Difference) -> dict[str, Any]:
    when = difference.when
    return {
        "vendor_id": difference.vendor_id,
        "when": when if isinstance(when, str) else f"{when.astimezone(config.time_zone):%Y-%m-%d %H:%M:%S}",
        "ours": "-" if difference.ours is None else format_usd(difference.ours),
        "theirs": "-" if difference.theirs is None else format_usd(difference.theirs),
        **_tryon_link(difference.request_id),
    }


def _notes(file: VendorFile) -> list[str]:
    """Return in words what was recognized in the file and what was not."""
    notes = [
        _("The column “%(name)s” was read as %(role)s.") % {"name": name, "role": COLUMN_LABELS[role]}
        for role, name in file.columns.items()
    ]
    notes += [
        _("No column was recognized as %(role)s.") % {"role": label}
        for role, label in COLUMN_LABELS.items()
        if role not in file.columns
    ]
    if file.unused:
        notes.append(_("Not used: %(names)s.") % {"names": ", ".join(file.unused)[:500]})
    counted = [
        (
            file.without_id,
            ngettext(
                "%(n)d row has no id and is left out.",
                "%(n)d rows have no id and are left out.",
                file.without_id,
            ),
        ),
        (
            file.without_day,
            ngettext(
                "The date of %(n)d row was not recognized. It is compared all the same.",
                "The dates of %(n)d rows were not recognized. They are compared all the same.",
                file.without_day,
            ),
        ),
        (
            file.without_amount,
            ngettext(
                "The amount of %(n)d row was not recognized. Only its id is compared.",
                "The amounts of %(n)d rows were not recognized. Only their ids are compared.",
                file.without_amount,
            ),
        ),
        (
            file.other_months,
            ngettext(
                "%(n)d row of another month is left out.",
                "%(n)d rows of other months are left out.",
                file.other_months,
            ),
        ),
    ]
    return notes + [text % {"n": n} for n, text in counted if n]
