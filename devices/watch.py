"""Since when the gateway listens to phones without a break.

After a restart, or an outage of the machine, every phone seems to have been silent for long. The
silence was the gateway's: each phone gets its time to come back before anybody is told.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.utils import timezone

from accounts.redis import connection

KEY = "devices:watching-since"
# A sweep that runs later than this after the one before was away in between.
BREAK_SECONDS = 60
# A phone whose socket broke tries again after 90 seconds at most, and has its patience besides.
COMING_BACK = timedelta(seconds=30)


def watching_since() -> datetime:
    """The time from which on silence is a phone's own; call it with every sweep.

    Redis keeps it, and without the key the gateway is as after a restart: later, never wrong.
    """
    known = connection().get(KEY)
    since = datetime.fromtimestamp(float(known), UTC) if known else timezone.now() + COMING_BACK
    connection().set(KEY, since.timestamp(), ex=BREAK_SECONDS)
    return since
