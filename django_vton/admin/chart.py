"""Where the bars of a chart stand: plain numbers for an SVG that a template draws, in any theme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 900, 260
LEFT, RIGHT, TOP, BOTTOM = 80, 10, 14, 30
"""Around the bars: the amounts, and below them the days."""

LINES = 4
LABELS = 7
CAP_IN_SIGHT = 3
"""A cap that is so many times higher than the highest bar would make all bars small: it is told in words."""


@dataclass(frozen=True)
class Bar:
    """One day: two amounts on each other."""

    label: str
    words: str
    lower: int
    upper: int

    @property
    def total(self) -> int:
        """The bar's whole amount."""
        return self.lower + self.upper


@dataclass(frozen=True)
class Frame:
    """Turns amounts and places into whole points; mirrored for languages that run from right to left."""

    highest: int
    places: int
    is_mirrored: bool

    def height(self, amount: int) -> int:
        """In points; what is there at all is seen."""
        return max(1, round(amount * (HEIGHT - TOP - BOTTOM) / self.highest)) if amount else 0

    def y(self, amount: int) -> int:
        """From the top."""
        return HEIGHT - BOTTOM - self.height(amount)

    def x(self, place: int, width: float = 0) -> str:
        """The left edge of the part of `width` in the middle of a place."""
        step = (WIDTH - LEFT - RIGHT) / self.places
        left = LEFT + place * step + (step - width) / 2
        return f"{WIDTH - left - width if self.is_mirrored else left:.1f}"

    def across(self, x: int) -> int:
        """A fixed place, from the side where reading begins."""
        return WIDTH - x if self.is_mirrored else x


def step(highest: int) -> int:
    """The distance of the lines: 1, 2 or 5 times a power of ten, so that `LINES` of them hold it."""
    size = 1
    while True:
        for factor in (1, 2, 5):
            if factor * size * LINES >= highest:
                return factor * size
        size *= 10


def draw(bars: list[Bar], cap: int | None, amount: Any, *, is_mirrored: bool = False) -> dict[str, Any]:
    """What the template draws; `amount` writes micro-USD for people."""
    highest = max((bar.total for bar in bars), default=0)
    shown = cap if cap and cap <= CAP_IN_SIGHT * max(highest, 1) else None
    distance = step(max(highest, shown or 0, 10_000))
    count = -(-max(highest, shown or 0, 1) // distance)
    frame = Frame(distance * count, max(1, len(bars)), is_mirrored)
    width = (WIDTH - LEFT - RIGHT) / frame.places * 0.7
    every = -(-len(bars) // LABELS)
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "begins": frame.across(LEFT),
        "ends": frame.across(WIDTH - RIGHT),
        "amounts_at": frame.across(LEFT - 8),
        "anchor": "start" if is_mirrored else "end",
        "lines": [{"y": frame.y(distance * n), "label": amount(distance * n)} for n in range(count + 1)],
        "cap": frame.y(shown) if shown else None,
        "bars": [
            {
                "words": bar.words,
                "x": frame.x(place, width),
                "width": f"{width:.1f}",
                "lower": {"y": frame.y(bar.lower), "height": frame.height(bar.lower)},
                "upper": {
                    "y": frame.y(bar.lower) - frame.height(bar.upper),
                    "height": frame.height(bar.upper),
                },
            }
            for place, bar in enumerate(bars)
            if bar.total
        ],
        "labels": [
            {"x": frame.x(place), "y": HEIGHT - 8, "text": bar.label}
            for place, bar in enumerate(bars)
            if place % every == every // 2
        ],
    }
