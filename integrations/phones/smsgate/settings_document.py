"""What the app is told to be like: `GET /settings`, which it imports.

The gateway paces by segments and for each SIM, when it hands messages over. The app can pace by
messages and for the phone as a whole, so what it is told here must never hold back what was handed
over already: it is the second net, for what is left on a phone after a pause.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from django.conf import settings

from accounts.secrets import keyed_hash
from devices.models import Sim

LOG_DAYS = 30  # the app forgets ids with its log, and would send what it has forgotten again
RETRIES = 16  # of an event that we do not answer: 5 s, doubled each time, is four days
# The app's name of a window, the SIM's column, and its length in seconds.
_PERIODS = (
    ("PerMinute", "segments_per_minute", 60),
    ("PerHour", "segments_per_hour", 3_600),
    ("PerDay", "segments_per_day", 86_400),
)


def settings_document(sims: Sequence[Sim], *, signing_key: str) -> dict[str, Any]:
    """All that is set; a section that is null would break the import, a null in it resets."""
    shortest, longest = _interval(sims)
    period, value = _limit(sims)
    return {
        "gateway": {"notification_channel": "SSE_ONLY"},
        "messages": {
            "processing_order": "FIFO",
            "send_interval_min": shortest,
            "send_interval_max": longest,
            "limit_period": period,
            "limit_value": value,
            "sim_selection_mode": "OSDefault",
            "log_lifetime_days": LOG_DAYS,
        },
        "ping": {"interval_seconds": settings.DEVICE_HEARTBEAT_SECONDS},
        "logs": {"lifetime_days": LOG_DAYS},
        "webhooks": {
            "signing_key": signing_key,
            "retry_count": RETRIES,
            "internet_required": True,
        },
    }


def settings_hash(sims: Sequence[Sim]) -> str:
    """Changes when the document does."""
    return keyed_hash(msgspec.json.encode(settings_document(sims, signing_key="")).decode())


def _interval(sims: Sequence[Sim]) -> tuple[int | None, int | None]:
    """Whole seconds between two messages, which the SIMs take in turns: as if all paused least."""
    turns = 1000 * max(1, len(sims))
    shortest = min((sim.min_gap_ms for sim in sims), default=0) // turns
    longest = min((sim.min_gap_ms + sim.jitter_ms for sim in sims), default=0) // turns
    return (shortest, longest) if longest else (None, None)


def _limit(sims: Sequence[Sim]) -> tuple[str, int | None]:
    """The tightest window in which all SIMs are limited, with what they may send together."""
    limits = []
    for name, column, seconds in _PERIODS:
        counts = [getattr(sim, column) for sim in sims]
        if counts and None not in counts:
            limits.append((sum(counts) / seconds, name, max(1, sum(counts))))
    if not limits:
        return "Disabled", None
    _, period, value = min(limits)
    return period, value
