"""`python -m tests.faults.victim` forks one victim per case, which does as it is told until a fault strikes.

Lines of JSON on stdin and stdout, one at a time. The first of a case is its plan (a point and a kind, or a
pause); the others are commands for the child, which answers each. Once the child is gone, `{"ended": code}`.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import sys
import traceback
from typing import TYPE_CHECKING, Any

import django
from django.urls import reverse
from django.utils.translation import gettext

if TYPE_CHECKING:
    from collections.abc import Callable

MODULES = [
    "django_vton.web.api.urls",
    "django_vton.management.commands.vton_purge",
    "django_vton.worker.dispatcher",
    "django_vton.tasks",
    "anyio._backends._asyncio",
    "config.urls",
    "PIL.JpegImagePlugin",
    "PIL.PngImagePlugin",
    "rest_framework.views",
]
"""So that no child need import them."""


def tell(news: dict[str, Any]) -> None:
    os.write(1, json.dumps(news).encode() + b"\n")


def hear() -> dict[str, Any]:
    """The next line; the parent sends one at a time. {} at the end."""
    line = os.read(0, 65536)
    heard: dict[str, Any] = json.loads(line) if line else {}
    return heard


def main() -> None:
    django.setup()
    from . import step_hooks

    for name in MODULES:
        importlib.import_module(name)
    reverse("vton:tryons")
    gettext("Try it on")
    step_hooks.install()
    tell({"ready": True})
    while (line := os.read(0, 65536)) != b"":
        child = os.fork()
        if child == 0:
            _live(json.loads(line))
        _pid, status = os.waitpid(child, 0)
        tell({"ended": os.waitstatus_to_exitcode(status)})


def _live(plan: dict[str, str]) -> None:
    """The child's life."""
    from . import step_hooks

    random.seed(0)
    watch = step_hooks.Watch(plan, tell, hear)
    step_hooks.watch(watch)
    try:
        tell({"born": True})
        while command := hear():
            answer: Any = None
            raised = ""
            try:
                answer = COMMANDS[command.pop("do")](**command)
            except Exception as trouble:  # noqa: BLE001 - a fault that comes all the way up
                raised = repr(trouble)
                traceback.print_exc()
            points = [] if "point" in plan else watch.points
            tell({"answer": answer, "raised": raised, "struck": watch.has_struck, "points": points})
            watch.points.clear()
    finally:
        sys.stderr.flush()
        os._exit(0)


# What it can do -------------------------------------------------------------------------------------


def look() -> None:
    from django_vton.worker import dispatcher

    from ..lifecycle.desk import OneLook

    dispatcher.run(stop=OneLook())


def request(method: str, path: str, **values: Any) -> int:
    """Through the web server's doors; the answer's status."""
    from .step_people import call

    return call(method, path, **values)


def purge() -> None:
    from django_vton import privacy

    privacy.purge()


def finish_followers() -> None:
    """As the schedule does each minute."""
    from django_vton import tasks

    tasks.finish_followers()


COMMANDS: dict[str, Callable[..., Any]] = {
    "look": look,
    "request": request,
    "purge": purge,
    "finish_followers": finish_followers,
}

if __name__ == "__main__":
    main()
