"""Try-ons in company: what becomes of several rows at once, told so that two companies can be compared."""

from __future__ import annotations

import asyncio
import io
import logging
import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db.models import Q
from django.utils import timezone
from PIL import Image

from django_vton import lifecycle, signals
from django_vton.gateway import links
from django_vton.gateway.engines import get_engine
from django_vton.house_models import add
from django_vton.models import (
    Attempt,
    BudgetPeriod,
    GatewayState,
    TryOnEvent,
    TryOnImage,
    TryOnRequest,
    VendorLink,
)
from django_vton.pixazo import Answer, Status, Submission, Verdict
from django_vton.worker import claims, result_images
from django_vton.worker.db_thread import DbThread, MicroBatcher

from ..doors import submit
from .test_callbacks import accepted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from django.db import models

    from django_vton.worker.claims import Job
    from django_vton.worker.outcomes import Kind
    from shop.models import Product

    from .desk import Desk

SIGNALS = {
    name: getattr(signals, name) for name in ("tryon_completed", "tryon_failed", "tryon_needs_attention")
}

OWN_TIME = {"created_at", "at"}
"""Columns whose time is that of the machine, though time stands still."""

NAMES = {"token_hash", "vendor_id", "cache_key", "shared_key", "file", "thumbnail"}
"""Columns that are another thing in each row, but stand for the same in two companies."""

LATER = timedelta(days=400)


# Rows in hand -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hand:
    """A row and its newest attempt, as a pump has read them."""

    request: TryOnRequest
    attempt: Attempt
    given_id: str = ""

    @property
    def vendor_id(self) -> str:
        return self.given_id or self.attempt.vendor_id or f"id {self.attempt.pk}"

    def job(self, kind: Any) -> Job:
        return claims.Job(kind, self.request, self.attempt, get_engine(self.request.engine), 0.0)

    def running(self) -> Submission:
        """The POST's own answer."""
        submission, answer = accepted(self.vendor_id)
        return replace(submission, answer=replace(answer, raw={"status": "QUEUED"}))

    def done(self, pictures: int = 1) -> Answer:
        """What the vendor says at the end."""
        images = tuple(f"http://vendor.invalid/{number}.png" for number in range(pictures))
        done = Answer(vendor_id=self.vendor_id, status=Status.COMPLETED, word="COMPLETED", images=images)
        return replace(done, raw={"status": "COMPLETED", "pictures": pictures})

    def pictures(self, number: int = 1) -> list[TryOnImage]:
        """What was fetched: the files are stored, the rows are not."""
        out = io.BytesIO()
        Image.new("RGB", (400, 500), (10, 20, 30)).save(out, "PNG")
        return result_images.store(self.request, [result_images.read(out.getvalue())] * number)


def in_hand(row: TryOnRequest) -> Hand:
    """Read anew."""
    request = TryOnRequest.objects.get(pk=row.pk)
    return Hand(request, lifecycle.current_attempt(request))


def sent(row: TryOnRequest) -> Hand:
    """Claimed for its POST, with its links where the vendor fetches the pictures."""
    attempt = submit(row, token=f"token {row.pk} {row.last_attempt}")
    if get_engine(row.engine).images_as == "url":
        links.create_links([attempt])
    return in_hand(row)


def sent_again(row: TryOnRequest) -> Hand:
    """Its second attempt: the first one did not reach the vendor."""
    refused(sent(row))
    return sent(TryOnRequest.objects.get(pk=row.pk))


def refused(hand: Hand) -> None:
    """It is queued with another attempt, due at once."""
    nothing = Submission(verdict=Verdict.NOT_SENT)
    lifecycle.submit_refused(hand.attempt, nothing, retry_at=timezone.now())


def made(row: TryOnRequest, send: Callable[[TryOnRequest], Hand] = sent) -> Hand:
    """The vendor has it, and it is asked about."""
    hand = send(row)
    answered(hand)
    return taken(row)


def fetched(row: TryOnRequest, pictures: int = 1) -> Hand:
    """The vendor is done, and its pictures are fetched."""
    hand = made(row)
    assert lifecycle.rendered(hand.request, hand.attempt, hand.done(pictures))
    return taken(row)


