"""Countries and time zones by name, from the tables of the time-zone database.

https://www.iana.org/time-zones: `iso3166.tab` (code, country), `zone.tab` (country, coordinates,
zone) and the links in `tzdata.zi` (older names of zones, which some browsers still tell).
"""

from __future__ import annotations

import zoneinfo
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from phonenumbers import SUPPORTED_REGIONS


class Zone(NamedTuple):
    """A time zone, the ISO 3166 code of its country, and its older names."""

    name: str
    country: str
    also: tuple[str, ...]


@cache
def countries() -> tuple[tuple[str, str], ...]:
    """(ISO 3166 code, name in English) of the countries that have phone numbers, by name."""
    rows = [(code, name) for code, name in _rows("iso3166.tab") if code in SUPPORTED_REGIONS]
    return tuple(sorted(rows, key=lambda row: row[1]))


@cache
def time_zones() -> tuple[Zone, ...]:
    """UTC and every zone that people live in, by name."""
    also: dict[str, list[str]] = {}
    for line in _read("tzdata.zi").splitlines():
        if line.startswith("L "):  # "L Asia/Kolkata Asia/Calcutta": the second is the older name
            _, name, old = line.split()
            also.setdefault(name, []).append(old)
    zones = [Zone(row[2], row[0], tuple(also.get(row[2], ()))) for row in _rows("zone.tab")]
    return (Zone("UTC", "", ("Etc/UTC",)), *sorted(zones))


def _rows(name: str) -> list[list[str]]:
    lines = _read(name).splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def _read(name: str) -> str:
    """A table from where `zoneinfo` looks: the system's folders, then the package `tzdata`."""
    for folder in zoneinfo.TZPATH:
        path = Path(folder) / name
        if path.is_file():
            return path.read_text(encoding="utf-8")
    return files("tzdata").joinpath("zoneinfo", name).read_text(encoding="utf-8")
