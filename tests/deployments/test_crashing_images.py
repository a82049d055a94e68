"""A result that kills its decoder fails its own try-on only, through a real qcluster."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tests.faults.cluster import needs_proc
from tests.live_shop import RunningShop, phone_photo, wait_until

from . import crashing_decoder
from .crashing_decoder.sitecustomize import CRASHING_SIZE

FINISHED = "SELECT count(*) FROM vton_tryonrequest WHERE state IN ('completed', 'failed')"

pytestmark = needs_proc


class CrashingShop(RunningShop):
    """Only its workers crash, since the photos of shoppers are decoded by the web server."""

    def start_workers(self) -> None:
        env, path = self.env, str(Path(crashing_decoder.__path__[0]))
        path = os.pathsep.join(filter(None, [path, env.get("PYTHONPATH")]))
        self.env = {**env, "PYTHONPATH": path, "CRASH": "SIGSEGV"}
        super().start_workers()
        self.env = env


def test_a_result_that_kills_its_decoder_fails_its_own_try_on_only(tmp_path: Path) -> None:
    with CrashingShop(tmp_path, env={"VTON_IN_FLIGHT": "99"}) as shop:
        shopper = shop.shopper()
        product = shop.product("linen-shirt")
        # The result has the size of the photo.
        sizes = [(300, 400), (310, 400), CRASHING_SIZE, (330, 400), (340, 400)]
        for size in sizes:
            response = shopper.post_tryon(product, phone_photo(*size), consent="true")
            assert response.status_code == 202, response.text
        wait_until(lambda: shop.sql(FINISHED) == [(5,)], "all try-ons have ended")

        ended = shop.sql(
            "SELECT photo.width, request.state, attempt.money FROM vton_tryonrequest request "
            "JOIN vton_personphoto photo ON photo.id = request.photo_id "
            "JOIN vton_attempt attempt ON attempt.request_id = request.id ORDER BY photo.width"
        )
        crashed = CRASHING_SIZE[0]
        assert ended == [
            (width, "failed" if width == crashed else "completed", "spent") for width, _ in sizes
        ]
        assert len(shop.gateway.ledger.entries) == 5
        assert not re.search("reincarnated|timed out", shop.log("workers"))
