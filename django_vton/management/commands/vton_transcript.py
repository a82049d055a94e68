"""`manage.py vton_transcript`: print what was exchanged with the vendor about a try-on."""

from __future__ import annotations

import json
import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from ...gateway import transcripts
from ...models import TryOnRequest
from ..transcript_text import as_markdown


class Command(BaseCommand):
    help = (
        "Prints what was exchanged with the vendor about a try-on, ready for a bug report: without the key, "
        "links and pictures. VTON['TRANSCRIPT'] must have been on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", help="The try-on's id, which is in the URL of its page in the admin.")
        parser.add_argument("--json", action="store_true", help="Print what vton_sandbox --replay reads.")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            request = TryOnRequest.objects.get(pk=uuid.UUID(options["id"]))
        except (ValueError, TryOnRequest.DoesNotExist):
            message = _("There is no try-on %(id)s. Its id is in the URL of its page in the admin.")
            raise CommandError(message % {"id": options["id"]}) from None
        transcript = transcripts.create_transcript(request)
        if transcript is None:
            raise CommandError(_reason(request))
        as_json = json.dumps(transcript, indent=1, ensure_ascii=False)
        self.stdout.write(as_json if options["json"] else as_markdown(transcript))


def _reason(request: TryOnRequest) -> str:
    """Return why a try-on has no transcript."""
    if request.source_id is not None:
        return _("It shares the render of try-on %(id)s.") % {"id": request.source_id}
    if not transcripts.is_kept(request):
        return _("VTON['TRANSCRIPT'] is off, so nothing was kept. Turn it on, and render again.")
    return _(
        "Nothing is kept of this try-on: it was not sent while VTON['TRANSCRIPT'] was on, was erased, or is "
        "older than a week."
    )
