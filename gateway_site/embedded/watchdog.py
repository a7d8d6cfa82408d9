"""Restarts a worker that runs but no longer consumes.

A Celery worker may survive a restart of Redis without taking tasks ever again; only the canary that
it should answer shows it, and GET /readyz tells.
"""

from gateway_site.embedded.readiness import Readiness
from gateway_site.embedded.supervisor import Supervisor

STALE_SECONDS = 90.0


class WorkerWatchdog:
    """Judges readiness answers; a worker that was not ok for 90 s without a break is restarted."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self._stale_since: float | None = None

    def judge(self, readiness: Readiness, now: float) -> None:
        """Take an answer at the monotonic time ``now`` into account.

        One that does not speak of the worker changes nothing.
        """
        problem = readiness.problems.get("worker")
        if problem is None:
            return
        if not problem:
            self._stale_since = None
        elif self._stale_since is None:
            self._stale_since = now
        elif now - self._stale_since >= STALE_SECONDS:
            self.supervisor.say(f"worker took no task for {STALE_SECONDS:g} s; starting it again.")
            self.supervisor.restart("worker")
            self._stale_since = None
