"""What the commands share: a line that is drawn over itself, amounts, and what is typed behind them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from ..gateway.engines import engines
from ..intake import own_photo
from ..models import PersonPhoto

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.core.management.base import OutputWrapper

WIDTH = 30


class Line:
    """Drawn over itself where somebody looks on; in a file or a pipe, nothing."""

    def __init__(self, out: OutputWrapper) -> None:
        self.out = out
        self.is_seen = out.isatty()
        self.drawn = ""

    def draw(self, text: str) -> None:
        """In place of what was there."""
        if self.is_seen and text != self.drawn:
            self.out.write("\r" + text.ljust(len(self.drawn)), ending="")
            self.out.flush()
            self.drawn = text

    def end(self) -> None:
        """What follows begins on a line of its own."""
        if self.drawn:
            self.out.write("")
            self.drawn = ""


def bar(done: int, total: int) -> str:
    """For example "[######........] 40/100"."""
    filled = WIDTH * done // total if total else 0
    return f"[{'#' * filled}{'.' * (WIDTH - filled)}] {done}/{total}"


def engine_options(pairs: Iterable[str]) -> dict[str, dict[str, Any]]:
    """`num_samples=2` and the like, for each engine that knows the name. Raises CommandError."""
    found: dict[str, dict[str, Any]] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        knowing = [
            engine for engine in engines().values() if name in {option.name for option in engine.options}
        ]
        if not equals or not knowing:
            raise CommandError(f"{pair!r} is not NAME=VALUE with the name of an engine's option.")
        for engine in knowing:
            found.setdefault(engine.name, {})[name] = _value(text)
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def house_model(name: str) -> PersonPhoto:
    """The active house model of that name, or of that id. Raises CommandError."""
    models = list(PersonPhoto.objects.house())
    found = [photo for photo in models if name in (photo.name, str(photo.pk))]
    if len(found) != 1:
        names = ", ".join(photo.name or str(photo.pk) for photo in models) or "none yet"
        raise CommandError(f"There is no one house model {name!r}. There are: {names}.")
    return found[0]


def person(photo: str) -> PersonPhoto:
    """A file's photo, stored for a while, or a house model. Raises CommandError and `images.ImageRefused`."""
    try:
        with Path(photo).open("rb") as source:
            return own_photo(source)
    except (FileNotFoundError, IsADirectoryError):
        return house_model(photo)
    except OSError as error:
        raise CommandError(str(error)) from error
