"""Times as the app reads and writes them.

It takes any number of fraction digits for milliseconds (`.678901Z` is eleven minutes late), so ours
have exactly three: `accounts.api.times.iso`. It writes `2026-01-02T10:04:05.678+07:00`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from accounts.api.times import iso
from accounts.ids import decode_id
from devices.frames import aware
from messaging.models import Message

# Below that, a clock is as right as networks let us know.
SKEW_THAT_MATTERS = 60


def parse_date(text: object) -> datetime | None:
    """A time of the phone's, or None for what is none."""
    try:
        return aware(msgspec.convert(text, datetime))
    except (msgspec.ValidationError, ValueError):
        return None


def valid_until(now: datetime, expires_in_ms: int | None, skew_seconds: int | None) -> str | None:
    """The end of a message's validity by the clock of a phone that is `skew_seconds` ahead."""
    if expires_in_ms is None:
        return None
    skew = skew_seconds if abs(skew_seconds or 0) >= SKEW_THAT_MATTERS else 0
    try:
        return iso(now + timedelta(milliseconds=expires_in_ms, seconds=skew or 0))
    except OverflowError:
        return None


def created_at(attempt_id: str, now: datetime) -> str | None:
    """When the message of an attempt came to be, from its UUIDv7: the app sends by this order."""
    public_id = decode_id(Message.ID_PREFIX, attempt_id.partition(".")[0])
    if public_id is None:
        return iso(now)
    return iso(datetime.fromtimestamp((public_id.int >> 80) / 1000, UTC))
