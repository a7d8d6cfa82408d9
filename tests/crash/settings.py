"""The gateway's settings with a fast clock and with the places where its processes may die."""

import os

from gateway_site.settings import *  # noqa: F403 - all of them, but for what follows
from gateway_site.settings import CELERY_BEAT_SCHEDULE, INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS = [*INSTALLED_APPS, "tests.crash.faults.Faults"]
MIDDLEWARE = ["tests.crash.faults.DieBeforeReply", *MIDDLEWARE]
# Without policies the gateway stores messages in one statement, with them in a transaction.
MESSAGE_POLICIES = ["tests.crash.faults.die_around_commit"] if "CRASH_POLICY" in os.environ else []
MESSAGE_EVENT_HANDLERS = ["tests.crash.faults.note_published"]
CELERY_BEAT_SCHEDULE = {
    name: entry | {"schedule": min(entry["schedule"], 1.0)}
    for name, entry in CELERY_BEAT_SCHEDULE.items()
    if entry["schedule"] <= 30
}
