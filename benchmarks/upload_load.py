"""Response times of the shop's own pages while clients over their quota upload photos as fast as they can."""

from __future__ import annotations

import io
import itertools
import multiprocessing
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from statistics import median, quantiles
from typing import TYPE_CHECKING

import httpx
from PIL import Image

from tests.live_shop import phone_photo

from .guest_clients import (
    FIVE_IMAGES,
    MAX_REQUESTS,
    PAGES,
    TRY_ONS,
    client,
    csrf_headers,
    post_tryon,
    shop,
    status_and_code,
)
from .report import Row, at_most, info
from .sample_images import SIZE

if TYPE_CHECKING:
    from .deployment import Deployment

CLIENTS = 4
MAX_PAGE_SECONDS = 0.2
"""The goal for the median page."""


def measure(seconds: float) -> list[Row]:
    """First the pages alone, for a quarter of the time; then beside the uploads of each kind of photo."""
    rows = []
    with shop() as deployment, ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as other_process:
        guests = [_guest_over_quota(deployment) for _ in range(CLIENTS)]
        deployment.wait_until_all_end(60)
        baseline = other_process.submit(page_seconds, deployment.url, seconds / 4).result()
        rows.append(info("pages alone, median", median(baseline), "s", note=f"{len(baseline):,} pages"))
        for name, photo in (("a PNG of 40 megapixels", _many_pixels()), ("a JPEG of 15 MB", _many_bytes())):
            stop = threading.Event()
            with ThreadPoolExecutor(CLIENTS) as pool:
                running = [pool.submit(_upload_until, stop, deployment, guest, photo) for guest in guests]
                try:
                    times = other_process.submit(page_seconds, deployment.url, seconds).result()
                finally:
                    stop.set()
                responses = sum((future.result() for future in running), Counter[str]())
            counts = ", ".join(f"{response}: {count:,}" for response, count in responses.most_common())
            note = f"{len(times):,} pages; {CLIENTS} clients, {len(photo) / 1000:,.0f} kB; {counts}"
            rows.append(
                at_most(f"beside {name}, median", median(times), "s", goal=MAX_PAGE_SECONDS, note=note)
            )
            rows.append(info(f"beside {name}, 95th", quantiles(times, n=20)[-1], "s"))
    return rows


def page_seconds(url: str, seconds: float) -> list[float]:
    """The seconds of each page. Runs in another process, so that uploading threads do not delay it."""
    times: list[float] = []
    ends = time.monotonic() + seconds
    pages = itertools.cycle(PAGES)
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as http:
        while time.monotonic() < ends or len(times) < 2:
            began = time.monotonic()
            http.get(next(pages)).raise_for_status()
            times.append(time.monotonic() - began)
            time.sleep(0.05)
    return times


def _guest_over_quota(deployment: Deployment) -> dict[str, str]:
    """The headers of a guest who has used up the quota, with a new photo for each try-on."""
    headers = csrf_headers()
    with client(deployment) as http:
        first = http.post(TRY_ONS, headers=headers, data=FIVE_IMAGES, files=_photo(0))
        headers["Cookie"] += f"; sessionid={first.cookies['sessionid']}"
        for shade in range(1, 20):
            if post_tryon(http, headers, data=FIVE_IMAGES, files=_photo(shade)) == "429 quota_exceeded":
                return headers
    raise RuntimeError(f"the quota is never exceeded; the first response was {status_and_code(first)}")


def _photo(shade: int) -> dict[str, tuple[str, bytes, str]]:
    return {"photo": ("me.jpg", phone_photo(*SIZE, shade=shade), "image/jpeg")}


def _upload_until(
    stop: threading.Event, deployment: Deployment, guest: Mapping[str, str], photo: bytes
) -> Counter[str]:
    """The request body is built only once, since the shop needs the same cores."""
    responses: Counter[str] = Counter()
    with client(deployment) as http:
        files = {"photo": ("me", photo, "image/jpeg")}
        request = http.build_request("POST", TRY_ONS, data=FIVE_IMAGES, files=files)
        body = request.read()
        headers = {**guest, "Content-Type": request.headers["Content-Type"]}
        while not stop.is_set() and responses.total() < MAX_REQUESTS:
            responses[post_tryon(http, headers, content=body)] += 1
    return responses


def _many_pixels() -> bytes:
    """A small file with as many pixels as a photo may have."""
    out = io.BytesIO()
    Image.new("RGBA", (8000, 5000), (200, 190, 180, 250)).save(out, "PNG")
    return out.getvalue()


def _many_bytes() -> bytes:
    """Noise, which JPEG hardly compresses; just below the size limit."""
    noise = random.Random(1).randbytes(3 * 4000 * 3000)  # noqa: S311 - not a secret
    out = io.BytesIO()
    Image.frombytes("RGB", (4000, 3000), noise).save(out, "JPEG", quality=74, subsampling="4:4:4")
    return out.getvalue()
