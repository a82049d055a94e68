"""What may happen next in the small world: each move calls the package as its doors, pumps and operators do.

What a healthy vendor, pump and clock do costs nothing; each trouble, each callback and each word of a person
costs one.
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
from django_vton.models import PersonPhoto, TryOnImage, TryOnRequest
from django_vton.models.states import State
from django_vton.pixazo import Status
from django_vton.web import webhooks
from django_vton.worker import claims, outcomes

from ..lifecycle.invariants import check_followers
from .model_view import may_send, moments
from .model_world import LOST, Flight, Render, World, answer, pictures, tell, vendor_id

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django_vton.models import Attempt
    from django_vton.pixazo import Answer
    from django_vton.worker.claims import Job

    from .model_view import View

MAX_NUMBER = 3
"""No more than so many attempts are refused, so that the search has an end."""

TWICE = 2


@dataclass(frozen=True)
class Move:
    """One thing that may happen: what it costs, and the world after it."""

    name: str
    cost: int
    make: Callable[[], World]


@dataclass(frozen=True)
class Cast:
    """Who plays in a search beside the try-ons themselves."""

    taken: str = ""
    """A vendor's id that belongs to another try-on, of which nothing else is told."""
    join: Callable[[], None] | None = None
    """Somebody asks for the render of the same house model."""
    pictures: Callable[[TryOnRequest], list[TryOnImage]] = pictures
    """The rows of what was fetched, and their files."""


def moves(world: World, view: View, cast: Cast) -> Iterator[Move]:
    """All that may happen now."""
    yield from _time(world, view)
    yield from _pump(world, view)
    yield from _minute(world, view)
    for flight in world.flights:
        place = view.place[flight.request]
        name = f"{flight.job.kind} {place}.{flight.job.attempt.number}"
        match flight.job.kind:
            case "submit":
                yield from _submit(world, flight, name)
            case "ask":
                yield from _ask(world, flight, name)
            case "fetch":
                yield from _fetch(world, flight, cast, name)
    for name, render in world.renders.items():
        yield from _vendor(world, view, cast, name, render)
    for place, row in enumerate(view.rows):
        yield from _shopper(world, view, row, f" {place}")
        if view.attempts[row.pk]:
            yield from _operator(world, view, cast, row)
    if cast.join is not None and not world.joined:
        yield Move("another one asks", 1, partial(_joined, world, cast.join))


def _done(world: World, action: Callable[[], object]) -> World:
    """Something that leaves no trace but in the database."""
    action()
    return world


# Time and pumps -------------------------------------------------------------------------------------


def _time(world: World, view: View) -> Iterator[Move]:
    flying = [flight.job.request.lease_until for flight in world.flights if flight.job.kind != "submit"]
    leases = [lease for lease in flying if lease is not None and lease > world.now]
    for name, moment in moments(world, view).items():
        # So long only takes an ask or a fetch whose worker was killed.
        cost = 1 if any(lease <= moment for lease in leases) else 0
        yield Move(f"time: {name}", cost, partial(replace, world, now=moment))


def _pump(world: World, view: View) -> Iterator[Move]:
    due = [row for row in view.rows if _is_due(row, world)]
    if due:
        yield Move("look", 0, lambda: world.fly(claims.take(50, 4)))
    if world.glance is None:
        for row in due:
            newest = view.newest(row)
            read = partial(replace, world, glance=(copy.copy(row), copy.copy(newest), world.now))
            yield Move(f"a slow pump reads {view.place[row.pk]}", 1, read)
    else:
        yield Move("the slow pump acts", 0, partial(_act, world, *world.glance))


def _minute(world: World, view: View) -> Iterator[Move]:
    """Whoever shares a render ends after it, where no process died in between; else by the minute's look."""
    ended = {row.pk for row in view.rows if row.finished_at is not None}
    if any(row.source_id in ended and row.finished_at is None for row in view.rows):
        yield Move("minute", 0, partial(_done, world, _finish_followers))


def _finish_followers() -> None:
    lifecycle.finish_followers()
    check_followers()


