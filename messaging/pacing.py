"""A SIM's budget: how much may leave through it now. Pure.

Everything counts segments, because carriers and Android's own guard do; windows slide, because
Android's does (30 segments in any 60 seconds on current AOSP).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """At most `limit` segments in any `length`; `used` of them are spent."""

    length: timedelta
    limit: int
    used: int


@dataclass(slots=True)
class SimBudget:
    """One SIM's room for messages (unacked on the phone) and for segments, spent as it is used.

    `largest` is the tightest window's whole limit: a message longer than that passes when the
    window is empty, or it would wait for ever. (A limit of 0 lets nothing through.)
    """

    sim_id: int
    slot: int
    number: str
    messages: int
    segments: int | None = None  # None = no limit
    largest: int = 0
    urgent_only: bool = False

    def admits(self, *, slot: int | None, segments: int, is_urgent: bool) -> bool:
        """Whether one more message fits."""
        return (
            (slot is None or slot == self.slot)
            and self.messages > 0
            and (self.segments is None or 0 < min(segments, self.largest) <= self.segments)
            and (is_urgent or not self.urgent_only)
        )

    def spend(self, segments: int) -> None:
        """Take one message off the budget."""
        self.messages -= 1
        if self.segments is not None:
            self.segments = max(0, self.segments - segments)


def segments_left(windows: list[Window]) -> int | None:
    """What the tightest window leaves; None without any window."""
    return min((max(0, window.limit - window.used) for window in windows), default=None)


def is_quiet(now: datetime, *, start: time | None, end: time | None, time_zone: str) -> bool:
    """Whether `now` lies in the quiet hours from `start` to `end`, which may span midnight."""
    if start is None or end is None or start == end:
        return False
    clock = now.astimezone(ZoneInfo(time_zone)).time()
    if start < end:
        return start <= clock < end
    return clock >= start or clock < end
