"""Helpers for the tests of the reports: try-ons that end in each way, and parsed CSV files."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from django_vton import lifecycle
from django_vton.intake import feedback
from django_vton.pixazo import SubmitOutcome, SubmitResult, VendorResponse, VendorStatus
from tests import tryons

from . import factories

if TYPE_CHECKING:
    from django.test import Client

    from django_vton.models import Attempt, TryOnRequest


REPORTS = "admin:vton_conversion_changelist"
DAYS = "admin:vton_reports_days"
FEEDBACK = "admin:vton_reports_feedback"
INVOICE = "admin:vton_invoice"
INVOICE_CSV = "admin:vton_invoice_csv"


def get_csv(client: Client, name: str, **query: str) -> list[dict[str, str]]:
    response = client.get(reverse(name), query)
    assert response.status_code == 200
    data = tryons.read_stream(response)
    assert data.startswith(b"\xef\xbb\xbf"), "Excel needs the byte order mark"
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def create_claimed_tryon() -> tuple[TryOnRequest, Attempt]:
    request = factories.create_sendable_tryon()
    return request, tryons.claim_for_submit(request, token=str(request.pk))


def create_submitted_tryon() -> tuple[TryOnRequest, Attempt, VendorResponse]:
    request, attempt = create_claimed_tryon()
    running = VendorResponse(
        vendor_id=f"fashn-{request.pk}", status=VendorStatus.RUNNING, raw_status="QUEUED"
    )
    lifecycle.mark_submitted([(attempt, SubmitResult(outcome=SubmitOutcome.ACCEPTED, answer=running))])
    request.refresh_from_db()
    return request, attempt, running


def fail_render(attempt: Attempt, *, is_charged: bool) -> None:
    answer = VendorResponse(
        vendor_id=f"fashn-{attempt.request_id}",
        status=VendorStatus.FAILED,
        raw_status="FAILED",
        error_code="no_person",
    )
    assert lifecycle.mark_render_failed(attempt, answer, is_charged=is_charged)


def create_rated_tryon(value: str, reason: str = "", **more: Any) -> TryOnRequest:
    request = factories.complete_tryon(factories.create_tryon(factories.create_guest(), **more))
    feedback.save(request, value, reason)
    return request
