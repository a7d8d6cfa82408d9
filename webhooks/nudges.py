"""Waking the workers that deliver: "there is something", without content.

A nudge may be lost at any time: the sweeper looks into the database every few seconds. So nothing
here waits for Redis on the thread of whoever publishes, and the queue never holds more tasks than
there are threads to run them.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import structlog
from celery import current_app
from django.conf import settings
from django.db import connection, transaction

from accounts import redis

log = structlog.get_logger(__name__)

QUEUE = "webhooks"
TASK = "webhooks.tasks.deliver"
REST_SECONDS = 0.01
EXPIRES_SECONDS = 60


def nudge_after_commit(deliveries: int) -> None:
    """Once this transaction is committed, wake workers for so many deliveries: one nudge for it."""
    if not deliveries:
        return
    for entry in connection.run_on_commit:
        if isinstance(entry[1], _Nudge):
            entry[1].deliveries += deliveries
            return
    transaction.on_commit(_Nudge(deliveries), robust=True)


def nudge(deliveries: int) -> None:
    """Wake workers for so many deliveries; returns at once."""
    _nudger.add(deliveries)


def start_workers(deliveries: int) -> int:
    """Queue a task for each of so many deliveries; how many it were.

    No more wait than can run at once. What waits already may be something else, so it is no reason
    to queue less than that.

    Raises what Redis's client and Celery raise when Redis is away.
    """
    threads: int = settings.WEBHOOK_THREADS
    wanted = max(0, min(deliveries, threads - redis.connection().llen(QUEUE)))
    for _ in range(wanted):
        current_app.send_task(TASK, queue=QUEUE, expires=EXPIRES_SECONDS, retry=False)
    return wanted


@dataclass
class _Nudge:
    """What runs after a commit; later writes of the same transaction add to it."""

    deliveries: int

    def __call__(self) -> None:
        nudge(self.deliveries)


class _Nudger:
    """One thread for each process. After a round it rests, so that a burst becomes a few rounds."""

    def __init__(self) -> None:
        self._deliveries = 0
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, deliveries: int) -> None:
        with self._condition:
            self._deliveries += deliveries
            # A fork (Celery's prefork pool) copies the object but not its thread.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="nudges", daemon=True)
                self._thread.start()
            self._condition.notify()

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._deliveries:
                    self._condition.wait()
                deliveries, self._deliveries = self._deliveries, 0
            try:
                self._start(deliveries)
            except Exception as error:  # whatever Redis answers: the sweeper repairs it
                log.warning("nudge lost", deliveries=deliveries, error=repr(error))
            time.sleep(REST_SECONDS)

    @staticmethod
    def _start(deliveries: int) -> None:
        """Once more on a broken connection: the pools hold those of before a restart of Redis."""
        try:
            start_workers(deliveries)
        except Exception:
            start_workers(deliveries)


_nudger = _Nudger()
