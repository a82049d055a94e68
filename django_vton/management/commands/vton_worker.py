"""`manage.py vton_worker`: run a dispatcher in the foreground, instead of a queue's worker or next to it."""

from __future__ import annotations

import itertools
import threading
from argparse import ArgumentParser
from contextlib import nullcontext
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connections

from ... import tasks
from ...monitoring import mail
from ...queue import liveness
from ...worker import dispatcher
from ..foreground import write_results

MINUTE_SECONDS = 60.0
MAX_MAIL_SECONDS = 20.0
"""With --once, the time to wait for mails and webhooks before the process ends."""


class Command(BaseCommand):
    help = "Renders due try-ons in the foreground until it is stopped. With --once it exits when none is due."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="Exit when no try-on is due.")

    def handle(self, *_args: Any, once: bool, verbosity: int, **_options: Any) -> None:
        if once:
            # With cron instead of a queue, no scheduled task records the heartbeat.
            liveness.record_heartbeat()
            # Cron mails all output, so print results only if they are requested.
            with write_results(self.stdout) if verbosity > 1 else nullcontext():
                dispatcher.drain()
            tasks.run_minute_tasks()
            mail.wait_for_threads(MAX_MAIL_SECONDS)
            return
        self.stdout.write("Rendering try-ons. Press Ctrl-C to stop.")
        stop = threading.Event()
        # A daemon thread, because these tasks may be interrupted at any point, as in a queue.
        threading.Thread(target=run_periodic_tasks, args=(stop,), name="vton-periodic", daemon=True).start()
        try:
            with write_results(self.stdout):
                dispatcher.run(forever=True, stop=stop)
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")
        finally:
            stop.set()


def run_periodic_tasks(stop: threading.Event) -> None:
    """Run the tasks that a queue runs on a schedule, each minute and each hour."""
    for minute in itertools.count():
        tasks.run_minute_tasks()
        if minute % 60 == 0:
            tasks.purge()
            tasks.check_products()
        connections.close_all()
        if stop.wait(MINUTE_SECONDS):
            return
