"""What may happen next in the simulation. Each action calls the package as its views, workers and admin do.

What a healthy vendor, worker and clock do costs nothing. Each failure, callback and decision of a person
costs one fault.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from django.db import IntegrityError, connection, transaction
from django.test import RequestFactory

from django_vton import lifecycle, privacy
from django_vton.gateway import links
from django_vton.gateway.engines import get_engine
from django_vton.models import PersonPhoto, TryOnImage, TryOnRequest, VendorLink
from django_vton.models.states import State
from django_vton.pixazo import VendorStatus
from django_vton.web import webhooks
from django_vton.worker import claims, outcomes

from ..lifecycle.invariants import check_followers
from .simulation import (
    CUT_OFF,
    UNSENT,
    AttemptKey,
    Call,
    Render,
    Simulation,
    make_vendor_id,
    store_submit,
    unsaved_images,
    vendor_response,
)
from .simulation_database import may_send, upcoming_times

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django_vton.models import Attempt
    from django_vton.pixazo import VendorResponse
    from django_vton.worker.claims import Job

    from .simulation_database import DatabaseView

MAX_ATTEMPTS = 3
"""Later attempts are never refused, so that the search has an end."""

TWICE = 2


@dataclass(frozen=True)
class Action:
    """Something that may happen, how many faults it costs, and the simulation after it."""

    name: str
    cost: int
    run: Callable[[], Simulation]


@dataclass(frozen=True)
class SearchOptions:
    """What a search may use apart from its own try-ons."""

    foreign_vendor_id: str = ""
    """A vendor's id that belongs to another try-on, which has ended."""
    bystanders: frozenset[UUID] = frozenset()
    """Try-ons to which nothing happens, such as the owner of that id."""
    add_follower: Callable[[], None] | None = None
    """Requests the render of the same house model for another shopper."""
    make_images: Callable[[TryOnRequest], list[TryOnImage]] = unsaved_images
    """Makes the rows of downloaded images, and their files."""


def possible_actions(simulation: Simulation, view: DatabaseView, options: SearchOptions) -> Iterator[Action]:
    """Everything that may happen now."""
    yield from _clock_actions(simulation, view)
    yield from _worker_actions(simulation, view)
    yield from _schedule_actions(simulation, view)
    for call in simulation.calls:
        name = f"{call.job.kind} {view.index[call.request_id]}.{call.job.attempt.number}"
        match call.job.kind:
            case "submit":
                yield from _submit_actions(simulation, call, name)
            case "poll":
                yield from _poll_actions(simulation, call, name)
            case "download":
                yield from _download_actions(simulation, call, options, name)
    for vendor_id, render in simulation.renders.items():
        yield from _callback_actions(simulation, view, options, vendor_id, render)
    for index, row in enumerate(view.rows):
        if row.pk in options.bystanders:
            continue
        yield from _shopper_actions(simulation, view, row, f" {index}")
        if view.attempts[row.pk]:
            yield from _operator_actions(simulation, view, options, row)
    if options.add_follower is not None and not simulation.added_followers:
        yield Action("a follower is added", 1, partial(_add_follower, simulation, options.add_follower))


def _in_database(simulation: Simulation, action: Callable[[], object]) -> Simulation:
    """Run something that changes the database only."""
    action()
    return simulation


# Time and workers -----------------------------------------------------------------------------------


def _clock_actions(simulation: Simulation, view: DatabaseView) -> Iterator[Action]:
    leases = [call.job.request.lease_until for call in simulation.calls if call.job.kind != "submit"]
    active = [lease for lease in leases if lease is not None and lease > simulation.now]
    for name, moment in upcoming_times(simulation, view).items():
        # A poll or a download outlives its lease only if its worker was killed.
        cost = 1 if any(lease <= moment for lease in active) else 0
        yield Action(f"time: {name}", cost, partial(_advance, simulation, name, moment))


