"""Measure the check of `django_vton.images.flaws` on generated results: `python -m tests.images.flaws`.

The figures are in `docs/admin-renders.md`.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from io import BytesIO

from django_vton.images import make_thumbnail, normalize_person_photo, normalize_result
from django_vton.images.flaws import find_flaw
from tests.images.drawn_results import BAD, GOOD, HARD
from tests.images.scenes import encode, house_model, make_scene

EACH = {"good": 100, "bad": 50}
"""The number of results of each class: 200 good ones of two, 200 bad ones of four, and hard ones."""

FIRST_SEED = 20_000
"""The thresholds were chosen with the seeds below."""


@dataclass
class Figures:
    """The verdicts by class, and the seconds of processor time of each comparison."""

    verdicts: dict[str, Counter[str]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    def found(self) -> float:
        """Return the share of bad results that got a flaw."""
        bad = [self.verdicts[name] for name in BAD]
        return 1 - sum(each[""] for each in bad) / sum(each.total() for each in bad)

    def false_alarms(self) -> float:
        """Return the share of good results that got a flaw."""
        good = [self.verdicts[name] for name in GOOD]
        return 1 - sum(each[""] for each in good) / sum(each.total() for each in good)


def measure(good: int, bad: int, first_seed: int = FIRST_SEED) -> Figures:
    """Compare this number of results of each class with their photos, as the worker does."""
    figures = Figures()
    for name, make in (GOOD | BAD | HARD).items():
        counter = figures.verdicts[name] = Counter()
        for seed in range(first_seed, first_seed + (good if name in GOOD else bad)):
            rng = random.Random(f"{seed} {name}")  # noqa: S311 - to be the same at each run
            scene = house_model(rng) if name == "sandbox" else make_scene(rng)
            photo = make_thumbnail(normalize_person_photo(BytesIO(encode(scene.photo)))).data
            result = make_thumbnail(normalize_result(encode(make(rng, scene)))).data
            began = time.process_time()
            counter[find_flaw(photo, result, "garment")] += 1
            figures.seconds.append(time.process_time() - began)
    return figures


def main() -> None:
    figures = measure(**EACH)
    lines = [f"{name:10} {dict(verdicts)}" for name, verdicts in figures.verdicts.items()]
    lines.append(f"found {figures.found():.1%}, false alarms {figures.false_alarms():.1%}")
    seconds = sorted(figures.seconds)
    lines.append(f"median {seconds[len(seconds) // 2] * 1000:.0f} ms, most {seconds[-1] * 1000:.0f} ms")
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
