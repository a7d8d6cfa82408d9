"""Sweeps over messages: beat's clockwork. Each returns how many rows it changed."""

from collections.abc import Callable

from celery import shared_task

from accounts.locks import advisory_lock
from messaging.services import sweeps


def _once(sweep: Callable[[], int]) -> int:
    """Run `sweep` unless another worker has it in hand."""
    with advisory_lock(f"messaging.{sweep.__name__}") as is_mine:
        return sweep() if is_mine else 0


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
    return _once(sweeps.nudge_due)
