"""Parse what the render commands take: engine options, house models and photos."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from ..gateway.engines import engines
from ..models import PersonPhoto


def engine_options(pairs: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Parse pairs such as "num_samples=2" for every engine that has the option. Raise CommandError."""
    found: dict[str, dict[str, Any]] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        matching = [
            engine for engine in engines().values() if name in {option.name for option in engine.options}
        ]
        if not equals or not matching:
            raise CommandError(f"{pair!r} is not NAME=VALUE with the name of an engine's option.")
        for engine in matching:
            found.setdefault(engine.name, {})[name] = _parse_value(text)
    return found


def _parse_value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def find_house_model(name: str) -> PersonPhoto:
    """Return the active house model with this name or id. Raise CommandError if there is not exactly one."""
    models = list(PersonPhoto.objects.active_house_models())
    found = [photo for photo in models if name in (photo.name, str(photo.pk))]
    if len(found) != 1:
        names = ", ".join(photo.name or str(photo.pk) for photo in models) or "none yet"
        raise CommandError(f"There is not exactly one house model {name!r}. Available: {names}.")
    return found[0]


def person_photo(photo: str) -> PersonPhoto | Path:
    """Return the path if it is a file, else the house model with this name or id. Raise CommandError."""
    path = Path(photo)
    return path if path.is_file() else find_house_model(photo)
