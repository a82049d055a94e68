"""A fault before, amid or after every step of the package, of four kinds; and the books afterwards.

A red test names its points; one alone: `POINT="before slots.take: BEGIN 1" pytest ... -k "glasses and kill"`.
"""

from __future__ import annotations

import math
import os
import random
import traceback
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from django_vton.sandbox import Gateway

from ..lifecycle.desk import Desk
from .rounds import ROUNDS, SEED, SHARE
from .step_stories import STORIES
from .steps import Case, Victims

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import Settings
    from pytest_django.live_server_helper import LiveServer

    from ..conftest import PhotoMaker, Vton
    from .step_story import Story

POINT = os.environ.get("POINT")
POST = ".Pixazo.submit:"
PAUSE = "0.01"
"""Seconds before each step of a slow process: within a few of them the others would overtake it."""

Points = list[tuple[str, bool]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("steps")


@pytest.fixture(scope="module")
def running_gateway() -> Iterator[Gateway]:
    with Gateway(key="sandbox", seconds=0.02, retry_seconds=0.02) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def victims(
    django_db_setup: None,  # noqa: ARG001 - the tests' database has its name by then
    running_gateway: Gateway,
    live_server: LiveServer,
    folder: Path,
) -> Iterator[Victims]:
    process = Victims(running_gateway.url, live_server.url, folder)
    yield process
    process.stop()


@pytest.fixture(scope="module", autouse=True)
def _authorities_read_once() -> Iterator[None]:
    """A pump reads them each time it starts, and here nearly all time would go into that."""
    context = httpx.create_ssl_context(trust_env=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx, "create_ssl_context", lambda **_options: context)
        yield


@pytest.fixture(scope="module")
def recorded() -> dict[str, Points]:
    return {}


@pytest.fixture
def points(desk: Desk, victims: Victims, story: Story, recorded: dict[str, Points]) -> Points:
    """Those of the story's first playing, for each kind of fault."""
    if story.name not in recorded:
        recorded[story.name] = record(desk, victims, story)
    return recorded[story.name]


@pytest.fixture
def gateway(running_gateway: Gateway, live_server: LiveServer, vton: Vton) -> Gateway:
    url = running_gateway.url
    vton(PIXAZO_BASE_URL=url, PIXAZO_API_KEY="sandbox", PUBLIC_BASE_URL=live_server.url)
    return running_gateway


@pytest.fixture
def desk(
    request: pytest.FixtureRequest, story: Story, settings: Settings, folder: Path, phone_photo: PhotoMaker
) -> Desk:
    settings.MEDIA_ROOT = folder / "media"
    private = {
        "BACKEND": "django_vton.storage.PrivateFolder",
        "OPTIONS": {"location": folder / "media-private"},
    }
    settings.STORAGES = settings.STORAGES | {"vton": private}
    gateway: Any = request.getfixturevalue("gateway")
    return Desk(gateway, phone_photo, request.getfixturevalue(story.product))


CASES = [pytest.param(story, kind, id=f"{story.name}-{kind}") for story in STORIES for kind in story.kinds]


@pytest.mark.parametrize(("story", "kind"), CASES)
def test_a_fault_at_any_step_loses_nothing_and_pays_nothing_twice(
    desk: Desk, victims: Victims, story: Story, kind: str, points: Points
) -> None:
    red = []
    for point in chosen(points, story, kind):
        trouble = strike(desk, victims, story, {"point": point, "kind": kind}, points)
        if trouble:
            red.append(f"{kind} {point}\n{trouble}")
    assert not red, f"{len(red)} points are red:\n\n" + "\n".join(red)


@pytest.mark.skipif(not ROUNDS, reason="the short form strikes few steps")
@pytest.mark.parametrize("story", [pytest.param(story, id=story.name) for story in STORIES])
def test_a_slow_process_takes_the_same_steps(
    desk: Desk, victims: Victims, story: Story, points: Points
) -> None:
    """Else a step that was seen once may fail to come when it is struck."""
    assert sorted(record(desk, victims, story, pause=PAUSE)) == sorted(points)


def record(desk: Desk, victims: Victims, story: Story, pause: str = "0") -> Points:
    """The points of one good playing."""
    case = Case(desk, victims, story, {"pause": pause}, may_doubt=False)
    case.run()
    assert case.points
    return case.points


def chosen(points: Points, story: Story, kind: str) -> list[str]:
    """A share of them; in the short form a handful.

    Nobody hangs with locks in hand: the others wait for them, so it would be a slow commit and no more.
    """
    names = [name for name, is_locked in points if not (kind == "hang" and is_locked)]
    if POINT:
        return [POINT]
    dice = random.Random(f"{SEED} {story.name} {kind}")  # noqa: S311 - no secret
    if ROUNDS:
        return dice.sample(names, math.ceil(SHARE * len(names)))
    weak = [name for name in names if kind == "exception" and name in story.weak]
    return weak or dice.sample(names, min(story.short, len(names)))


def strike(desk: Desk, victims: Victims, story: Story, plan: dict[str, str], points: Points) -> str:
    """Play it with a fault; what was wrong afterwards, or ""."""
    case = Case(desk, victims, story, plan, may_doubt=may_doubt(points, plan))
    try:
        case.run()
    except Exception:  # noqa: BLE001 - the others are still to be tried
        return f"{traceback.format_exc(limit=-4)}\nThe victim's log:\n{case.words()[-2000:]}\n"
    return "" if case.has_struck else "The step did not come again.\n"


def may_doubt(points: Points, plan: dict[str, str]) -> bool:
    """Whether nobody can know what became of a POST: between its claim and the storing of its answer.

    Who lives on knows more: only an error of the claim's own commit, or of the socket while it is open and
    the answer is not read.
    """
    spans = unanswered(points)
    if plan["kind"] == "exception":
        is_claim = plan["point"] in {span[0] for span in spans}
        return is_claim or any(f"{POST} {what}" in plan["point"] for what in ("SEND", "ANSWER"))
    return any(plan["point"] in span for span in spans)


def unanswered(points: Points) -> list[list[str]]:
    """Each POST's points, from the commit of its claim to that of its answer: both write its attempt."""
    spans: list[list[str]] = [[]]
    is_written = False
    for name, _is_locked in points:
        is_written |= ": UPDATE vton_attempt" in name
        if name.startswith("after") and ": COMMIT" in name:
            if is_written:
                spans.append([])
            is_written = False
        spans[-1].append(name)
    return [span for span in spans if any(POST in name for name in span)]
