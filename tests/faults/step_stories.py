"""What people and the vendor ask of the shop when a fault strikes it; and all stories."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest import mock

from django.contrib.auth.models import User
from django.db.models.signals import pre_init
from django.test import Client
from django.utils import timezone

from django_vton import lifecycle, privacy
from django_vton.lifecycle import followers
from django_vton.models import Attempt, TryOnImage, TryOnRequest
from django_vton.models.states import State
from django_vton.shoppers import Visitor
from django_vton.utils.tokens import hash_token

from ..doors import TOKEN, TRY_ONS, ref
from ..running import PATIENCE
from .step_story import DOUBT, FAILED, Garment, House, Story, house_model
from .steps import Case, Held, histories

CALLBACK = f"/try-on/webhooks/pixazo/{TOKEN}/"


class Asking(Story):
    """A guest's browser asks; where it hears nothing good, it asks again with the same key."""

    weak = ("after intake.shoppers.request_tryon: COMMIT 1",)

    def __init__(self, name: str, *, house: bool = False) -> None:
        super().__init__(name)
        self.is_house = house
        self.rows = 2 if house else 1

    def prepare(self, case: Case) -> None:
        fields: dict[str, Any] = {"product": ref(case.desk.product), "consent": True}
        if self.is_house:
            fields |= {"photo_id": str(house_model(case).pk)}
        self.asks: dict[str, Any] = {
            "method": "POST",
            "path": TRY_ONS,
            "cookies": {"csrftoken": "a" * 32},
            "headers": {"Idempotency-Key": "one"},
            "photo": not self.is_house,
            **fields,
        }
        self.heard: int | None = None

    def play(self, case: Case) -> None:
        self.heard = case.do("request", **self.asks)

    def meanwhile(self, case: Case) -> None:
        assert case.call(**self.asks) in {200, 202}
        super().meanwhile(case)

    def go_on(self, case: Case) -> None:
        rows = TryOnRequest.objects.count()
        assert rows == self.rows or (rows == 0 and self.heard not in {200, 202}), "half a try-on"
        case.drive(case.desk.look)
        case.at_rest()
        assert case.call(**self.asks) in {200, 202}

    def check(self, case: Case) -> None:
        super().check(case)
        assert TryOnRequest.objects.count() == self.rows
        assert Attempt.objects.count() == 1


class CalledBack(Garment):
    """The POST's answer was lost, and the vendor's call brings the id; unheard, it calls again."""

    is_called = False

    def prepare(self, case: Case) -> None:
        case.desk.gateway.scenario(submit="close", callbacks=0)
        row = case.desk.ask()
        case.desk.look()
        case.desk.reload(row, State.UNKNOWN)
        Attempt.objects.update(token_hash=hash_token(TOKEN))
        entry = case.desk.gateway.ledger.entries[0]
        self.calls: dict[str, Any] = {
            "method": "POST",
            "path": CALLBACK,
            "cookies": {},
            "request_id": entry.request_id,
        }
        self.heard: int | None = None

    def play(self, case: Case) -> None:
        self.heard = case.do("request", **self.calls)

    def meanwhile(self, case: Case) -> None:
        """Its worker may hang; the try-on waits for the vendor's next call."""

    def go_on(self, case: Case) -> None:
        if self.heard != 200:
            assert case.call(**self.calls) == 200


class CalledEarly(Garment):
    """The vendor is done, and has called, before it answers the POST."""

    is_called_early = True

    def __init__(self, name: str) -> None:
        super().__init__(name, callback_early=True)


class Stopping(Story):
    """A shopper who is logged in stops the try-on; where no answer comes, once more."""

    def __init__(self, name: str, state: State) -> None:
        super().__init__(name)
        self.state = state

    def prepare(self, case: Case) -> None:
        user, cookies = shopper()
        row = case.desk.ask(user)
        if self.state == State.SUBMITTED:
            case.desk.look()
        case.desk.reload(row, self.state)
        self.heard: int | None = None
        self.stops: dict[str, Any] = {
            "method": "POST",
            "path": f"{TRY_ONS}{row.pk}/cancel/",
            "cookies": cookies,
        }

    def play(self, case: Case) -> None:
        self.heard = case.do("request", **self.stops)

    def go_on(self, case: Case) -> None:
        if self.heard != 200:
            assert case.call(**self.stops) in {200, 409}

    def check(self, case: Case) -> None:
        row = TryOnRequest.objects.get()
        late = case.plan.get("kind") == "hang" and row.state == State.COMPLETED
        assert row.state == State.CANCELED or late, histories()


