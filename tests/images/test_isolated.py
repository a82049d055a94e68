"""Results are decoded in child processes."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageChops

from django_vton.images import ImageRefused, isolated
from tests.deployments import crashing_decoder
from tests.deployments.crashing_decoder.sitecustomize import CRASHING_SIZE
from tests.faults.cluster import is_alive
from tests.images.samples import encode
from tests.live_shop import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOOD = encode(Image.new("RGB", (400, 500), "navy"), "PNG")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_the_thumbnail_shows_the_image_and_the_pixels_are_freed(kind: str, mode: str) -> None:
    if (kind, mode) == ("JPEG", "RGBA"):
        mode = "CMYK"
    image = Image.new(mode, (900, 1200), 180)
    file = BytesIO()
    image.save(file, kind)
    result = isolated.decode_result(file.getvalue())
    assert result.image.decoded is result.thumbnail.decoded is None
    small = Image.open(BytesIO(result.thumbnail.data))
    assert (small.format, small.mode, small.size) == ("JPEG", "RGB", (324, 432))
    seen = Image.open(BytesIO(result.image.data)).convert("RGBA")
    shown = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    difference = ImageChops.difference(shown.resize(small.size), small)
    assert max(difference.tobytes()) <= 2


@pytest.fixture
def crashing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], bytes]]:
    """Return an image that crashes its decoder in this way."""
    monkeypatch.syspath_prepend(Path(crashing_decoder.__path__[0]))

    def image(crash: str) -> bytes:
        monkeypatch.setenv("CRASH", crash)
        isolated._end_idle()
        return encode(Image.new("RGB", CRASHING_SIZE, "navy"), "PNG")

    yield image
    isolated._end_idle()


@pytest.mark.parametrize("crash", ["SIGSEGV", "SIGABRT", "spin"])
def test_an_image_that_crashes_its_decoder_is_refused(crashing: Callable[[str], bytes], crash: str) -> None:
    with pytest.raises(ImageRefused, match="unreadable"):
        isolated.decode_result(crashing(crash))
    assert isolated.decode_result(GOOD).image.width == 400


def test_an_image_is_not_to_blame_if_the_system_kills_its_decoder(crashing: Callable[[str], bytes]) -> None:
    with pytest.raises(isolated.DecoderKilled):
        isolated.decode_result(crashing("SIGKILL"))


@pytest.mark.parametrize("crash", ["SIGSEGV", "SIGKILL"])
def test_a_photo_that_crashes_the_comparison_keeps_no_result_back(
    crashing: Callable[[str], bytes], caplog: pytest.LogCaptureFixture, crash: str
) -> None:
    crashing(crash)
    photo = encode(Image.new("RGB", CRASHING_SIZE, "navy"), "JPEG")
    result = isolated.decode_result(GOOD, None, isolated.Comparison(photo, "garment"))
    assert (result.image.width, result.flaw) == (400, "")
    assert "not compared with its photo" in caplog.text
    assert isolated.decode_result(GOOD).image.width == 400


def test_a_photo_that_cannot_be_read_keeps_no_result_back(caplog: pytest.LogCaptureFixture) -> None:
    result = isolated.decode_result(GOOD, None, isolated.Comparison(b"no photo", "garment"))
    assert (result.image.width, result.flaw) == (400, "")
    assert "not compared with its photo: UnidentifiedImageError" in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit the memory")
def test_an_image_that_needs_too_much_memory_is_refused() -> None:
    isolated.decode_result(GOOD)
    child = isolated._idle[-1]
    used = int(Path(f"/proc/{child.pid}/statm").read_text().split()[0]) * resource.getpagesize()
    _soft, limit = resource.prlimit(child.pid, resource.RLIMIT_AS)
    assert 0 < limit - used <= 400_000_000
    resource.prlimit(child.pid, resource.RLIMIT_AS, (used + 10_000_000, limit))
    with pytest.raises(ImageRefused, match="unreadable"):
        isolated.decode_result(encode(Image.new("RGB", (3000, 3000)), "PNG"))
    assert isolated.decode_result(GOOD).image.width == 400
    isolated._end_idle()


def test_a_child_that_ended_while_idle_is_replaced() -> None:
    isolated.decode_result(GOOD)
    isolated._idle[-1].kill()
    isolated._idle[-1].wait()
    assert isolated.decode_result(GOOD).image.width == 400


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_process_starts_its_own_child() -> None:
    isolated.decode_result(GOOD)
    child = os.fork()
    if not child:
        os._exit(bool(isolated._idle))
    assert os.waitpid(child, 0)[1] == 0
    assert isolated._idle


def test_a_child_ends_with_its_worker() -> None:
    """Also if SIGKILL ends the worker: nobody closes the pipe but the system."""
    code = (
        "import os, sys; from django_vton.images import isolated;"
        "isolated.decode_result(sys.stdin.buffer.read());"
        "print(isolated._idle[0].pid, flush=True); os.kill(os.getpid(), 9)"
    )
    worker = subprocess.run([sys.executable, "-c", code], input=GOOD, stdout=subprocess.PIPE, check=False)
    pid = int(worker.stdout)
    wait_until(lambda: not is_alive(pid), "the child has ended")
