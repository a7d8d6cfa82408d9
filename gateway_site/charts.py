"""Stacked bars, as the shapes of an SVG; the colours and the size are the style sheet's.

The picture is stretched to whatever room there is, so words stand beside it and not in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

HEIGHT = 100.0
STEP, GAP = 10.0, 2.0  # from bar to bar, and what of it is empty


class Column(NamedTuple):
    """What a bar is to show: its name under the axis, the one on hover, and a number of each kind.

    The numbers are stacked in their order, from the bottom.
    """

    label: str
    title: str
    counts: Mapping[str, int]


class Piece(NamedTuple):
    """A rectangle of one kind; `y` is its upper edge."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True)
class Bar:
    """A bar from `x` on; its label is empty where there is no room for one."""

    x: float
    label: str
    title: str
    pieces: list[Piece]


@dataclass(frozen=True)
class BarChart:
    """Shapes in a picture of `width` by `height` units; `ticks` are numbers, the highest first."""

    width: float
    height: float
    bar_width: float
    bars: list[Bar]
    ticks: list[int]

    @property
    def middle(self) -> float:
        """Where the line of the middle tick is."""
        return self.height / 2


def stacked_bars(columns: Sequence[Column], *, labelled: int = 8) -> BarChart:
    """A bar for each of `columns`; about `labelled` of them keep their label, evenly spaced."""
    top = nice_ceiling(max((sum(column.counts.values()) for column in columns), default=0))
    every = max(1, -(-len(columns) // labelled))
    bars = [
        Bar(
            x=STEP * n + GAP / 2,
            label=column.label if (len(columns) - 1 - n) % every == every // 2 else "",
            title=column.title,
            pieces=_stack(column.counts, top),
        )
        for n, column in enumerate(columns)
    ]
    return BarChart(STEP * len(columns), HEIGHT, STEP - GAP, bars, [top, top // 2, 0])


def nice_ceiling(number: int) -> int:
    """The least even number from 1, 2, 3, 4, 5, 6, 8 and a power of ten that is not below."""
    power = 1
    while True:
        for digit in (1, 2, 3, 4, 5, 6, 8):
            if digit * power >= number and digit * power % 2 == 0:
                return digit * power
        power *= 10


def _stack(counts: Mapping[str, int], top: int) -> list[Piece]:
    pieces, below = [], 0
    for kind, count in counts.items():
        if count:
            below += count
            y, height = HEIGHT - HEIGHT * below / top, HEIGHT * count / top
            pieces.append(Piece(kind, round(y, 2), round(height, 2)))
    return pieces
