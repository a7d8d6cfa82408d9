"""The table on the terminal and the same as JSON."""

import json
from collections.abc import Mapping, Sequence

from bench.figures import Figure

_HEAD = ("figure", "value", "unit", "bar", "", "rounds")


def table(facts: Mapping[str, str], figures: Sequence[Figure]) -> str:
    """Facts about the machine, then a line for each figure, columns aligned."""
    rows = [_HEAD, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [f"{name}: {fact}" for name, fact in facts.items()]
    lines += ["", *(_aligned(row, widths) for row in rows), "", _summary(figures)]
    return "\n".join(lines) + "\n"


def as_json(facts: Mapping[str, str], figures: Sequence[Figure]) -> str:
    """`facts`, and `figures` with `bar` and `verdict` null where there is none."""
    entries = [
        {
            "key": figure.key,
            "label": figure.label,
            "value": figure.value,
            "unit": figure.unit,
            "bar": str(figure.bar) if figure.bar else None,
            "verdict": figure.verdict or None,
            "rounds": figure.rounds,
        }
        for figure in figures
    ]
    return json.dumps({"facts": dict(facts), "figures": entries}, indent=2) + "\n"


def _row(figure: Figure) -> tuple[str, ...]:
    rounds = " ".join(_number(value) for value in figure.rounds)
    bar = str(figure.bar) if figure.bar else ""
    return figure.label, _number(figure.value), figure.unit, bar, figure.verdict, rounds


def _number(value: float) -> str:
    """Three significant digits or all of a whole number, with commas."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if column == 1 else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _summary(figures: Sequence[Figure]) -> str:
    verdicts = [figure.verdict for figure in figures if figure.bar]
    missed = [figure.label for figure in figures if figure.verdict == "missed"]
    labels = "".join(f"\n  missed: {label.strip()}" for label in missed)
    return f"{verdicts.count('reached')} of {len(verdicts)} bars reached.{labels}"
