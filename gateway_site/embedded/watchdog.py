"""Restarts a worker that runs but no longer consumes.

A Celery worker may survive a restart of Redis without taking tasks ever again; only the canary that
it should answer shows it, and GET /readyz tells.
"""

from gateway_site.embedded.readiness import Readiness
from gateway_site.embedded.supervisor import Supervisor

STALE_SECONDS = 90.0
# Each is the name of a process and of the readiness check that speaks of it.
WORKERS = ("worker", "webhooks")


class WorkerWatchdog:
    """Judges readiness answers; a worker that was not ok for 90 s without a break is restarted."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self._stale_since: dict[str, float] = {}

    def judge(self, readiness: Readiness, now: float) -> None:
        """Take an answer at the monotonic time ``now`` into account.

        One that does not speak of a worker changes nothing for it.
        """
        for name in WORKERS:
            problem = readiness.problems.get(name)
            if problem == "":
                self._stale_since.pop(name, None)
            elif problem and now - self._stale_since.setdefault(name, now) >= STALE_SECONDS:
                self.supervisor.say(
                    f"{name} took no task for {STALE_SECONDS:g} s; starting it again."
                )
                self.supervisor.restart(name)
                del self._stale_since[name]