def _is_due(row: TryOnRequest, world: World) -> bool:
    is_free = row.lease_until is None or row.lease_until <= world.now
    return row.due_at is not None and row.due_at <= world.now and is_free and row.finished_at is None


def _act(world: World, seen: TryOnRequest, newest: Attempt, then: datetime) -> World:
    """What a pump does with a row that it read some time ago: `claims.take`, from its read on."""
    world, row = replace(world, glance=None), copy.copy(seen)
    jobs: list[Job | None] = []
    if row.state == State.QUEUED:
        # Its photo is read again with each row.
        row = TryOnRequest.objects.select_related("photo", "product_image").get(pk=row.pk)
        row.state = seen.state
        if not claims._has_photo(row, then):
            lifecycle.give_up(row, "deadline", "photo_gone")
        else:
            with suppress(IntegrityError), transaction.atomic():
                jobs = [claims._claim_submit(row, newest, get_engine(row.engine))]
                connection.check_constraints()  # As at the end of the pump's own unit of work.
    elif row.state == State.SUBMITTING:
        claims._lease_is_over(row, then)
    elif row.state == State.UNKNOWN:
        lifecycle.outcome_timed_out(row)
    elif lifecycle.claim(row, then, claims.LEASE):
        jobs = [claims._job(row, lifecycle.current_attempt(row))]
    return world.fly([job for job in jobs if job is not None])


# What flies -----------------------------------------------------------------------------------------


def _submit(world: World, flight: Flight, name: str) -> Iterator[Move]:
    if not flight.arrived:
        if may_send(world, flight):
            yield Move(f"{name} arrives", 0, partial(_arrive, world, flight))
            if flight.job.attempt.number < MAX_NUMBER:
                for status in ("400", "429", "500"):
                    yield Move(f"{name} is refused {status}", 1, partial(_comes_to, world, flight, status))
        if flight.job.attempt.number < MAX_NUMBER:
            yield Move(f"{name} is not sent", 1, partial(_comes_to, world, flight, "not_sent"))
    elif flight.told < TWICE:
        cost = 1 if flight.told else 0
        yield Move(f"{name} is answered", cost, partial(_told, world, flight, flight.arrived))
        if not flight.told:
            for told, more, seen in list(_ends(world, vendor_id(flight.name)))[1:]:
                tell_it = partial(_told, seen, flight, flight.arrived)
                yield Move(f"{name} is answered{told}", 1 + more, tell_it)
        if not flight.told and flight.arrived != "not_sent":
            yield Move(f"{name} is cut off", 1, partial(_told, world, flight, "cut_off"))


def _arrive(world: World, flight: Flight) -> World:
    """Charged."""
    world = world.with_render(vendor_id(flight.name), Render(flight.name))
    return _comes_to(world, flight, "accepted")


def _comes_to(world: World, flight: Flight, word: str) -> World:
    return world.now_is(flight, replace(flight, arrived=word))


def _told(world: World, flight: Flight, word: str) -> World:
    tell(world, replace(flight, arrived=word))
    told = LOST if word == "cut_off" else flight.told + 1
    return world.now_is(flight, replace(flight, told=told))


def _ask(world: World, flight: Flight, name: str) -> Iterator[Move]:
    vendor_id = flight.job.attempt.vendor_id or ""

    def ask(world: World, said: Answer | None) -> World:
        fetch = outcomes.asked(flight.taken(), said, None, may_fetch=True)
        return world.now_is(flight, None).fly([fetch] if fetch else [])

    for told, cost, seen in _ends(world, vendor_id):
        yield Move(f"{name} is answered{told}", cost, partial(ask, seen, answer(seen, vendor_id)))
    yield Move(f"{name} is in vain", 1 if vendor_id in world.renders else 0, partial(ask, world, None))


def _ends(world: World, vendor_id: str) -> Iterator[tuple[str, int, World]]:
    """How far the vendor may be when somebody looks: the first who sees an end decides which it is."""
    render = world.renders.get(vendor_id)
    if render is None:
        return
    yield "", 0, world
    if not render.fate:
        for fate in (Status.COMPLETED, Status.FAILED, Status.ERROR):
            cost = 0 if fate == Status.COMPLETED else 1
            yield f": {fate}", cost, world.with_render(vendor_id, replace(render, fate=fate))


