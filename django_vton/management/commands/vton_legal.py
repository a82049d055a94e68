"""`manage.py vton_legal --out DIR`: write drafts of legal documents from the settings."""

from __future__ import annotations

import difflib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ...privacy.legal import render_documents


class Command(BaseCommand):
    help = (
        "Writes drafts for your lawyer from the settings, in English: record of processing, impact "
        "assessment, processors, biometrics in Illinois, AI notice and accessibility statement. A file that "
        "exists is not changed: the command prints how a new draft would differ."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--out", metavar="DIR", type=Path, required=True, help="The folder for the files."
        )

    def handle(self, *_args: Any, out: Path, **_options: Any) -> None:
        documents = render_documents()
        try:
            out.mkdir(exist_ok=True)
            for name, text in documents.items():
                self._write(out / name, text)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "a file there is not text in UTF-8"
            raise CommandError(f"The drafts cannot be written to {out}: {reason}.") from None
        self.stdout.write("These are drafts in English, not legal advice. Have a lawyer complete them.")

    def _write(self, path: Path, text: str) -> None:
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            before = path.read_text(encoding="utf-8")
        else:
            self.stdout.write(f"{path}: written")
            return
        if before == text:
            self.stdout.write(f"{path}: unchanged")
            return
        self.stdout.write(f"{path}: not changed, but a new draft would differ:")
        lines = difflib.unified_diff(
            before.splitlines(), text.splitlines(), str(path), "new draft", n=0, lineterm=""
        )
        for line in lines:
            self.stdout.write(line)
