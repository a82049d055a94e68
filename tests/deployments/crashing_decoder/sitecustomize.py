"""Python imports this module when it starts, if its folder is on PYTHONPATH: some images crash Pillow.

`CRASH` in the environment says how. It applies to images of `CRASHING_SIZE`.
"""

from __future__ import annotations

import os
import signal
from typing import Any

CRASHING_SIZE = (320, 480)

crash = os.environ.get("CRASH", "")

if crash:
    from PIL import ImageFile

    file: Any = ImageFile.ImageFile
    load = file.load

    def crashing_load(self: Any) -> Any:
        if self.size != CRASHING_SIZE:
            return load(self)
        if crash == "spin":
            has_limit = signal.getitimer(signal.ITIMER_PROF)[0] > 0
            signal.setitimer(signal.ITIMER_PROF, 0.1 * has_limit)
            while has_limit:
                pass
        os.kill(os.getpid(), signal.SIGKILL if crash == "spin" else signal.Signals[crash])
        return None

    file.load = crashing_load