class Deleting(Story):
    """A shopper deletes the try-on while another process has its picture in hand and is about to store it."""

    def prepare(self, case: Case) -> None:
        user, cookies = shopper()
        row = case.desk.ask(user)
        case.drive(case.desk.look, until=(State.RENDERED,))
        case.desk.reload(row, State.RENDERED)
        self.deletes = deletion(row, cookies)
        self.heard: int | None = None

    def play(self, case: Case) -> None:
        case.time_passes()
        with Held(pre_init, is_result) as self.result, case.desk.looking():
            try:
                assert self.result.has_come.wait(PATIENCE)
                self.heard = case.do("request", **self.deletes)
            finally:
                self.result.release()

    def meanwhile(self, case: Case) -> None:
        self.result.release()
        super().meanwhile(case)

    def go_on(self, case: Case) -> None:
        if self.heard != 204:
            assert case.call(**self.deletes) in {204, 404}

    def check(self, case: Case) -> None:
        erased()


class Deleted(Story):
    """Somebody else deletes it while the victim hangs over it."""

    kinds = ("hang",)
    short = 2

    def prepare(self, case: Case) -> None:
        user, cookies = shopper()
        row = case.desk.ask(user)
        self.deletes = deletion(row, cookies)

    def meanwhile(self, case: Case) -> None:
        assert case.call(**self.deletes) == 204

    def check(self, case: Case) -> None:
        if case.has_struck:
            erased()


class Purging(Story):
    """A photo, a picture and a file without a row have had their time."""

    def prepare(self, case: Case) -> None:
        super().prepare(case)
        case.drive(case.desk.look)
        case.no_orphans()
        past = timezone.now() - timedelta(hours=3)
        row = TryOnRequest.objects.get()
        TryOnRequest.objects.update(expires_at=past)
        assert row.photo is not None
        type(row.photo).objects.update(expires_at=past)

    def play(self, case: Case) -> None:
        case.do("purge")

    def meanwhile(self, case: Case) -> None:
        privacy.purge()

    def go_on(self, case: Case) -> None:
        privacy.purge()

    def check(self, case: Case) -> None:
        erased()


class Sharing(House):
    """A shared render has ended, and its process died before it finished those who share it."""

    weak = ("after lifecycle.followers._finish_batch: COMMIT 1",)

    def prepare(self, case: Case) -> None:
        super().prepare(case)
        with mock.patch.object(followers, "FIRST_BATCH", 0):
            while TryOnRequest.objects.active().filter(source=None).exists():
                case.time_passes()
                case.desk.look()
        assert TryOnRequest.objects.active().count() == 2

    def play(self, case: Case) -> None:
        case.do("finish_followers")

    def meanwhile(self, case: Case) -> None:
        lifecycle.finish_followers()


def shopper() -> tuple[Visitor, dict[str, str]]:
    """Somebody who is logged in, and the cookies of their browser."""
    user, _created = User.objects.get_or_create(username="ada")
    browser = Client()
    browser.force_login(user)
    return Visitor(user_id=user.pk), {"sessionid": browser.cookies["sessionid"].value}


def is_result(sender: type[Any], **_told: Any) -> bool:
    """Whether the row of a fetched picture is made, its files next."""
    return sender is TryOnImage


def deletion(row: TryOnRequest, cookies: dict[str, str]) -> dict[str, Any]:
    return {"method": "DELETE", "path": f"{TRY_ONS}{row.pk}/", "cookies": cookies}


def erased() -> None:
    """Only the tombstone is left."""
    row = TryOnRequest.objects.get()
    assert row.erased_at is not None, histories()
    assert (row.photo, row.shopper, row.result_urls) == (None, None, [])
    assert not TryOnImage.objects.exists()


STORIES = [
    Story("glasses"),
    Garment("garment"),
    House("house model"),
    Sharing("house model shared"),
    Story("refused 429", submit_status=429),
    Story("refused 500", submit_status=500),
    Story("vendor ERROR", FAILED, outcome="ERROR"),
    Story("vendor FAILED", FAILED, outcome="FAILED"),
    Story("answer lost", DOUBT, submit="close"),
    Asking("asking"),
    Asking("asking for a house model", house=True),
    CalledBack("callback"),
    CalledEarly("callback before the answer"),
    Stopping("cancel while queued", State.QUEUED),
    Stopping("cancel at the vendor", State.SUBMITTED),
    Deleting("deleting"),
    Deleted("deleted meanwhile"),
    Purging("purge"),
]
