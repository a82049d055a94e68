"""The paid steps: one real try-on, made by the running workers and followed until its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ... import lifecycle
from ...conf import config
from ...exceptions import Refused
from ...gateway.links import supports_callback
from ...intake import request_render
from ...models import Attempt, TryOnRequest, VendorLink
from ...models.states import AT_VENDOR, ERROR_LABELS, IMAGES_UNREACHABLE, TERMINAL, Money, State
from ...pixazo import SubmitOutcome
from ...pixazo.parsing import parse_timestamp
from ...utils import clock
from ...utils.money import format_usd
from .connections import refusal
from .findings import Contact, Finding

STEPS = ("submit", "links", "render", "pictures", "charge", "callback")
"""The names of the steps, in their order."""

INTERVAL_SECONDS = 0.1
"""The pause between two queries, short since links are deleted when the render ends."""

CLAIM_SECONDS = 75.0
"""How long a worker may take to claim the try-on. A stopped engine is tried every minute."""

ANSWER_SECONDS = 90.0
"""How long the outcome of a claimed submit may take, which includes the end of a lost worker's lease."""

DOWNLOAD_SECONDS = 60.0

RACE = timedelta(seconds=5)
"""If a poll finds the result so soon after its end, the callback may have lost the race."""

PANEL = "Find the render in Pixazo's panel, and record in the admin whether it was charged."

Fetch = tuple[datetime, str | None]


