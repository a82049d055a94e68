"""`manage.py vton_worker`: the worker's loop in the foreground, in place of a queue or beside it."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand
from django.db import connections

from ... import tasks
from ...monitoring import incidents
from ...queue import liveness
from ...worker import dispatcher
from ..progress import watching

if TYPE_CHECKING:
    from argparse import ArgumentParser

MINUTE = 60.0


class Command(BaseCommand):
    help = "Drives due try-ons in the foreground until it is stopped; with --once, until none is due."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="End when nothing is due any more.")

    def handle(self, *_args: Any, once: bool, **_options: Any) -> None:
        if once:
            # By cron it may be all that looks: it is seen, and tells staff of trouble, as a schedule does.
            liveness.record_heartbeat()
            with watching(self.stdout):
                dispatcher.drain()
            tasks.finish_followers()
            incidents.watch()
            return
        self.stdout.write("Driving try-ons. Ctrl-C stops.")
        stop = threading.Event()
        # A daemon: it may be cut off anywhere, as the queue's own tasks may.
        threading.Thread(target=keep_house, args=(stop,), name="vton-house", daemon=True).start()
        try:
            with watching(self.stdout):
                dispatcher.run(forever=True, stop=stop)
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")
        finally:
            stop.set()


def keep_house(stop: threading.Event) -> None:
    """The schedules of a queue, which need not be there: deletions each hour, the rest each minute."""
    for minute in itertools.count():
        tasks.finish_followers()
        incidents.watch()
        if minute % 60 == 0:
            tasks.purge()
        connections.close_all()
        if stop.wait(MINUTE):
            return