def _advance(simulation: Simulation, name: str, moment: datetime) -> Simulation:
    if name.startswith("deadline"):
        # Polls until then have found nothing new. Without them, that time would not count.
        polled = TryOnRequest.objects.filter(state=State.SUBMITTED, lease_until=None)
        polled.filter(due_at__lt=moment).update(due_at=moment)
    return replace(simulation, now=moment)


def _worker_actions(simulation: Simulation, view: DatabaseView) -> Iterator[Action]:
    due = [row for row in view.rows if _is_due(row, simulation)]
    if due:
        yield Action("dispatch", 0, lambda: simulation.with_jobs(claims.claim_jobs(50, 4)))
    if simulation.stale_read is None:
        for row in due:
            read = (copy.copy(row), copy.copy(view.current(row)), simulation.now)
            name = f"a slow worker reads {view.index[row.pk]}"
            yield Action(name, 1, partial(replace, simulation, stale_read=read))
    else:
        yield Action("the slow worker claims", 0, partial(_claim_stale, simulation, *simulation.stale_read))


def _schedule_actions(simulation: Simulation, view: DatabaseView) -> Iterator[Action]:
    """The scheduled wake-up completes followers whose source has ended, if a worker died before it did."""
    ended = {row.pk for row in view.rows if row.finished_at is not None}
    if any(row.source_id in ended and row.finished_at is None for row in view.rows):
        yield Action("schedule", 0, partial(_in_database, simulation, _finish_followers))


def _finish_followers() -> None:
    lifecycle.finish_followers()
    check_followers()


def _is_due(row: TryOnRequest, simulation: Simulation) -> bool:
    is_free = row.lease_until is None or row.lease_until <= simulation.now
    return row.due_at is not None and row.due_at <= simulation.now and is_free and row.finished_at is None


def _claim_stale(
    simulation: Simulation, stale: TryOnRequest, current: Attempt, read_at: datetime
) -> Simulation:
    """What a worker does with a row that it read some time ago: the rest of claiming it."""
    simulation = replace(simulation, stale_read=None)
    row, current = copy.copy(stale), copy.copy(current)
    jobs: list[Job] = []
    if row.state == State.QUEUED:
        # The worker reads the photo again with each row.
        row = TryOnRequest.objects.select_related("photo", "product_image").get(pk=row.pk)
        row.state = stale.state
        current.request = row
        if not claims._has_images(row, read_at):
            lifecycle.give_up(row, "photo_gone", "photo_gone")
        else:
            with suppress(IntegrityError), transaction.atomic():
                jobs = claims.claim_submits([current], get_engine(stale.engine))
                connection.check_constraints()  # As the commit of the worker's own transaction does.
    elif row.state == State.SUBMITTING:
        claims.end_expired_lease(row, read_at)
    elif row.state == State.UNKNOWN:
        lifecycle.end_unknown_outcome(row)
    else:
        current.request = row
        jobs = claims.create_jobs(claims.claim_polls([current], read_at))
    return simulation.with_jobs(jobs)


# Calls to the vendor --------------------------------------------------------------------------------


def _submit_actions(simulation: Simulation, call: Call, name: str) -> Iterator[Action]:
    is_refusable = call.job.attempt.number < MAX_ATTEMPTS
    if not call.outcome:
        if may_send(simulation, call):
            yield from _accept_actions(simulation, call, name)
            if is_refusable:
                for status in ("400", "429", "500"):
                    yield Action(f"{name} is refused {status}", 1, partial(_decide, simulation, call, status))
                accept = partial(_accept, simulation, call, outcome="500")
                yield Action(f"{name} is accepted, but answered 500", 1, accept)
        if is_refusable:
            yield from _unsent_actions(simulation, call, name)
    elif call.times_stored < TWICE:
        cost = 1 if call.times_stored else 0
        yield Action(f"{name} is answered", cost, partial(_store, simulation, call, call.outcome))
        if not call.times_stored:
            statuses = list(_with_statuses(simulation, make_vendor_id(call.attempt_key)))[1:]
            for suffix, more, after in statuses if call.outcome == "accepted" else ():
                yield Action(
                    f"{name} is answered{suffix}", 1 + more, partial(_store, after, call, call.outcome)
                )
            if call.outcome not in UNSENT:
                yield Action(f"{name} is cut off", 1, partial(_store, simulation, call, "cut_off"))


