"""The coordinates of the chart."""

from __future__ import annotations

import pytest

from django_vton.admin import chart


def bars(*amounts: tuple[int, int]) -> list[chart.Bar]:
    return [chart.Bar(str(n), f"day {n}", *amount) for n, amount in enumerate(amounts)]


@pytest.mark.parametrize(
    ("highest", "expected"),
    [(1, 1), (4, 1), (5, 2), (8, 2), (9, 5), (20, 5), (21, 10), (75_000, 20_000), (10**9, 5 * 10**8)],
)
def test_grid_lines_are_round_numbers(highest: int, expected: int) -> None:
    assert chart.grid_step(highest) == expected


@pytest.mark.parametrize("is_mirrored", [False, True])
@pytest.mark.parametrize("count", [1, 7, 31, 90])
def test_bars_stay_inside_the_chart(count: int, *, is_mirrored: bool) -> None:
    drawn = chart.draw(bars(*[(50_000, 25_000)] * count), 100_000, str, is_mirrored=is_mirrored)

    assert len(drawn["bars"]) == count
    assert len(drawn["labels"]) <= chart.MAX_LABELS + 1
    for bar in drawn["bars"]:
        left, width = float(bar["x"]), float(bar["width"])
        assert min(drawn["line_start"], drawn["line_end"]) <= left
        assert left + width <= max(drawn["line_start"], drawn["line_end"])
        assert chart.TOP <= bar["upper"]["y"] < bar["lower"]["y"] < chart.HEIGHT - chart.BOTTOM
        assert bar["upper"]["y"] + bar["upper"]["height"] == bar["lower"]["y"]


def test_a_cap_far_above_the_bars_is_not_drawn() -> None:
    assert chart.draw(bars((10_000, 0)), 1_000_000, str)["cap"] is None
    near = chart.draw(bars((75_000, 0)), 100_000, str)
    assert chart.TOP <= near["cap"] < near["bars"][0]["lower"]["y"]


def test_a_chart_without_amounts_or_with_a_zero_cap_is_drawn() -> None:
    for cap in (None, 0):
        drawn = chart.draw(bars((0, 0), (0, 0)), cap, str)
        assert drawn["bars"] == []
        assert drawn["cap"] is None
