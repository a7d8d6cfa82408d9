"""Sweeps over messages: beat's clockwork. Each returns how many rows it changed."""

from collections.abc import Callable

from celery import shared_task

from accounts.locks import advisory_lock
from messaging.services import sweeps

MOST = 50 * sweeps.AT_ONCE  # rows in one task, far below its time limit


def _once(sweep: Callable[[], int], *, most: int = MOST) -> int:
    """Run `sweep` until nothing or `most` rows are done, unless another worker has it in hand."""
    done = 0
    with advisory_lock(f"messaging.{sweep.__name__}") as is_mine:
        while is_mine and done < most:
            changed = sweep()
            done += changed
            if changed < sweeps.AT_ONCE:
                break
    return done


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
