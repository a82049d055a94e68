"""Four kinds of faults before, during or after every operation of the package, and the state afterwards.

A failed test names the points. To repeat one: `POINT="before <name>" pytest ... -k "glasses and kill"`.
"""

from __future__ import annotations

import math
import os
import random
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from django_vton.sandbox import Gateway

from ..lifecycle.harness import Harness
from ..lifecycle.second_engine import Second
from .fork_client import ForkServer
from .rounds import ROUNDS, SEED, SHARE
from .scenario_run import Run
from .scenarios import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import Settings
    from pytest_django.live_server_helper import LiveServer

    from ..conftest import PhotoMaker, Vton
    from .scenario import Scenario

POINT = os.environ.get("POINT")
SUBMIT = ".PixazoClient.submit:"
PAUSE = "0.01"
"""Seconds before each operation of a slow process; others could overtake it within a few of them."""

Points = list[tuple[str, bool]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fault_points")


@pytest.fixture(scope="module")
def running_gateway() -> Iterator[Gateway]:
    with Gateway(key="sandbox", seconds=0.02, retry_seconds=0.02) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def server(
    django_db_setup: None,  # noqa: ARG001 - the tests' database has its name by then
    running_gateway: Gateway,
    live_server: LiveServer,
    folder: Path,
) -> Iterator[ForkServer]:
    process = ForkServer(running_gateway.url, live_server.url, folder)
    yield process
    process.stop()


@pytest.fixture(scope="module")
def recorded() -> dict[str, Points]:
    return {}


@pytest.fixture
def points(harness: Harness, server: ForkServer, scenario: Scenario, recorded: dict[str, Points]) -> Points:
    """Those of the scenario's first run, for each kind of fault."""
    if scenario.name not in recorded:
        recorded[scenario.name] = record(harness, server, scenario)
    return recorded[scenario.name]


@pytest.fixture
def gateway(running_gateway: Gateway, live_server: LiveServer, vton: Vton) -> Gateway:
    url = running_gateway.url
    vton(
        PIXAZO_BASE_URL=url,
        PIXAZO_API_KEY="sandbox",
        PUBLIC_BASE_URL=live_server.url,
        ENGINES={Second.name: Second},
    )
    return running_gateway


@pytest.fixture
def harness(
    request: pytest.FixtureRequest,
    scenario: Scenario,
    settings: Settings,
    folder: Path,
    phone_photo: PhotoMaker,
) -> Harness:
    settings.MEDIA_ROOT = folder / "media"
    private = {
        "BACKEND": "django_vton.storage.PrivateFileSystemStorage",
        "OPTIONS": {"location": folder / "media-private"},
    }
    settings.STORAGES = settings.STORAGES | {"vton": private}
    gateway: Any = request.getfixturevalue("gateway")
    return Harness(gateway, phone_photo, request.getfixturevalue(scenario.product))


CASES = [
    pytest.param(scenario, kind, id=f"{scenario.name}-{kind}")
    for scenario in SCENARIOS
    for kind in scenario.kinds
]


@pytest.mark.parametrize(("scenario", "kind"), CASES)
def test_a_fault_at_any_point_loses_nothing_and_pays_nothing_twice(
    harness: Harness, server: ForkServer, scenario: Scenario, kind: str, points: Points
) -> None:
    failures = []
    for point in chosen(points, scenario, kind):
        problem = inject(harness, server, scenario, {"point": point, "kind": kind}, points)
        if problem:
            failures.append(f"{kind} {point}\n{problem}")
    assert not failures, f"{len(failures)} points failed:\n\n" + "\n".join(failures)


@pytest.mark.skipif(not ROUNDS, reason="the short form tests few points")
@pytest.mark.parametrize("scenario", [pytest.param(it, id=it.name) for it in SCENARIOS])
def test_a_slow_process_has_the_same_points(
    harness: Harness, server: ForkServer, scenario: Scenario, points: Points
) -> None:
    """Otherwise a recorded point might not be reached when its fault is to be injected."""
    assert sorted(record(harness, server, scenario, pause=PAUSE)) == sorted(points)


def record(harness: Harness, server: ForkServer, scenario: Scenario, pause: str = "0") -> Points:
    """The points of a run without faults."""
    run = Run(harness, server, scenario, {"pause": pause}, may_be_unknown=False)
    run.execute()
    assert run.points
    return run.points


def chosen(points: Points, scenario: Scenario, kind: str) -> list[str]:
    """The points to test: a share of them, or a handful in the short form.

    A process that hangs while it holds locks is left out: the others wait, so it is only a slow commit.
    """
    names = [name for name, is_locked in points if not (kind == "hang" and is_locked)]
    if POINT:
        return [POINT]
    chooser = random.Random(f"{SEED} {scenario.name} {kind}")  # noqa: S311 - no secret
    if ROUNDS:
        return chooser.sample(names, math.ceil(SHARE * len(names)))
    regressions = [name for name in names if kind == "exception" and name in scenario.regressions]
    return regressions or chooser.sample(names, min(scenario.short_sample, len(names)))


def inject(
    harness: Harness, server: ForkServer, scenario: Scenario, plan: dict[str, str], points: Points
) -> str:
    """Run the scenario with a fault; return what was wrong afterwards, or ""."""
    run = Run(harness, server, scenario, plan, may_be_unknown=may_be_unknown(points, plan))
    try:
        run.execute()
    except Exception:  # noqa: BLE001 - the other points are still to be tested
        return f"{traceback.format_exc(limit=-4)}\nThe log of the process:\n{run.log()[-2000:]}\n"
    return "" if run.has_injected else "The point was not reached again.\n"


def may_be_unknown(points: Points, plan: dict[str, str]) -> bool:
    """Whether the outcome of a submit may be unknown: between its claim and the storing of its response.

    A process that survives knows more. There it is only an error of the claim's own commit, or of the socket
    after it was opened and before the response was read.
    """
    spans = unanswered(points)
    if plan["kind"] == "exception":
        is_claim = plan["point"] in {span[0] for span in spans}
        return is_claim or any(f"{SUBMIT} {what}" in plan["point"] for what in ("SEND", "ANSWER"))
    return any(plan["point"] in span for span in spans)


def unanswered(points: Points) -> list[list[str]]:
    """Each submit's points, from the commit of its claim to that of its response: both write the attempt."""
    spans: list[list[str]] = [[]]
    is_written = False
    for name, _is_locked in points:
        is_written |= ": UPDATE vton_attempt" in name
        if name.startswith("after") and ": COMMIT" in name:
            if is_written:
                spans.append([])
            is_written = False
        spans[-1].append(name)
    return [span for span in spans if any(SUBMIT in name for name in span)]