def answered(hand: Hand) -> None:
    submission = hand.running()
    assert submission.answer is not None
    lifecycle.submit_answered(hand.attempt, submission, submission.answer)


def taken(row: TryOnRequest) -> Hand:
    """Due, and claimed for a question or a fetch."""
    due(row)
    hand = in_hand(row)
    assert lifecycle.claim(hand.request, timezone.now(), claims.LEASE)
    return hand


def due(row: TryOnRequest) -> None:
    TryOnRequest.objects.filter(pk=row.pk).update(due_at=timezone.now())


def on_days(hands: Sequence[Hand], *days: date) -> None:
    """Their money was set aside on these days."""
    for hand, day in zip(hands, days, strict=True):
        Attempt.objects.filter(request=hand.request).update(budget_day=day)
        hand.attempt.budget_day = day
    amounts: Counter[tuple[str, date, str]] = Counter()
    for attempt in Attempt.objects.all():
        amounts["day", attempt.budget_day, attempt.money] += attempt.amount
        amounts["month", attempt.budget_day.replace(day=1), attempt.money] += attempt.amount
    BudgetPeriod.objects.all().delete()
    for kind, starts_on in {period[:2] for period in amounts}:
        held, spent = (amounts[kind, starts_on, money] for money in ("held", "spent"))
        BudgetPeriod.objects.create(kind=kind, starts_on=starts_on, held=held, spent=spent)


class Crowd:
    """Try-ons of both engines, and a house model's render for several who share it."""

    def __init__(self, desk: Desk, shirt: Product) -> None:
        self.desk, self.shirt = desk, shirt
        self.models = 0

    def shirts(self, number: int) -> list[TryOnRequest]:
        return [self.desk.ask(product=self.shirt) for _ in range(number)]

    def spectacles(self, number: int) -> list[TryOnRequest]:
        return [self.desk.ask() for _ in range(number)]

    def shared(self, number: int) -> TryOnRequest:
        """A house model's render that so many wait for; the last of them keeps it for long."""
        self.models += 1
        photo = io.BytesIO(self.desk.photo(shade=100 + self.models))
        model = add(name=f"model {self.models}", file=photo)
        rows = [
            self.desk.ask(photo=None, photo_id=str(model.pk), consent=False, product=self.shirt)
            for _ in range(number)
        ]
        TryOnRequest.objects.filter(pk=rows[-1].pk).update(expires_at=timezone.now() + LATER)
        assert rows[0].source is not None
        return rows[0].source


Act = Callable[[Sequence[Hand]], Sequence[Hand] | None]
"""What is done with rows in hand; where it has read them by itself, those that it has."""


# What became of them ----------------------------------------------------------------------------------


