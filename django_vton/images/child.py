"""Decode results in a child process of a worker, which the module `isolated` starts.

It reads a line of JSON, which tells how to sign and to compare a result, the result, and the photo. It
writes a line of JSON, the bytes of the images that the line describes, and a line of JSON with the flaw. It
ends when the worker has closed its end of the pipe.
"""

import json
import signal
import sys
from contextlib import suppress
from pathlib import Path

from . import EncodedImage, ImageRefused, make_thumbnail, normalize_result
from .content_credentials import SigningKey, sign
from .flaws import Flaw, find_flaw

MEMORY = 400_000_000
"""Bytes of memory, above that of the started process. The largest accepted result needs half of it."""

CPU_SECONDS = 30
"""Processor time for one result. The largest accepted result needs about 12 s."""


def main() -> None:
    """Convert one result after the other."""
    _set_limits()
    while request := sys.stdin.buffer.readline():
        size, paths, photo_size, kind = json.loads(request)
        data, photo = sys.stdin.buffer.read(size), sys.stdin.buffer.read(photo_size)
        if sys.platform != "win32":
            signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)  # SIGPROF ends the process.
        try:
            image = normalize_result(data)
            thumbnail = make_thumbnail(image, label=True)
        except ImageRefused as refusal:
            _write(json.dumps(str(refusal)).encode(), b"\n")
            continue
        _write(*_encode(image, thumbnail, data, SigningKey(*paths) if paths else None))
        # The worker has the images by now, whatever happens in the comparison.
        _write(json.dumps(_compare(photo, thumbnail, kind)).encode(), b"\n")


def _write(*parts: bytes) -> None:
    sys.stdout.buffer.writelines(parts)
    sys.stdout.buffer.flush()


def _encode(image: EncodedImage, thumbnail: EncodedImage, data: bytes, key: SigningKey | None) -> list[bytes]:
    problem = ""
    if key is not None:
        try:
            signed = sign(image.data, image.content_type, key, source=data, action="c2pa.transcoded")
            image = EncodedImage(signed, image.width, image.height, image.content_type)
        except Exception as error:  # noqa: BLE001 - the image is paid, so it is delivered unsigned
            problem = f"{type(error).__name__}: {error}"
    images = [image, thumbnail]
    header = [[(len(it.data), it.width, it.height, it.content_type) for it in images], problem]
    return [json.dumps(header).encode(), b"\n", *(it.data for it in images)]


def _compare(photo: bytes, thumbnail: EncodedImage, kind: str) -> tuple[Flaw, str]:
    """Return the flaw of the result, and what went wrong."""
    try:
        return find_flaw(photo, thumbnail.data, kind) if photo else "", ""
    except Exception as error:  # noqa: BLE001 - the image is paid, so it is shown without a comparison
        return "", f"{type(error).__name__}: {error}"


def _set_limits() -> None:
    # A signal to the whole group ends the worker, which first stores the results of its running jobs.
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    if sys.platform == "win32":
        return
    import resource

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # The worker was killed, so nobody waits.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # A core dump would contain the image of a person.
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY
        with suppress(ValueError):  # A lower limit applies already.
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        # If the system runs out of memory, it should end this process and not the worker.
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")


if __name__ == "__main__":
    main()