def _unsent_actions(simulation: Simulation, call: Call, name: str) -> Iterator[Action]:
    for outcome, words in UNSENT.items():
        # Only with a second engine does it matter why.
        if outcome == "not_sent" or call.job.request.other_engine:
            yield Action(f"{name} {words}", 1, partial(_decide, simulation, call, outcome))


def _accept_actions(simulation: Simulation, call: Call, name: str) -> Iterator[Action]:
    yield Action(f"{name} is accepted", 0, partial(_accept, simulation, call))
    if call.job.links is not None:
        accept = partial(_accept, simulation, call, is_walled=True)
        yield Action(f"{name} is accepted, before a wall", 1, accept)


def _accept(
    simulation: Simulation, call: Call, *, is_walled: bool = False, outcome: str = "accepted"
) -> Simulation:
    """The vendor accepts the submit, charges for it, and downloads the images, unless there is a wall."""
    if not is_walled:
        VendorLink.objects.filter(attempt=call.job.attempt).update(fetched_at=simulation.now)
    render = Render(call.attempt_key, is_walled=is_walled)
    simulation = simulation.with_render(make_vendor_id(call.attempt_key), render)
    return _decide(simulation, call, outcome)


def _decide(simulation: Simulation, call: Call, outcome: str) -> Simulation:
    return simulation.with_call(call, replace(call, outcome=outcome))


def _store(simulation: Simulation, call: Call, outcome: str) -> Simulation:
    store_submit(simulation, replace(call, outcome=outcome))
    times = CUT_OFF if outcome == "cut_off" else call.times_stored + 1
    return simulation.with_call(call, replace(call, times_stored=times))


def _poll_actions(simulation: Simulation, call: Call, name: str) -> Iterator[Action]:
    vendor_id = call.job.attempt.vendor_id or ""

    def poll(simulation: Simulation, response: VendorResponse | None) -> Simulation:
        [download] = outcomes.on_poll([(call.copy_job(), response, None, True)])
        return simulation.with_call(call, None).with_jobs([download] if download else [])

    for suffix, cost, after in _with_statuses(simulation, vendor_id):
        yield Action(
            f"{name} is answered{suffix}", cost, partial(poll, after, vendor_response(after, vendor_id))
        )
    cost = 1 if vendor_id in simulation.renders else 0
    yield Action(f"{name} fails", cost, partial(poll, simulation, None))


def _with_statuses(simulation: Simulation, vendor_id: str) -> Iterator[tuple[str, int, Simulation]]:
    """The statuses a render may have when it is polled; the first poll that sees an end decides which."""
    render = simulation.renders.get(vendor_id)
    if render is None:
        return
    yield "", 0, simulation
    if not render.status:
        for status in dict.fromkeys((render.usual_end, VendorStatus.FAILED, VendorStatus.ERROR)):
            cost = 0 if status == render.usual_end else 1
            yield f": {status}", cost, simulation.with_render(vendor_id, replace(render, status=status))


def _download_actions(
    simulation: Simulation, call: Call, options: SearchOptions, name: str
) -> Iterator[Action]:
    def succeed() -> Simulation:
        job = call.copy_job()
        outcomes.on_download([(job, options.make_images(job.request))])
        return simulation.with_call(call, None)

    def fail(*, is_unreadable: bool) -> Simulation:
        lifecycle.record_download_failure(call.copy_job().request, is_unreadable, "failed")
        return simulation.with_call(call, None)

    yield Action(f"{name} succeeds", 0, succeed)
    yield Action(f"{name} fails", 1, partial(fail, is_unreadable=False))
    yield Action(f"{name} is no image", 1, partial(fail, is_unreadable=True))


