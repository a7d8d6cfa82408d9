"""The command line: what to measure, and where the figures go."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import (
    batches,
    deliveries,
    frames,
    idle_phones,
    inbound,
    lists,
    rule_matching,
    server_choice,
    singles,
    smsgate_phones,
)
from bench.database import create_schema
from bench.environment import facts
from bench.errors import BenchError
from bench.figures import Figure
from bench.report import as_json, table

MEASUREMENTS: dict[str, Callable[[], list[Figure]]] = {
    "single": singles.measure,
    "batch": batches.measure,
    "frame": frames.measure,
    "sockets": idle_phones.measure,
    "lists": lists.measure,
    "inbound": inbound.measure,
    "deliveries": deliveries.measure,
    "rules": rule_matching.measure,
    "smsgate": smsgate_phones.measure,
}
RATIOS = (*singles.RATIOS, *batches.RATIOS, *lists.RATIOS, *deliveries.RATIOS)


def main(arguments: Sequence[str]) -> int:
    """Measure and print; 0 even when a bar is missed, 1 when there are no figures."""
    options = _parse(arguments)
    measurements = {"servers": server_choice.measure} if options.servers else MEASUREMENTS
    try:
        create_schema()
        environment = facts()
        figures: list[Figure] = []
        for name, measure in measurements.items():
            if options.servers or name in options.only:
                figures += _timed(name, measure)
    except BenchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    figures += _ratios(figures)
    sys.stdout.write(table(environment, figures))
    if options.json:
        options.json.write_text(as_json(environment, figures))
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the gateway.")
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=list(MEASUREMENTS),
        metavar="NAMES",
        help=f"comma-separated, of: {', '.join(MEASUREMENTS)}",
    )
    parser.add_argument(
        "--servers", action="store_true", help="instead: compare numbers of processes and threads"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args(arguments)
    unknown = set(options.only) - MEASUREMENTS.keys()
    if unknown:
        parser.error(f"there is no measurement {', '.join(sorted(unknown))}")
    return options


def _timed(name: str, measure: Callable[[], list[Figure]]) -> list[Figure]:
    started = time.monotonic()
    sys.stderr.write(f"{name} ... ")
    sys.stderr.flush()
    figures = measure()
    sys.stderr.write(f"{time.monotonic() - started:.0f} s\n")
    return figures


def _ratios(figures: Sequence[Figure]) -> list[Figure]:
    values = {figure.key: figure.value for figure in figures}
    return [figure for ratio in RATIOS if (figure := ratio.figure(values))]
