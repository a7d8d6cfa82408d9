"""Figures, the bars that they have to reach, and ratios between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Bar:
    """A limit that a figure has to keep: a floor, or a ceiling."""

    limit: float
    is_ceiling: bool = False

    def holds(self, value: float) -> bool:
        return value <= self.limit if self.is_ceiling else value >= self.limit

    def __str__(self) -> str:
        return f"{'<=' if self.is_ceiling else '>='} {self.limit:g}"


def at_least(limit: float) -> Bar:
    return Bar(limit)


def at_most(limit: float) -> Bar:
    return Bar(limit, is_ceiling=True)


@dataclass(frozen=True)
class Figure:
    """One row of the table; `rounds` are the values behind a median."""

    key: str
    label: str
    value: float
    unit: str
    bar: Bar | None = None
    rounds: tuple[float, ...] = ()

    @classmethod
    def median(cls, key: str, label: str, rounds: Sequence[float], unit: str) -> "Figure":
        return cls(key, label, median(rounds), unit, rounds=tuple(rounds))

    @property
    def verdict(self) -> str:
        """`reached` or `missed`; empty without a bar."""
        if self.bar is None:
            return ""
        return "reached" if self.bar.holds(self.value) else "missed"


@dataclass(frozen=True)
class Ratio:
    """What one figure is in terms of another, of the same run on the same machine."""

    label: str
    of: str
    to: str
    bar: Bar

    def figure(self, values: dict[str, float]) -> Figure | None:
        """None when one of the two was not measured; `values` are figures by key."""
        if self.of not in values or self.to not in values:
            return None
        return Figure(
            f"{self.of}/{self.to}", self.label, values[self.of] / values[self.to], "x", self.bar
        )