def _callback_actions(
    simulation: Simulation, view: DatabaseView, options: SearchOptions, vendor_id: str, render: Render
) -> Iterator[Action]:
    request_id, number = render.attempt_key
    name = f"render {view.index[request_id]}.{number}"
    call = next(call for call in simulation.submits() if call.attempt_key == render.attempt_key)
    if not links.supports_callback(call.job.engine.name):
        return
    if render.callbacks < TWICE:
        status = render.status or render.usual_end
        changed = replace(render, status=status, callbacks=render.callbacks + 1)
        after = simulation.with_render(vendor_id, changed)
        named = simulation.with_render(vendor_id, replace(changed, is_named=True))
        # After an error, the first callback costs nothing: the vendor works as it should from then on.
        cost = 0 if call.outcome == "500" and not render.callbacks else 1
        yield Action(f"{name} calls back", cost, partial(_call_back, named, call, vendor_id))
        yield Action(f"{name} calls back without its id", 1, partial(_call_back, after, call, ""))
    if not simulation.forged_callbacks:
        after = replace(simulation, forged_callbacks=1)
        yield Action(f"{name}: a forged callback", 1, partial(_call_back, after, call, "forged"))
        if foreign_id := options.foreign_vendor_id:
            yield Action(
                f"{name}: a callback with another's id", 1, partial(_call_back, after, call, foreign_id)
            )


def _call_back(simulation: Simulation, call: Call, vendor_id: str) -> Simulation:
    """A callback through its view."""
    body = json.dumps({"request_id": vendor_id, "status": "COMPLETED"} if vendor_id else {})
    request = RequestFactory().post("/", body, content_type="application/json")
    assert webhooks.callback(request, call.job.token).status_code in {200, 404}
    return simulation


# Shoppers and operators -----------------------------------------------------------------------------


def _shopper_actions(
    simulation: Simulation, view: DatabaseView, row: TryOnRequest, suffix: str
) -> Iterator[Action]:
    if row.erased_at is not None:
        return

    def action(name: str, change: Callable[[], object]) -> Action:
        return Action(name + suffix, 1, partial(_in_database, simulation, change))

    yield action("cancel", partial(lifecycle.cancel, copy.copy(row)))
    yield action("erase", partial(privacy.erase_tryon, copy.copy(row)))
    if row.photo_id is not None and view.photos[row.photo_id][0] == PersonPhoto.Kind.OWN:
        yield action("delete photo", partial(_delete_photo, row.photo_id))


def _delete_photo(pk: UUID) -> None:
    privacy.delete_photo(PersonPhoto.objects.get(pk=pk))


def _add_follower(simulation: Simulation, add: Callable[[], None]) -> Simulation:
    add()
    return replace(simulation, added_followers=simulation.added_followers + 1)


def _operator_actions(
    simulation: Simulation, view: DatabaseView, options: SearchOptions, row: TryOnRequest
) -> Iterator[Action]:
    suffix = f" {view.index[row.pk]}"
    current = view.current(row)
    assert current is not None
    key: AttemptKey = row.pk, current.number
    ids = {"its id": make_vendor_id(key)} if make_vendor_id(key) in simulation.renders else {}
    ids |= {"a wrong id": "wrong"}
    ids |= {"another's id": options.foreign_vendor_id} if options.foreign_vendor_id else {}
    for what, vendor_id in ids.items():
        adopt = partial(lifecycle.adopt_vendor_id, copy.copy(row), vendor_id, actor_id=None)
        yield Action(f"adopt{suffix}: {what}", 1, partial(_in_database, simulation, adopt))
    withdraw = partial(lifecycle.withdraw_adoption, copy.copy(row), actor_id=None)
    yield Action(f"withdraw{suffix}", 1, partial(_in_database, simulation, withdraw))
    yield Action(f"not charged{suffix}", 1, partial(_declare_free, simulation, row, key))
    write_off = partial(lifecycle.write_off, copy.copy(row), actor_id=None)
    yield Action(f"write off{suffix}", 1, partial(_in_database, simulation, write_off))


def _declare_free(simulation: Simulation, row: TryOnRequest, key: AttemptKey) -> Simulation:
    if not lifecycle.confirm_not_charged(copy.copy(row), actor_id=None):
        return simulation
    return replace(simulation, declared_free=simulation.declared_free | {key})