@dataclass
class Progress:
    """The try-on and its first attempt, as they were last read."""

    request: TryOnRequest
    attempt: Attempt
    fetches: dict[str, Fetch | None] = field(default_factory=dict)
    """For each image, when and from which address it was first loaded, or None."""

    def refresh(self) -> None:
        """Read them again. What was seen of the links is kept after their deletion."""
        links = VendorLink.objects.filter(attempt=self.attempt).order_by("pk")
        for photo, at, address in links.values_list("photo_id", "fetched_at", "fetched_from"):
            name = "product" if photo is None else "photo"
            self.fetches[name] = None if at is None else (at, address)
        self.request.refresh_from_db()
        self.attempt.refresh_from_db()

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Refresh until the condition is true or the time is over. Return whether it is true."""
        ends = time.monotonic() + seconds
        while True:
            self.refresh()
            if condition():
                return True
            if time.monotonic() >= ends:
                return False
            time.sleep(INTERVAL_SECONDS)

    def since_submit(self, moment: datetime | None) -> str:
        """Return the time from the claim until then, such as "2.1 s"."""
        began = self.attempt.posted_at or self.request.created_at
        return f"{((moment or clock.now()) - began).total_seconds():.1f} s"

    def reached(self, state: State) -> datetime | None:
        """Return when the try-on has first reached this state."""
        return self.request.events.filter(to_state=state).values_list("at", flat=True).first()


def paid_steps(contact: Contact) -> Iterator[Finding]:
    """Order a render, and yield what each step has found, until its end or the first problem."""
    assert contact.prepared is not None, "the free steps have prepared it"
    contact.prepared.row.keep_transcript = True
    # A refusal is to be reported, and the price that was told is that of the first engine.
    contact.prepared.row.other_engine = ""
    try:
        request = request_render(contact.prepared, is_new=True).request
    except Refused as refused:
        yield Finding("submit", str(refused.detail), "See the page System status of the admin.")
        return
    yield Finding("submit", f"ordered; vton_transcript {request.pk} prints what is exchanged with Pixazo")
    progress = Progress(request, request.attempts.get(number=1))
    for step in (_submit, _links, _render, _pictures, _charge, _callback):
        for finding in step(contact, progress):
            yield finding
            if finding.is_problem:
                return


def _submit(_contact: Contact, progress: Progress) -> Iterator[Finding]:
    request, attempt = progress.request, progress.attempt
    if not progress.wait(lambda: attempt.posted_at is not None or request.state in TERMINAL, CLAIM_SECONDS):
        yield Finding(
            "submit",
            f"no worker has taken the try-on within {CLAIM_SECONDS:.0f} s{_cancel(request)}",
            "Check that the workers run with the settings of this shop, and their log.",
        )
        return
    if not progress.wait(lambda: _is_decided(progress), ANSWER_SECONDS):
        text = f"its outcome is not known after {ANSWER_SECONDS:.0f} s"
        yield Finding("submit", text, f"Check the log of the workers. {PANEL}")
    elif attempt.vendor_id:
        answered = progress.since_submit(progress.reached(State.SUBMITTED))
        yield Finding("submit", f"accepted after {answered} as {attempt.vendor_id}")
    elif attempt.outcome == SubmitOutcome.REFUSED:
        reason, remedy = refusal(attempt.http_status)
        # A 500 is only known to be a refusal once no callback has come, so the state may be `unknown`.
        text = f"{reason}: {attempt.error}{_cancel(request, State.QUEUED, State.UNKNOWN)}"
        yield Finding("submit", text, remedy)
    elif attempt.outcome == SubmitOutcome.NOT_SENT:
        yield Finding(
            "submit",
            f"a worker could not send it, though this host reaches the gateway: {attempt.error}"
            f"{_cancel(request)}",
            "Let the hosts of the workers connect to the gateway: check their firewall and DNS.",
        )
    elif request.state == State.UNKNOWN:
        yield Finding(
            "submit",
            f"the gateway was too slow or hung up: {attempt.error or 'no answer'}. The render may be charged",
            f"{PANEL} If it happens again, report it to Pixazo.",
        )
    else:
        yield Finding("submit", f"it ended before: {_ending(request)}", "See the try-on in the admin.")


def _is_decided(progress: Progress) -> bool:
    request, attempt = progress.request, progress.attempt
    return bool(attempt.vendor_id or attempt.outcome) or request.state in (State.UNKNOWN, *TERMINAL)


def _cancel(request: TryOnRequest, *states: State) -> str:
    """Cancel a try-on that waits for its next submit, so that it is not paid later. Say so if it was."""
    is_canceled = lifecycle.cancel(request, sources=states or [State.QUEUED])
    return ". The try-on was canceled, and nothing is charged" if is_canceled else ""


def _links(contact: Contact, progress: Progress) -> Iterator[Finding]:
    if contact.engine.images_as != "url":
        yield Finding("links", "the images were part of the submit, so none is loaded from the shop")
        return
    reported: set[str] = set()

    def is_new_or_over() -> bool:
        is_over = progress.request.state not in AT_VENDOR
        return is_over or any(fetch and name not in reported for name, fetch in progress.fetches.items())

    while len(reported) < len(progress.fetches) or not progress.fetches:
        progress.wait(is_new_or_over, _time_left(progress))
        new = {name: fetch for name, fetch in progress.fetches.items() if fetch and name not in reported}
        for name, (at, address) in new.items():
            reported.add(name)
            seconds = progress.since_submit(at)
            yield Finding(
                "links", f"the {name} was loaded after {seconds} by {address or 'an unknown address'}"
            )
        if not new:
            yield from _unseen_links(progress, [name for name in progress.fetches if name not in reported])
            return


def _unseen_links(progress: Progress, names: list[str]) -> Iterator[Finding]:
    """Tell of the images that were not loaded before the render ended, as far as was seen."""
    images = " and ".join(names) or "images"
    request = progress.request
    if request.error_code == IMAGES_UNREACHABLE:
        yield Finding(
            "links",
            f"Pixazo has not loaded the {images}, so the render failed: {progress.attempt.error}. "
            f"{_charged(progress.attempt)}",
            f"Something before {config.PUBLIC_BASE_URL} lets this host pass, but not Pixazo: look in the log "
            "of the firewall (WAF) and the CDN for refused requests to files/, and exempt that path.",
        )
    else:
        yield Finding("links", f"the render ended before a download of the {images} was seen")


def _render(_contact: Contact, progress: Progress) -> Iterator[Finding]:
    request = progress.request
    done = (State.RENDERED, *TERMINAL)
    progress.wait(lambda: request.state in done, _time_left(progress))
    if request.state in (State.RENDERED, State.COMPLETED):
        yield Finding("render", f"finished after {progress.since_submit(progress.reached(State.RENDERED))}")
    elif request.error_code == "deadline" or request.state not in TERMINAL:
        yield Finding(
            "render",
            f"Pixazo is slow: nothing was ready within VTON['DEADLINE'] ({_minutes(config.DEADLINE)}). "
            f"{_charged(progress.attempt)}",
            "Report it to Pixazo, or raise VTON['DEADLINE'] if this engine always takes so long.",
        )
    else:
        text = f"{_ending(request)}. {progress.attempt.error} {_charged(progress.attempt)}"
        yield Finding("render", text, "Try another product or house model, or report the message to Pixazo.")


def _pictures(_contact: Contact, progress: Progress) -> Iterator[Finding]:
    request = progress.request
    progress.wait(lambda: request.state in TERMINAL, DOWNLOAD_SECONDS)
    if request.state != State.COMPLETED:
        yield Finding(
            "pictures",
            f"the render is paid, but its images could not be loaded or read for {DOWNLOAD_SECONDS:.0f} s",
            "Let the workers connect to the host of the results, and check VTON['RESULT_HOSTS'] and the log "
            "of the workers, which try again for a day.",
        )
        return
    for image in request.images.all():
        size = f"{image.file.size:,} bytes, {image.width} x {image.height} pixels"
        yield Finding("pictures", f"stored: {size}, {image.content_type}")


def _charge(_contact: Contact, progress: Progress) -> Iterator[Finding]:
    vendor_id = progress.attempt.vendor_id
    yield Finding(
        "charge", f"{_charged(progress.attempt)} Pixazo's panel should show the same for {vendor_id}."
    )


def _callback(contact: Contact, progress: Progress) -> Iterator[Finding]:
    if not supports_callback(contact.engine.name):
        yield Finding("callback", "none was requested; the result was found by polling")
    elif progress.request.called_back_at is not None:
        came = progress.since_submit(progress.request.called_back_at)
        yield Finding("callback", f"came after {came}")
    elif _may_have_lost_the_race(contact, progress):
        yield Finding("callback", "a poll found the result first, so it cannot be told whether one came")
    else:
        yield Finding(
            "callback",
            "none came: a poll found the result later. Something lets this host pass, but not Pixazo",
            f"Look in the log of the firewall (WAF) and the CDN before {config.PUBLIC_BASE_URL} for refused "
            "requests to webhooks/, and exempt that path. Or set VTON['WEBHOOKS'] to False.",
        )


def _may_have_lost_the_race(contact: Contact, progress: Progress) -> bool:
    ended = parse_timestamp(progress.attempt.raw.get("completed_at"))
    found = progress.reached(State.RENDERED)
    if ended is None or found is None:
        return True
    return found - (ended + contact.gateway_lag) < RACE


def _time_left(progress: Progress) -> float:
    """Return how long the render may still take, and a little more for the poll that finds its end."""
    began = progress.attempt.posted_at or progress.request.created_at
    return (began + config.DEADLINE + timedelta(minutes=2) - clock.now()).total_seconds()


def _ending(request: TryOnRequest) -> str:
    return f"{State(request.state).label}: {ERROR_LABELS.get(request.error_code, request.error_code)}"


def _charged(attempt: Attempt) -> str:
    amount = format_usd(attempt.amount)
    if attempt.money == Money.FREE:
        return f"Nothing is charged ({amount} was reserved)."
    return f"{amount} is {'charged' if attempt.money == Money.SPENT else 'reserved'}."


def _minutes(duration: timedelta) -> str:
    return f"{duration.total_seconds() / 60:g} min"
