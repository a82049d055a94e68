"""Decode results in a child process of a worker, which the module `isolated` starts.

It reads a line of JSON, which tells the number of bytes of a result and how to sign it, and the result. It
writes a line of JSON, and the bytes of the images that the line describes. It ends when the worker has closed
its end of the pipe.
"""

import json
import signal
import sys
from contextlib import suppress
from pathlib import Path

from . import EncodedImage, ImageRefused, make_thumbnail, normalize_result
from .content_credentials import SigningKey, sign

MEMORY = 400_000_000
"""Bytes of memory, above that of the started process. The largest accepted result needs half of it."""

CPU_SECONDS = 30
"""Processor time for one result. The largest accepted result needs about 12 s."""


def main() -> None:
    """Convert one result after the other."""
    _set_limits()
    while request := sys.stdin.buffer.readline():
        size, paths = json.loads(request)
        data = sys.stdin.buffer.read(size)
        if sys.platform != "win32":
            signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)  # SIGPROF ends the process.
        sys.stdout.buffer.writelines(_convert(data, SigningKey(*paths) if paths else None))
        sys.stdout.buffer.flush()


def _convert(data: bytes, key: SigningKey | None) -> list[bytes]:
    problem = ""
    try:
        image = normalize_result(data)
        thumbnail = make_thumbnail(image, label=True)
    except ImageRefused as refusal:
        return [json.dumps(str(refusal)).encode(), b"\n"]
    if key is not None:
        try:
            signed = sign(image.data, image.content_type, key, source=data, action="c2pa.transcoded")
            image = EncodedImage(signed, image.width, image.height, image.content_type)
        except Exception as error:  # noqa: BLE001 - the image is paid, so it is delivered unsigned
            problem = f"{type(error).__name__}: {error}"
    images = [image, thumbnail]
    header = [[(len(it.data), it.width, it.height, it.content_type) for it in images], problem]
    return [json.dumps(header).encode(), b"\n", *(it.data for it in images)]


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
