"""Try-ons in any state, claimed as a dispatcher claims them, with what the vendor says about them."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from PIL import Image

from django_vton import lifecycle
from django_vton.gateway import links
from django_vton.gateway.engines import get_engine
from django_vton.house_models import add
from django_vton.images import isolated
from django_vton.models import Attempt, BudgetPeriod, TryOnImage, TryOnRequest
from django_vton.pixazo import SubmitOutcome, SubmitResult, VendorResponse, VendorStatus
from django_vton.utils import clock
from django_vton.worker import claims, result_images
from django_vton.worker.db_thread import DbThread, MicroBatcher

from ..tryons import claim_for_submit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from django_vton.worker.claims import Job
    from shop.models import Product

    from .harness import Harness

LATER = timedelta(days=400)


@dataclass(frozen=True)
class Row:
    """A try-on and its newest attempt, as a dispatcher has read them."""

    request: TryOnRequest
    attempt: Attempt
    given_id: str = ""

    @property
    def vendor_id(self) -> str:
        return self.given_id or self.attempt.vendor_id or f"id {self.attempt.pk}"

    def job(self, kind: Any, **values: Any) -> Job:
        engine = get_engine(self.request.engine)
        return claims.Job(kind, self.request, self.attempt, engine, 0.0, **values)

    def accepted(self) -> SubmitResult:
        return accepted(self.vendor_id)

    def running(self) -> VendorResponse:
        """A poll that finds the render unfinished."""
        status = VendorStatus.RUNNING
        return VendorResponse(vendor_id=self.vendor_id, status=status, raw_status="QUEUED")

    def finished(self, images: int = 1, status: VendorStatus = VendorStatus.COMPLETED) -> VendorResponse:
        """A poll that finds the render finished, with so many images, or failed."""
        if status != VendorStatus.COMPLETED:
            failed = replace(self.running(), status=status, raw_status=status)
            return replace(failed, error_code="no_person", raw={"status": status})
        urls = tuple(f"http://vendor.invalid/{number}.png" for number in range(images))
        answer = replace(self.running(), status=status, raw_status="COMPLETED", images=urls)
        return replace(answer, raw={"status": "COMPLETED", "images": images})

    def images(self, number: int = 1) -> list[TryOnImage]:
        """Downloaded images: the files are stored, the rows are not."""
        out = io.BytesIO()
        Image.new("RGB", (400, 500), (10, 20, 30)).save(out, "PNG")
        return result_images.store(self.request, [isolated.decode_result(out.getvalue())] * number)


def accepted(vendor_id: str) -> SubmitResult:
    """The response to a submit that the vendor accepts."""
    answer = VendorResponse(
        vendor_id=vendor_id, status=VendorStatus.RUNNING, raw_status="QUEUED", raw={"status": "QUEUED"}
    )
    return SubmitResult(outcome=SubmitOutcome.ACCEPTED, status_code=202, answer=answer)


def read(request: TryOnRequest) -> Row:
    request = TryOnRequest.objects.get(pk=request.pk)
    return Row(request, lifecycle.current_attempt(request))


def submitting(request: TryOnRequest) -> Row:
    """Claimed for its submit, with vendor links, which the vendor has used, if it downloads the images."""
    token = f"token {request.pk} {request.current_attempt_number}"
    attempt = claim_for_submit(request, token=token)
    if get_engine(request.engine).images_as == "url":
        links.create_links([attempt])
        attempt.links.update(fetched_at=timezone.now())
    return read(request)


def queue_again(row: Row) -> None:
    """Its submit was not sent, and it is due at once with another attempt."""
    result = SubmitResult(outcome=SubmitOutcome.NOT_SENT)
    lifecycle.mark_refused(row.attempt, result, retry_at=timezone.now())


def submitting_again(request: TryOnRequest) -> Row:
    """Claimed for the submit of its second attempt."""
    queue_again(submitting(request))
    return submitting(TryOnRequest.objects.get(pk=request.pk))


def accept(row: Row) -> None:
    lifecycle.mark_submitted([(row.attempt, row.accepted())])


def polling(request: TryOnRequest, submit: Callable[[TryOnRequest], Row] = submitting) -> Row:
    """The vendor has accepted it, and it is claimed for a poll."""
    accept(submit(request))
    return claim_due(request)


def downloading(request: TryOnRequest, images: int = 1) -> Row:
    """The vendor has finished it, and it is claimed for the download."""
    row = polling(request)
    assert lifecycle.mark_rendered([(row.attempt, row.finished(images), None)])
    return claim_due(request)


def claim_due(request: TryOnRequest) -> Row:
    make_due(request)
    row = read(request)
    assert lifecycle.claim_due([row.attempt], timezone.now(), lifecycle.LEASE)
    return row


def make_due(request: TryOnRequest) -> None:
    TryOnRequest.objects.filter(pk=request.pk).update(due_at=clock.now())


def set_budget_days(rows: Sequence[Row], *days: date) -> None:
    """The money of these rows was reserved on these days."""
    for row, day in zip(rows, days, strict=True):
        Attempt.objects.filter(request=row.request).update(budget_day=day)
        row.attempt.budget_day = day
    amounts: Counter[tuple[str, date, str]] = Counter()
    for attempt in Attempt.objects.all():
        amounts["day", attempt.budget_day, attempt.money] += attempt.amount
        amounts["month", attempt.budget_day.replace(day=1), attempt.money] += attempt.amount
    BudgetPeriod.objects.all().delete()
    for kind, starts_on in {period[:2] for period in amounts}:
        held, spent = (amounts[kind, starts_on, money] for money in ("held", "spent"))
        BudgetPeriod.objects.create(kind=kind, starts_on=starts_on, held=held, spent=spent)


class Orders:
    """Orders of several try-ons: of both engines, and of a house model's render that several share."""

    def __init__(self, harness: Harness, shirt: Product) -> None:
        self.harness, self.shirt = harness, shirt
        self.house_models = 0

    def shirts(self, number: int) -> list[TryOnRequest]:
        return [self.harness.order(product=self.shirt) for _ in range(number)]

    def glasses(self, number: int) -> list[TryOnRequest]:
        return [self.harness.order() for _ in range(number)]

    def shared(self, followers: int) -> TryOnRequest:
        """The source of so many followers, of which the last one expires late."""
        self.house_models += 1
        photo = io.BytesIO(self.harness.photo(shade=100 + self.house_models))
        model = add(name=f"model {self.house_models}", file=photo)
        order: dict[str, Any] = {
            "photo": None,
            "photo_id": str(model.pk),
            "consent": False,
            "product": self.shirt,
        }
        rows = [self.harness.order(**order) for _ in range(followers)]
        TryOnRequest.objects.filter(pk=rows[-1].pk).update(expires_at=timezone.now() + LATER)
        assert rows[0].source is not None
        return rows[0].source


def store_in_bulk(store: Callable[[Any], Sequence[Any]], outcomes: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Store outcomes as a dispatcher does if all come at the same time. Return the results or errors."""

    async def run() -> list[Any]:
        thread = DbThread("vton-test")
        batcher = MicroBatcher(thread, store)
        try:
            return await asyncio.gather(*[batcher(*it) for it in outcomes], return_exceptions=True)
        finally:
            thread.close()

    return asyncio.run(run())
