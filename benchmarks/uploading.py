"""The shop's own pages while clients that are over their quota upload photos as fast as they can."""

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

from tests.running import phone_photo

from .guests import FIVE, MOST, PAGES, TRY_ONS, client, csrf, post, shop, words
from .pictures import SIZE
from .report import Row, at_most, told

if TYPE_CHECKING:
    from .lab import Lab

CLIENTS = 4
SLOWEST = 0.2
"""Seconds: the goal for the median page."""


def measure(seconds: float) -> list[Row]:
    """For each kind of photo; first the pages alone, for a quarter of the time."""
    rows = []
    with shop() as lab, ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart:
        guests = [_over_quota(lab) for _ in range(CLIENTS)]
        lab.wait_for_rest(60)
        alone = apart.submit(look, lab.url, seconds / 4).result()
        rows.append(told("pages alone, median", median(alone), "s", note=f"{len(alone):,} pages"))
        for name, photo in (("a PNG of 40 megapixels", _many_pixels()), ("a JPEG of 15 MB", _many_bytes())):
            is_over = threading.Event()
            with ThreadPoolExecutor(CLIENTS) as pool:
                running = [pool.submit(_upload, lab, guest, photo, is_over) for guest in guests]
                try:
                    taken = apart.submit(look, lab.url, seconds).result()
                finally:
                    is_over.set()
                answers = sum((each.result() for each in running), Counter[str]())
            said = ", ".join(f"{answer}: {number:,}" for answer, number in answers.most_common())
            note = f"{len(taken):,} pages; {CLIENTS} clients, {len(photo) / 1000:,.0f} kB; {said}"
            rows.append(at_most(f"beside {name}, median", median(taken), "s", goal=SLOWEST, note=note))
            rows.append(told(f"beside {name}, 95th", quantiles(taken, n=20)[-1], "s"))
    return rows


def look(url: str, seconds: float) -> list[float]:
    """The seconds of each page. Called in a process of its own, so it does not wait for uploading threads."""
    taken: list[float] = []
    ends = time.monotonic() + seconds
    pages = itertools.cycle(PAGES)
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as shopper:
        while time.monotonic() < ends or len(taken) < 2:
            began = time.monotonic()
            shopper.get(next(pages)).raise_for_status()
            taken.append(time.monotonic() - began)
            time.sleep(0.05)
    return taken


def _over_quota(lab: Lab) -> dict[str, str]:
    """The headers of a guest who has used up their quota, with a new photo for each try-on."""
    headers = csrf()
    with client(lab) as caller:
        first = caller.post(TRY_ONS, headers=headers, data=FIVE, files=_photo(0))
        headers["Cookie"] += f"; sessionid={first.cookies['sessionid']}"
        for shade in range(1, 20):
            if post(caller, headers, data=FIVE, files=_photo(shade)) == "429 quota_exceeded":
                return headers
    raise RuntimeError(f"the quota never ends; the first answer was {words(first)}")


def _photo(shade: int) -> dict[str, tuple[str, bytes, str]]:
    return {"photo": ("me.jpg", phone_photo(*SIZE, shade=shade), "image/jpeg")}


def _upload(lab: Lab, guest: Mapping[str, str], photo: bytes, is_over: threading.Event) -> Counter[str]:
    """Until it is over. The body is built once: the shop needs the same cores."""
    answers: Counter[str] = Counter()
    with client(lab) as caller:
        built = caller.build_request("POST", TRY_ONS, data=FIVE, files={"photo": ("me", photo, "image/jpeg")})
        body = built.read()
        headers = {**guest, "Content-Type": built.headers["Content-Type"]}
        while not is_over.is_set() and answers.total() < MOST:
            answers[post(caller, headers, content=body)] += 1
    return answers


def _many_pixels() -> bytes:
    """Few bytes, and the most pixels that a photo may have."""
    out = io.BytesIO()
    Image.new("RGBA", (8000, 5000), (200, 190, 180, 250)).save(out, "PNG")
    return out.getvalue()


def _many_bytes() -> bytes:
    """Noise, which JPEG hardly compresses; just under the limit."""
    noise = random.Random(1).randbytes(3 * 4000 * 3000)  # noqa: S311 - not a secret
    out = io.BytesIO()
    Image.frombytes("RGB", (4000, 3000), noise).save(out, "JPEG", quality=74, subsampling="4:4:4")
    return out.getvalue()
