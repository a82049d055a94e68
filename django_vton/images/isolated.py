"""Decode and compare results in child processes, so that none can end a worker with other paid try-ons.

A result might crash a decoder, or make it run forever or use up the memory. Each process keeps its children,
since starting one takes a fifth of a second.
"""

import atexit
import json
import logging
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from . import EncodedImage, ImageRefused
from .content_credentials import SigningKey
from .flaws import Flaw

logger = logging.getLogger(__name__)

KILLED = -9
"""The return code of a process that SIGKILL has ended. Windows has no such signal."""


class DecoderKilled(Exception):  # noqa: N818 - it says what happened
    """The system has killed the child, probably because memory is short. The result may be good."""


@dataclass(frozen=True)
class ResultImage:
    """One result image, its thumbnail, and why it is flawed or ""."""

    image: EncodedImage
    thumbnail: EncodedImage
    flaw: Flaw = ""


@dataclass(frozen=True)
class Comparison:
    """The thumbnail of the photo with which a result is compared, or nothing, and the kind of the product."""

    photo: bytes = field(default=b"", repr=False)
    kind: str = ""


NO_COMPARISON = Comparison()


def decode_result(
    data: bytes, key: SigningKey | None = None, comparison: Comparison = NO_COMPARISON
) -> ResultImage:
    """Return the result of `normalize_result` and its thumbnail, both with the label.

    With a key, the image is signed. If that fails, the image is returned unsigned, and the error is logged.
    With a comparison, its flaw is found. If that fails, it is "", and the error is logged.

    Raise `ImageRefused` if the bytes are no usable image, crash the decoder or exceed its limits. Raise
    `DecoderKilled` or OSError if they should be decoded again later. Threads that call at the same time have
    a child each.
    """
    child = _take_idle() or _start()
    try:
        decoded = _decode(child, data, key, comparison)
    except BaseException as error:
        returncode = _end(child)
        if not isinstance(error, (EOFError, OSError)):  # Not BrokenPipeError, which Windows does not raise.
            raise
        if returncode == KILLED:
            raise DecoderKilled from None
        raise ImageRefused("unreadable", "result") from None
    if isinstance(decoded, str):
        _idle.append(child)
        raise ImageRefused(decoded, "result")
    image, thumbnail = decoded
    return ResultImage(image, thumbnail, _read_flaw(child))


def _decode(
    child: subprocess.Popen[bytes], data: bytes, key: SigningKey | None, comparison: Comparison
) -> list[EncodedImage] | str:
    """Return the image and its thumbnail, or the reason of the refusal. `child` describes the format."""
    requests, responses = cast("BinaryIO", child.stdin), cast("BinaryIO", child.stdout)
    paths = (key.certificate, key.key) if key else None
    header = len(data), paths, len(comparison.photo), comparison.kind
    requests.writelines((json.dumps(header).encode(), b"\n", data, comparison.photo))
    requests.flush()
    answer = responses.readline()
    if not answer:
        raise EOFError
    decoded = json.loads(answer)
    if isinstance(decoded, str):
        return decoded
    described, problem = decoded
    images = [EncodedImage(responses.read(size), *values) for size, *values in described]
    if any(len(image.data) < size for image, (size, *_) in zip(images, described, strict=True)):
        raise EOFError
    if problem:
        logger.error("A result could not be signed: %s", problem)
    return images


def _read_flaw(child: subprocess.Popen[bytes]) -> Flaw:
    """Return what the child writes after the images. They are paid, so nothing that fails here loses them."""
    answer = cast("BinaryIO", child.stdout).readline()
    if not answer.endswith(b"\n"):
        logger.error("A result was not compared with its photo: the child ended with %s", _end(child))
        return ""
    _idle.append(child)
    flaw, problem = json.loads(answer)
    if problem:
        logger.error("A result was not compared with its photo: %s", problem)
    return cast("Flaw", flaw)


def _take_idle() -> subprocess.Popen[bytes] | None:
    with suppress(IndexError):  # Other threads take children too.
        while True:
            child = _idle.pop()
            if child.poll() is None:
                return child
            _end(child)
    return None


def _start() -> subprocess.Popen[bytes]:
    # The worker may have found the package through a path that only this process knows.
    path = os.pathsep.join(filter(None, sys.path))
    return subprocess.Popen(  # noqa: S603 - the command is ours
        [sys.executable, "-m", f"{__package__}.child"],
        env=os.environ | {"PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def _end(child: subprocess.Popen[bytes]) -> int:
    """Close the pipes, which ends the child. Return its return code."""
    for pipe in (child.stdin, child.stdout):
        with suppress(OSError):
            cast("BinaryIO", pipe).close()
    return child.wait()


_idle: list[subprocess.Popen[bytes]] = []
"""The children that no thread uses. The last one is used first, so that no more are started than needed."""


@atexit.register
def _end_idle() -> None:
    while _idle:
        _end(_idle.pop())


if hasattr(os, "register_at_fork"):  # Not on Windows.
    os.register_at_fork(after_in_child=_idle.clear)
