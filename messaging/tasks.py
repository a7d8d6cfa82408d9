"""Sweeps over messages: beat's clockwork. Each returns how many rows it changed."""

from collections.abc import Callable

from celery import shared_task

from accounts.sweeping import sweep_once
from messaging.services import sweeps

MOST = 50 * sweeps.AT_ONCE  # rows in one task, far below its time limit


def _once(batch: Callable[[], int], *, most: int = MOST) -> int:
    return sweep_once(batch, at_once=sweeps.AT_ONCE, most=most)


@shared_task
def queue_scheduled() -> int:
    return _once(sweeps.queue_scheduled)


@shared_task
def return_expired_leases() -> int:
    return _once(sweeps.return_expired_leases)


@shared_task
def expire_overdue() -> int:
    return _once(sweeps.expire_overdue)


@shared_task
def mark_silent_unknown() -> int:
    return _once(sweeps.mark_silent_unknown)


@shared_task
def reroute_waiting() -> int:
    return _once(sweeps.reroute_waiting)


@shared_task
def nudge_due() -> int:
    return _once(sweeps.nudge_due, most=1)
