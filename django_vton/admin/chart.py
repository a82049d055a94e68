"""Compute the coordinates of a stacked bar chart, which `admin/vton/chart.html` draws as an SVG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 900, 260
LEFT, RIGHT, TOP, BOTTOM = 80, 10, 14, 30
"""The margins in points. They hold the amounts beside the bars and the days below them."""

MAX_GRID_LINES = 4
MAX_LABELS = 7
MAX_CAP_RATIO = 3
"""The cap is drawn only up to this multiple of the highest bar. Otherwise all bars would be small."""


@dataclass(frozen=True)
class Bar:
    """The bar of a day: two stacked amounts in micro-USD."""

    label: str
    tooltip: str
    lower: int
    upper: int

    @property
    def total(self) -> int:
        """The sum of both amounts."""
        return self.lower + self.upper


@dataclass(frozen=True)
class Scale:
    """Convert amounts and bar indexes to points. `is_mirrored` is for right-to-left languages."""

    highest: int
    bars: int
    is_mirrored: bool

    def height(self, amount: int) -> int:
        """The height of an amount in points: 0 for zero, otherwise at least 1, so that a bar is visible."""
        return max(1, round(amount * (HEIGHT - TOP - BOTTOM) / self.highest)) if amount else 0

    def y(self, amount: int) -> int:
        """The distance in points from the top of the chart to an amount."""
        return HEIGHT - BOTTOM - self.height(amount)

    def x(self, index: int, width: float = 0) -> str:
        """The left edge of a box of this width, centered in the space for the bar at `index`."""
        step = (WIDTH - LEFT - RIGHT) / self.bars
        left = LEFT + index * step + (step - width) / 2
        return f"{WIDTH - left - width if self.is_mirrored else left:.1f}"

    def from_start(self, x: int) -> int:
        """The position at this distance from the side where the user starts reading."""
        return WIDTH - x if self.is_mirrored else x


def grid_step(highest: int) -> int:
    """Return the smallest amount such as 10, 20 or 50 with which `MAX_GRID_LINES` steps reach `highest`."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if factor * power * MAX_GRID_LINES >= highest:
                return factor * power
        power *= 10


def draw(
    bars: list[Bar], cap: int | None, format_amount: Any, *, is_mirrored: bool = False
) -> dict[str, Any]:
    """Return the context of `admin/vton/chart.html`. `format_amount` formats micro-USD."""
    highest = max((bar.total for bar in bars), default=0)
    drawn_cap = cap if cap and cap <= MAX_CAP_RATIO * max(highest, 1) else None
    step = grid_step(max(highest, drawn_cap or 0, 10_000))
    lines = -(-max(highest, drawn_cap or 0, 1) // step)
    scale = Scale(step * lines, max(1, len(bars)), is_mirrored)
    width = (WIDTH - LEFT - RIGHT) / scale.bars * 0.7
    label_every = -(-len(bars) // MAX_LABELS)
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "line_start": scale.from_start(LEFT),
        "line_end": scale.from_start(WIDTH - RIGHT),
        "amount_x": scale.from_start(LEFT - 8),
        "anchor": "start" if is_mirrored else "end",
        "lines": [{"y": scale.y(step * n), "label": format_amount(step * n)} for n in range(lines + 1)],
        "cap": scale.y(drawn_cap) if drawn_cap else None,
        "bars": [
            {
                "tooltip": bar.tooltip,
                "x": scale.x(index, width),
                "width": f"{width:.1f}",
                "lower": {"y": scale.y(bar.lower), "height": scale.height(bar.lower)},
                "upper": {
                    "y": scale.y(bar.lower) - scale.height(bar.upper),
                    "height": scale.height(bar.upper),
                },
            }
            for index, bar in enumerate(bars)
            if bar.total
        ],
        "labels": [
            {"x": scale.x(index), "y": HEIGHT - 8, "text": bar.label}
            for index, bar in enumerate(bars)
            if index % label_every == label_every // 2
        ],
    }
