"""Parse the arguments that the render commands share: engine options and house models."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandError

from ..gateway.engines import engines
from ..models import PersonPhoto


def engine_options(pairs: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Parse pairs such as "num_samples=2" into `{engine: {option: value}}`, for every engine with the option.

    Raise `CommandError` if a pair has another form or no engine has the option.
    """
    found: dict[str, dict[str, Any]] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        matching = [
            engine for engine in engines().values() if name in {option.name for option in engine.options}
        ]
        if not equals or not matching:
            raise CommandError(f"--option must be NAME=VALUE with an option of an engine, not {pair!r}.")
        for engine in matching:
            found.setdefault(engine.name, {})[name] = _parse_value(text)
    return found


def _parse_value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def find_house_model(name: str) -> PersonPhoto:
    """Return the active house model with this name or id. Raise `CommandError` unless exactly one has it."""
    models = list(PersonPhoto.objects.active_house_models())
    found = [photo for photo in models if name in (photo.name, str(photo.pk))]
    if len(found) != 1:
        problem = "Several house models have" if found else "No house model has"
        names = ", ".join(photo.name or str(photo.pk) for photo in models) or "none yet"
        raise CommandError(f"{problem} the name or id {name!r}. Available: {names}.")
    return found[0]
