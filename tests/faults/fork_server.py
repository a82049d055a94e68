"""`python -m tests.faults.fork_server` forks a process for each run, which executes commands until a fault.

It speaks lines of JSON on stdin and stdout, one at a time. The first line of a run is its plan (a fault point
and a kind of fault, or a pause); the others are commands for the child, which responds to each. When the
child has exited, the server sends `{"exited": code}`.
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

from django_vton.pixazo.transport import ssl_context

if TYPE_CHECKING:
    from collections.abc import Callable

PRELOADED = [
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
"""Modules that no child has to import."""


def send(message: dict[str, Any]) -> None:
    os.write(1, json.dumps(message).encode() + b"\n")


def receive() -> dict[str, Any]:
    """The next line, or {} at the end. The parent sends one at a time."""
    line = os.read(0, 65536)
    message: dict[str, Any] = json.loads(line) if line else {}
    return message


def main() -> None:
    django.setup()
    from . import fault_points

    for name in PRELOADED:
        importlib.import_module(name)
    reverse("vton:tryons")
    gettext("Try it on")
    ssl_context()
    fault_points.install()
    send({"ready": True})
    while (line := os.read(0, 65536)) != b"":
        child = os.fork()
        if child == 0:
            _run_child(json.loads(line))
        _pid, status = os.waitpid(child, 0)
        send({"exited": os.waitstatus_to_exitcode(status)})


def _run_child(plan: dict[str, str]) -> None:
    from . import fault_points

    random.seed(0)
    injector = fault_points.FaultInjector(plan, send, receive)
    fault_points.use(injector)
    try:
        send({"started": True})
        while command := receive():
            result: Any = None
            raised = ""
            try:
                result = COMMANDS[command.pop("do")](**command)
            except Exception as error:  # noqa: BLE001 - an injected fault that nothing has caught
                raised = repr(error)
                traceback.print_exc()
            points = [] if "point" in plan else injector.points
            send({"result": result, "raised": raised, "injected": injector.has_injected, "points": points})
            injector.points.clear()
    finally:
        sys.stderr.flush()
        os._exit(0)


# Commands -------------------------------------------------------------------------------------------


def dispatch() -> None:
    from django_vton.worker import dispatcher

    from ..lifecycle.harness import StopAfterOneCycle

    dispatcher.run(stop=StopAfterOneCycle())


def request(method: str, path: str, **values: Any) -> int:
    from .web_client import send_request

    return send_request(method, path, **values)


def purge() -> None:
    from django_vton import privacy

    privacy.purge()


def finish_followers() -> None:
    from django_vton import tasks

    tasks.finish_followers()


COMMANDS: dict[str, Callable[..., Any]] = {
    "dispatch": dispatch,
    "request": request,
    "purge": purge,
    "finish_followers": finish_followers,
}

if __name__ == "__main__":
    main()
