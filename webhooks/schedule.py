"""When a delivery that failed is tried again. Pure: no clock, no chance, no database of its own."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# Before the first try, the second, …: 75 hours and 35 minutes in all (Standard Webhooks 1.0).
DELAYS = tuple(
    timedelta(seconds=seconds)
    for seconds in (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
MAX_ATTEMPTS = len(DELAYS)
JITTER = 0.2
THROTTLED = timedelta(seconds=60)
LONGEST_WISH = timedelta(hours=6)
# By how much clocks of hosts may differ: what is due at once must be so for every worker.
CLOCKS_DIFFER = timedelta(seconds=5)
_SECONDS = re.compile(r"[0-9]+", re.ASCII)
_MAX_DIGITS = 9  # more than that is beyond LONGEST_WISH whatever they say


def delay_after(
    attempts: int,
    *,
    jitter: float = 0.0,
    is_throttled: bool = False,
    retry_after: timedelta | None = None,
) -> timedelta | None:
    """How long to wait when `attempts` tries have failed; None when that was the last one.

    `jitter` (-1 to 1) moves the delay by up to 20 %. Is the receiver overloaded (`is_throttled`: it
    answered 429 or took too long), a minute is the least. Its own wish, `retry_after`, is obeyed
    between the delay and 6 hours.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    delay = DELAYS[attempts] * (1 + JITTER * jitter)
    if is_throttled:
        delay = max(delay, THROTTLED)
    if retry_after is not None:
        delay = max(delay, min(retry_after, LONGEST_WISH))
    return delay


def parse_retry_after(value: str, *, now: datetime) -> timedelta | None:
    """What a `Retry-After` header asks for: seconds or an HTTP date (RFC 9110, 10.2.3).

    None for whatever is neither, and for a date in the past.
    """
    value = value.strip()
    if _SECONDS.fullmatch(value):
        return timedelta(seconds=int(value)) if len(value) <= _MAX_DIGITS else LONGEST_WISH
    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        wait = moment - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return wait if wait > timedelta(0) else None