class Places:
    """Each thing by the place where it came up first among its like."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, Any], int] = {}
        self.counts: Counter[str] = Counter()

    def __call__(self, kind: str, thing: Any) -> Any:
        if thing in {None, ""}:
            return thing
        if (kind, thing) not in self.known:
            self.known[kind, thing] = self.counts[kind]
            self.counts[kind] += 1
        return f"{kind} {self.known[kind, thing]}"

    def in_words(self, line: str) -> str:
        """A line of the log, with places for ids."""
        for (kind, thing), place in self.known.items():
            if kind == "TryOnRequest":
                line = line.replace(str(thing), f"{kind} {place}")
        return re.sub(r"\bid \d+", "an id", line)

    def row(self, row: models.Model) -> dict[str, Any]:
        """All columns."""
        return {
            field.attname: self._value(field, getattr(row, field.attname))
            for field in row._meta.concrete_fields
            if field.name not in OWN_TIME
        }

    def _value(self, field: models.Field[Any, Any], value: Any) -> Any:
        if field.name == "counted_in":
            return [self("quota", pk) for pk in value]
        if field.name == "detail":
            return {name: self.in_words(str(told)) for name, told in value.items()}
        if field.primary_key or field.is_relation:
            model = field.related_model if field.is_relation else field.model
            return self(str(getattr(model, "__name__", model)), value)
        return self(field.name, str(value)) if field.name in NAMES and value is not None else value


@contextmanager
def telling() -> Iterator[tuple[list[tuple[str, Any, dict[str, Any]]], list[str]]]:
    """Which signals were sent, and what the lifecycle wrote into the log."""
    sent: list[tuple[str, Any, dict[str, Any]]] = []
    lines: list[str] = []

    def receive(name: str, **more: Any) -> None:
        sent.append(
            (name, more["request_id"], {key: more[key] for key in ("product", "code") if key in more})
        )

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    log, handler = logging.getLogger("django_vton.lifecycle"), Lines()
    with ExitStack() as stack:
        for name, signal in SIGNALS.items():
            receiver = partial(receive, name)
            signal.connect(receiver, weak=False)
            stack.callback(signal.disconnect, receiver)
        log.addHandler(handler)
        stack.callback(log.removeHandler, handler)
        yield sent, lines


def booked() -> Counter[tuple[str, str, Any]]:
    """Held and spent of each day and month."""
    amounts: Counter[tuple[str, str, Any]] = Counter()
    for period in BudgetPeriod.objects.all():
        amounts["held", period.kind, period.starts_on] = period.held
        amounts["spent", period.kind, period.starts_on] = period.spent
    return amounts


def became(hands: Sequence[Hand], act: Act) -> dict[str, Any]:
    """All that an act did to these rows and to whoever follows them; it may have read some by itself."""
    before, keys = booked(), [hand.request.pk for hand in hands]
    with telling() as (sent, lines):
        own = act(hands)
    after = booked()
    places = Places()
    hands = hands if own is None else own
    found = {
        row.pk: row
        for row in TryOnRequest.objects.filter(Q(pk__in=keys) | Q(source__in=keys)).order_by("created_at")
    }
    followers = [pk for pk in found if pk not in keys]
    rows = [found[pk] for pk in (*keys, *followers)]
    attempts = [attempt for row in rows for attempt in Attempt.objects.filter(request=row).order_by("number")]
    of_rows: dict[str, Sequence[models.Model]] = {
        "requests": rows,
        "attempts": attempts,
        "events": [event for row in rows for event in TryOnEvent.objects.filter(request=row).order_by("pk")],
        "images": [image for row in rows for image in TryOnImage.objects.filter(request=row)],
        "links": [link for it in attempts for link in VendorLink.objects.filter(attempt=it).order_by("pk")],
        "requests in hand": [hand.request for hand in hands],
        "attempts in hand": [hand.attempt for hand in hands],
    }
    tables: dict[str, Any] = {name: [places.row(row) for row in named] for name, named in of_rows.items()}
    # What is told of one try-on is in its order; who of several was first does not matter.
    told = {pk: [places.in_words(line) for line in lines if str(pk) in line] for pk in found}
    return tables | {
        "books": {
            period: after[period] - before[period] for period in after if after[period] != before[period]
        },
        "gateways": list(GatewayState.objects.order_by("pk").values()),
        "signals": [(row.pk in keys, name, more) for row in rows for name, pk, more in sent if pk == row.pk],
        "log": [told[row.pk] for row in rows],
        "other lines": sorted(places.in_words(line) for line in lines if not line.startswith("try_on=")),
    }


def compare(make: Callable[[], Sequence[Hand]], alone: Act, all_at_once: Act) -> dict[str, Any]:
    """The same rows twice, once one by one and once together; what became of either."""
    one_by_one, at_once = [became(make(), act) for act in (alone, all_at_once)]
    assert one_by_one == at_once
    return at_once


def tables() -> dict[str, list[Any]]:
    """All that is stored."""
    return {
        model.__name__: list(model._default_manager.order_by("pk").values())
        for model in apps.get_app_config("vton").get_models()
    }


# The doors above --------------------------------------------------------------------------------------


def bring(kind: Kind, news: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Bring news as a pump does, all while the thread is busy; what each came to."""

    async def at_once() -> list[Any]:
        thread = DbThread("vton-test")
        gathering = MicroBatcher(thread, kind)
        try:
            return await asyncio.gather(*[gathering(*item) for item in news], return_exceptions=True)
        finally:
            thread.close()

    return asyncio.run(at_once())
