"""Numbers become rectangles."""

import pytest

from gateway_site.charts import Column, Piece, nice_ceiling, stacked_bars


@pytest.mark.parametrize(
    ("number", "top"),
    [(0, 2), (1, 2), (2, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 20), (41, 50), (70, 80)]
    + [(99, 100), (101, 200), (6001, 8000), (1_000_000, 1_000_000)],
)
def test_ceiling_is_the_next_round_number_with_a_whole_half(number, top):
    assert nice_ceiling(number) == top


def test_kinds_are_stacked_from_the_bottom_and_fill_their_share():
    chart = stacked_bars(
        [Column("1", "first", {"a": 1, "b": 0, "c": 3}), Column("2", "second", {"a": 0})]
    )
    first, second = chart.bars
    assert first.pieces == [Piece("a", 75.0, 25.0), Piece("c", 0.0, 75.0)]
    assert second.pieces == []
    assert (first.x, second.x, chart.bar_width, chart.width) == (1.0, 11.0, 8.0, 20.0)
    assert chart.ticks == [4, 2, 0]


@pytest.mark.parametrize(("bars", "labels"), [(7, 7), (24, 8), (30, 7)])
def test_as_many_labels_are_shown_as_there_is_room_for(bars, labels):
    chart = stacked_bars([Column(str(n), "", {}) for n in range(bars)])
    assert sum(bar.label != "" for bar in chart.bars) == labels


def test_chart_of_nothing_has_an_axis():
    chart = stacked_bars([])
    assert (chart.bars, chart.ticks) == ([], [2, 1, 0])
