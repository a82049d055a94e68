"""`manage.py vton_sandbox`: a local Pixazo gateway for development."""

import json
import logging
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from django_vton.sandbox import Gateway


class Command(BaseCommand):
    help = "Runs a Pixazo gateway on loopback, for development: no key, no network, no cost."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8765, help="The port on 127.0.0.1.")
        parser.add_argument("--seconds", type=float, default=8, help="The duration of a render.")
        parser.add_argument("--key", default="", help="The only valid API key. By default any key is valid.")
        parser.add_argument("--replay", help="A file of vton_transcript --json to replay.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verbosity"] > 1:
            log = logging.getLogger("django_vton.sandbox")
            log.addHandler(logging.StreamHandler(sys.stderr))
            log.setLevel(logging.INFO)
        ended = threading.Event()
        gateway = Gateway(port=options["port"], key=options["key"], seconds=options["seconds"])
        if options["replay"]:
            try:
                gateway.replay(json.loads(Path(options["replay"]).read_text(encoding="utf-8")))
            except (OSError, ValueError) as error:
                raise CommandError(f"{options['replay']}: {error}") from error
        previous = {
            number: signal.signal(number, lambda *_: ended.set())
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            with gateway:
                self._print_settings(gateway.url, options["key"])
                # On Windows, Ctrl-C does not interrupt a wait without a timeout.
                while not ended.wait(1):
                    pass
        except OSError as error:
            advice = _("Choose another port with --port, and use the same one in PIXAZO_BASE_URL.")
            raise CommandError(f"{error}. {advice}") from error
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _print_settings(self, url: str, key: str) -> None:
        key_text = _("the key given by --key") if key else "sandbox"
        self.stdout.write(_("Sandbox gateway at %(url)s/ (press Ctrl-C to stop)") % {"url": url})
        self.stdout.write(_("Received requests: %(url)s/_sandbox/") % {"url": url})
        self.stdout.write(_("Settings:"))
        self.stdout.write(f'    VTON = {{"PIXAZO_BASE_URL": "{url}", "PIXAZO_API_KEY": "{key_text}",')
        public_url = (getattr(settings, "VTON", None) or {}).get("PUBLIC_BASE_URL") or "http://127.0.0.1:8000"
        self.stdout.write(f'            "PUBLIC_BASE_URL": "{public_url}"}}')
        self.stdout.flush()
