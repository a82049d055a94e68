"""How long the fault tests run: a short form in `make test`, `ROUNDS` rounds in `make faults`."""

from __future__ import annotations

import os

ROUNDS = int(os.environ.get("ROUNDS", "0"))
"""0 is the short form."""

SEED = int(os.environ.get("SEED", "20261121"))
"""The first round's seed; each further round adds one. A test's name has it, so that it can be repeated."""

SEEDS = [SEED + number for number in range(max(1, ROUNDS))]

SHARE = float(os.environ.get("SHARE", "1"))
"""Which part of all steps a round takes, 0 to 1; there are some thousands of them."""

IS_WHOLE = bool(ROUNDS) and SHARE == 1
"""Whether a round also waits, minutes long, for schedules and for silent servers."""
