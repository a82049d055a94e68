"""Paths into JSON, such as `data.task_id` or `result.images[].url`, by which engines declare their fields.

A step is the name of an object's member. `[]` after it stands for each item of a list: all of them when
reading, and one more when writing.
"""

import re
from collections.abc import Mapping
from typing import Any

_STEP = r"[^\s.\[\]]+(\[\])?"


def is_path(text: str) -> bool:
    """Return whether `text` is a path."""
    return re.fullmatch(rf"{_STEP}(\.{_STEP})*", text) is not None


def find(payload: object, path: str) -> list[Any]:
    """Return the values at `path`, in their order; [] if there is none."""
    found: list[Any] = [payload]
    for step in path.split("."):
        name = step.removesuffix("[]")
        found = [value[name] for value in found if isinstance(value, Mapping) and name in value]
        if step.endswith("[]"):
            found = [item for value in found if isinstance(value, list) for item in value]
    return found


def put(body: dict[str, Any], path: str, value: Any) -> None:
    """Set the value at `path`, and create the objects and lists on the way.

    Raise `TypeError` if another path has put something else there.
    """
    *parents, last = path.split(".")
    for step in parents:
        body = _child(body, step)
    if last.endswith("[]"):
        _list(body, last).append(value)
    else:
        body[last] = value


def _child(body: dict[str, Any], step: str) -> dict[str, Any]:
    if step.endswith("[]"):
        child: dict[str, Any] = {}
        _list(body, step).append(child)
        return child
    child = body.setdefault(step, {})
    if not isinstance(child, dict):
        raise TypeError(f"{step!r} is not an object")
    return child


def _list(body: dict[str, Any], step: str) -> list[Any]:
    items = body.setdefault(step.removesuffix("[]"), [])
    if not isinstance(items, list):
        raise TypeError(f"{step!r} is not a list")
    return items
