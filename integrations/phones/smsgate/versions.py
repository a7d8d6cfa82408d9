"""What the app can do since which version, as its `User-Agent` tells it."""

from __future__ import annotations

import re
from enum import Enum

Version = tuple[int, int, int]

# The first that fetches messages when its stream opens. One that says nothing counts as that.
MINIMUM: Version = (1, 53, 1)
_AGENT = re.compile(r"me\.capcom\.smsgateway/(\d{1,4}\.\d{1,4}(?:\.\d{1,4})?)", re.ASCII)


class Feature(Enum):
    """Things that an older app would choke on, or take for something else."""

    MMS_DOWNLOADED = (1, 56, 0)
    APP_STARTED = (1, 66, 0)
    CANCELLING = (1, 67, 0)  # before, it sends what is listed with that state


def app_version(user_agent: str) -> str:
    """`1.68.0`; empty where none is told (the event stream's requests do not)."""
    match = _AGENT.search(user_agent)
    return match[1] if match else ""


def version_of(text: str) -> Version:
    """`1.68.0` as numbers; MINIMUM for an empty text."""
    if not text:
        return MINIMUM
    major, minor, patch = [*map(int, text.split(".")), 0][:3]
    return major, minor, patch


def has(version: str, feature: Feature) -> bool:
    """Whether the app of this version has `feature`."""
    return version_of(version) >= feature.value