def _fetch(world: World, flight: Flight, cast: Cast, name: str) -> Iterator[Move]:
    def come() -> World:
        job = flight.taken()
        outcomes.fetched(job, cast.pictures(job.request))
        return world.now_is(flight, None)

    def fail(*, is_bad: bool) -> World:
        outcomes.not_fetched(flight.taken(), is_bad, "trouble")
        return world.now_is(flight, None)

    yield Move(f"{name} comes", 0, come)
    yield Move(f"{name} fails", 1, partial(fail, is_bad=False))
    yield Move(f"{name} is no picture", 1, partial(fail, is_bad=True))


# The vendor -----------------------------------------------------------------------------------------


def _vendor(world: World, view: View, cast: Cast, name: str, render: Render) -> Iterator[Move]:
    place = view.place[render.attempt[0]]
    told = f"render {place}.{render.attempt[1]}"
    flight = next(flight for flight in world.submits() if flight.name == render.attempt)
    if not links.supports_callback(flight.job.engine.name):
        return
    if render.calls < TWICE:
        fate = render.fate or Status.COMPLETED
        called = world.with_render(name, replace(render, fate=fate, calls=render.calls + 1))
        yield Move(f"{told} calls back", 1, partial(_called, called, flight, name))
        yield Move(f"{told} calls back, nameless", 1, partial(_called, called, flight, ""))
    if not world.liars:
        lied = replace(world, liars=1)
        yield Move(f"{told}: a liar calls", 1, partial(_called, lied, flight, "forged"))
        if cast.taken:
            yield Move(f"{told}: called by another's id", 1, partial(_called, lied, flight, cast.taken))


def _called(world: World, flight: Flight, name: str) -> World:
    """The callback, through its door."""
    body = json.dumps({"request_id": name, "status": "COMPLETED"} if name else {})
    request = RequestFactory().post("/", body, content_type="application/json")
    assert webhooks.callback(request, flight.job.token).status_code in {200, 404}
    return world


# People ---------------------------------------------------------------------------------------------


def _shopper(world: World, view: View, row: TryOnRequest, at: str) -> Iterator[Move]:
    if row.erased_at is not None:
        return
    yield Move(f"cancel{at}", 1, partial(_done, world, partial(lifecycle.cancel, copy.copy(row))))
    yield Move(f"erase{at}", 1, partial(_done, world, partial(privacy.erase, copy.copy(row))))
    if row.photo_id is not None and view.photos[row.photo_id][0] == PersonPhoto.Kind.OWN:
        yield Move(f"the photo goes{at}", 1, partial(_done, world, partial(_delete_photo, row.photo_id)))


def _delete_photo(pk: UUID) -> None:
    privacy.delete_photo(PersonPhoto.objects.get(pk=pk))


def _joined(world: World, join: Callable[[], None]) -> World:
    join()
    return replace(world, joined=world.joined + 1)


def _operator(world: World, view: View, cast: Cast, row: TryOnRequest) -> Iterator[Move]:
    at = f" {view.place[row.pk]}"
    newest = view.newest(row)
    assert newest is not None
    name: tuple[UUID, int] = row.pk, newest.number
    ids = {"its id": vendor_id(name)} if vendor_id(name) in world.renders else {}
    ids |= {"a wrong id": "wrong"} | ({"another's id": cast.taken} if cast.taken else {})
    for what, given in ids.items():
        adopt = partial(lifecycle.adopt, copy.copy(row), given, actor_id=None)
        yield Move(f"adopt{at}: {what}", 1, partial(_done, world, adopt))
    yield Move(f"not charged{at}", 1, partial(_not_charged, world, row, name))
    write_off = partial(lifecycle.write_off, copy.copy(row), actor_id=None)
    yield Move(f"write off{at}", 1, partial(_done, world, write_off))


def _not_charged(world: World, row: TryOnRequest, name: tuple[UUID, int]) -> World:
    if not lifecycle.not_charged(copy.copy(row), actor_id=None):
        return world
    return replace(world, denied=world.denied | {name})
