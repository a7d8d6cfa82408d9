"""Small line charts as SVG paths; colours and sizes are the style sheet's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from devices.queries import VITALS_STEP, Vital

HEIGHT = 40
WIDTH = 24 * 60 * 60 // int(VITALS_STEP.total_seconds())  # one unit for each step of a day


@dataclass(frozen=True)
class Sparkline:
    """One value over the last day; `path` is the `d` of an SVG path in WIDTH by HEIGHT units."""

    path: str
    lowest: int
    highest: int
    last: int


def battery_line(vitals: Sequence[Vital]) -> Sparkline | None:
    """Percent over the day; None when no phone has told any."""
    return _line([(vital.step, vital.battery) for vital in vitals], top=100)


def signal_line(vitals: Sequence[Vital]) -> Sparkline | None:
    """Bars over the day, likewise."""
    return _line([(vital.step, vital.signal) for vital in vitals], top=4)


def _line(points: list[tuple[int, float | None]], *, top: int) -> Sparkline | None:
    """Lines between neighbouring steps; where steps are missing there is a gap."""
    known = [(step, value) for step, value in points if value is not None]
    if not known:
        return None
    parts, before = [], None
    for step, value in known:
        y = round(HEIGHT - value / top * HEIGHT, 1)
        # A point without neighbours is a line of no length, which round caps make a dot.
        parts.append(f"L{step} {y}" if before == step - 1 else f"M{step} {y}h0")
        before = step
    values = [value for _, value in known]
    return Sparkline("".join(parts), round(min(values)), round(max(values)), round(values[-1]))
