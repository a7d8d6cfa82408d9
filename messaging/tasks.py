"""Sweeps over messages: beat's clockwork. Each returns how many rows it changed.

And exports, which are written a few seconds at a time so that sweeps need not wait for them.
"""

from collections.abc import Callable

from celery import shared_task

from accounts.locks import advisory_lock
from accounts.sweeping import sweep_once
from messaging.services import exports, receivers, retention, sweeps

EXPORT_SECONDS = 5.0
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


@shared_task
def watch_receivers() -> int:
    """Phones that stopped receiving, and those that receive again; how many."""
    with advisory_lock("messaging.watch_receivers") as is_mine:
        return receivers.watch_receivers() if is_mine else 0


@shared_task
def write_exports() -> int:
    """Go on with one export, in one worker at a time; how many are left for the next task."""
    with advisory_lock("messaging.write_exports") as is_mine:
        left = exports.write_some(seconds=EXPORT_SECONDS) if is_mine else 0
    if left:
        exports.wake_worker()
    return left


@shared_task
def prune_exports() -> int:
    """Delete the exports that ran out."""
    return exports.prune_exports()


@shared_task
def prune_messages() -> int:
    """Delete what tenants want deleted by now."""
    return sweep_once(retention.prune_messages, at_once=retention.AT_ONCE, most=MOST)
