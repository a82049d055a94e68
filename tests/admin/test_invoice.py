"""The invoice page: what was sent in a month, and the vendor's CSV file laid beside it."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from django_vton import lifecycle, privacy
from django_vton.models import Attempt
from django_vton.monitoring import invoices
from django_vton.pixazo import SubmitOutcome, SubmitResult
from django_vton.utils.periods import today
from tests import tryons

from . import factories
from .conftest import visible_text
from .report_data import INVOICE, INVOICE_CSV, REPORTS, create_claimed_tryon, create_submitted_tryon, get_csv

if TYPE_CHECKING:
    from django.test import Client


def upload(client: Client, data: str | bytes, **query: str) -> str:
    """Return the visible text of the comparison."""
    content = data.encode() if isinstance(data, str) else data
    url = reverse(INVOICE, query=query) if query else reverse(INVOICE)
    response = client.post(url, {"file": SimpleUploadedFile("month.csv", content, "text/csv")})
    assert response.status_code == 200
    return visible_text(response.content.decode()).partition("Compare with the vendor's file")[2]


def create_paid(vendor_id: str) -> Attempt:
    """Create a completed render that was charged today."""
    request = factories.complete_tryon(factories.create_tryon(factories.create_guest()))
    return factories.update_attempt(request, vendor_id=vendor_id, posted_at=timezone.now())


def test_only_what_left_the_machine_is_listed(superuser: Client) -> None:
    request, attempt = create_claimed_tryon()
    for _number in range(5):
        not_sent = SubmitResult(outcome=SubmitOutcome.NOT_SENT, error="ConnectError")
        lifecycle.mark_refused(attempt, not_sent, retry_at=timezone.now())
        request.refresh_from_db()
        attempt = tryons.claim_for_submit(request, token=f"{attempt.pk}")

    (line,) = get_csv(superuser, INVOICE_CSV)

    assert (line["outcome"], line["booked"]) == ("submitting", "held")


def test_each_attempt_has_its_own_outcome(superuser: Client) -> None:
    request, attempt = create_claimed_tryon()
    refused = SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=429, error="HTTP 429")
    lifecycle.mark_refused(attempt, refused, retry_at=timezone.now())
    request.refresh_from_db()
    attempt = tryons.claim_for_submit(request, token="second")
    assert lifecycle.mark_unknown(attempt, timeout=timedelta(0), status=422)
    request.refresh_from_db()
    lifecycle.end_unknown_outcome(request)
    Attempt.objects.filter(pk=attempt.pk).update(posted_at=timezone.now() - timedelta(minutes=10))
    assert lifecycle.confirm_not_charged(request, actor_id=None)
    request.refresh_from_db()
    tryons.complete_tryon(request)

    lines = get_csv(superuser, INVOICE_CSV)

    found = sorted((line["outcome"], line["booked"]) for line in lines)
    assert found == [("completed", "charged"), ("refused: HTTP 429", "free"), ("unknown: HTTP 422", "free")]
    text = visible_text(superuser.get(reverse(INVOICE)).content.decode())
    assert "refused, not charged: HTTP 429" in text


def test_unchanged_photos_are_listed_for_a_claim_even_after_their_erasure(superuser: Client) -> None:
    flaws = {"": create_paid("good"), "face": create_paid("face"), "unchanged": create_paid("claimed")}
    for flaw, attempt in flaws.items():
        Attempt.objects.filter(pk=attempt.pk).update(flaw=flaw)
    claimed = flaws["unchanged"].request
    privacy.erase_tryon(claimed)

    (line,) = get_csv(superuser, INVOICE_CSV, unchanged="1")
    assert (line["vendor_id"], line["flaw"], line["try_on"]) == ("claimed", "unchanged", str(claimed.pk))
    assert float(line["amount_usd"]) > 0
    assert len(get_csv(superuser, INVOICE_CSV)) == 3
    page = visible_text(superuser.get(reverse(INVOICE)).content.decode())
    assert "the photo came back unchanged" in page

    report = superuser.get(reverse(REPORTS)).content.decode()
    assert "?flaw=unchanged" in report
    changelist = reverse("admin:vton_tryonrequest_changelist", query={"flaw": "unchanged"})
    listed = superuser.get(changelist).context["cl"].result_list
    assert [row.pk for row in listed] == [claimed.pk]


def test_the_vendors_file_is_laid_beside_the_month(superuser: Client) -> None:
    for vendor_id in ("both", "ours-only", "dearer"):
        create_paid(vendor_id)
    request, _attempt, _answer = create_submitted_tryon()
    lifecycle.cancel(request)  # The vendor's file does not have it.
    earlier = create_paid("last-month")
    Attempt.objects.filter(pk=earlier.pk).update(budget_day=today().replace(day=1) - timedelta(days=1))
    day = today().isoformat()
    file = (
        "Invoice of Pixazo\n\n"
        "Request ID;Created at;Model;Cost (USD)\n"
        f"both;{day}T10:00:00Z;fashn;0,075\n"
        f"dearer;{day}T10:00:00Z;fashn;$0.15\n"
        f"theirs-only;{day};fashn;0.075 USD\n"
        f"last-month;{day};fashn;0.075\n"
        "of-2019;2019-01-05;fashn;0.075\n"
        f"someday;soon;fashn;free\n"
        f";{day};;0.375\n"
        "\n"
    )

    text = upload(superuser, file)

    for expected in (
        "The column “Request ID” was read as the vendor's id.",
        "The column “Created at” was read as the date.",
        "The column “Cost (USD)” was read as the amount.",
        "Not used: Model.",
        "1 row has no id and is left out.",
        "The date of 1 row was not recognized. It is compared all the same.",
        "The amount of 1 row was not recognized. Only its id is compared.",
        "1 row of another month is left out.",
        "the vendor's total 0.375 USD our total 0.30 USD difference 0.075 USD renders that agree 1",
        "In the vendor's file, but not ours: 2 (0.075 USD)",
        f"theirs-only {day} 0.075 USD - - someday soon - - -",
        "Ours, but not in the vendor's file: 2 (-0.15 USD)",
        "Different amounts: 1 (0.075 USD)",
        "0.15 USD 0.075 USD",
        "In the vendor's file, but ours in another month: 1 (0.075 USD)",
    ):
        assert expected in text, text
    assert "of-2019" not in text


def test_our_own_file_has_no_differences(superuser: Client) -> None:
    create_paid("one")
    create_paid("two")
    rows = get_csv(superuser, INVOICE_CSV)
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)

    text = upload(superuser, out.getvalue())

    assert "difference 0.00 USD renders that agree 2 No render differs." in text


def test_the_images_and_the_refund_of_one_id_are_added(superuser: Client) -> None:
    create_paid("one")

    text = upload(superuser, "id,amount\none,0.075\none,0.075\none,-0.075\n")

    assert "No render differs." in text
    assert "No column was recognized as the date." in text


def test_without_amounts_only_the_ids_are_compared(superuser: Client) -> None:
    create_paid("one")

    text = upload(superuser, "task_id\none\nother\n")

    assert "No column was recognized as the amount." in text
    assert "the vendor's total - our total 0.075 USD difference - renders that agree 1" in text
    assert "In the vendor's file, but not ours: 1" in text


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "The submitted file is empty."),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0\n", "No column with the vendor's id was recognized"),
        (b"name,when\nx,y\n", "such as “request_id”. The columns are: name, when."),
        (b"id,amount\n" + b"x" * 200_000, "This is not a CSV file."),
        (b"id\n" + b"x\n" * 2_500_000, "The file has more than 5 MB, so it was not read."),
    ],
    ids=["empty", "image", "without ids", "long field", "large"],
)
def test_a_file_that_cannot_be_read_is_refused_in_words(
    superuser: Client, data: bytes, expected: str
) -> None:
    text = upload(superuser, data)

    assert expected in text, text
    assert "our total" not in text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_files_of_spreadsheets_are_read_in_their_encodings(superuser: Client, encoding: str) -> None:
    create_paid("one")

    assert "No render differs." in upload(superuser, "id\tKosten für März\none\t0,075\n".encode(encoding))


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("0.075", 75_000), ("$1,234.50", 1_234_500_000), ("1.234,5 USD", 1_234_500_000), ("0,075", 75_000),
        ("(0.075)", -75_000), ("-0.075", -75_000), ("1,234,567", 1_234_567_000_000), (".5", 500_000),
        ("12", 12_000_000), ("0.075 EUR", None), ("", None), ("-", None), ("1e9", None), (".", None),
    ],
)  # fmt: skip
def test_an_amount_is_read_with_point_or_comma(text: str, micros: int | None) -> None:
    assert invoices.parse_amount(text) == micros


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-29", "2026-11-29"), ("2026-11-29T10:00:00Z", "2026-11-29"), ("29.11.2026", "2026-11-29"),
        ("11/29/2026 10:00", "2026-11-29"), ("29/11/2026", "2026-11-29"), ("03/04/2026", None),
        ("31.2.2026", None), ("soon", None), ("", None),
    ],
)  # fmt: skip
def test_a_day_is_read_unless_its_month_is_not_clear(text: str, day: str | None) -> None:
    found = invoices.parse_day(text)
    assert (found and found.isoformat()) == day


def test_the_comparison_is_of_the_chosen_month(superuser: Client) -> None:
    create_paid("one")

    text = upload(superuser, "id,amount,date\none,0.075,2019-01-10\n", period="2019-01")

    assert "In the vendor's file, but ours in another month: 1" in text
    assert "our total 0.00 USD" in text
