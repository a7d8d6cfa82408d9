"""What workers and beat do for webhooks."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down

from accounts.locks import advisory_lock
from webhooks.nudges import start_workers
from webhooks.services import claims, health, retention, warnings
from webhooks.services.deliveries import deliver_due, is_ending

# Celery's time limits do not hold in a pool of threads: the loop ends by itself, and an exchange
# takes 20 seconds at most.
DELIVER_SECONDS = 20


@shared_task
def deliver() -> int:
    """Deliver what is due; how many it were. Runs in threads, from a queue of its own."""
    return deliver_due(seconds=DELIVER_SECONDS)


@worker_shutting_down.connect
def _take_nothing_more(**_: Any) -> None:
    """A worker that was asked to end finishes what its threads have in hand."""
    is_ending.set()


@shared_task
def sweep_deliveries() -> int:
    """Start workers for what is due, whatever became of its nudges; how many were started."""
    with advisory_lock("webhooks.sweep_deliveries") as is_mine:
        if not is_mine:
            return 0
        health.hold_for_disabled()
        due = claims.count_due()
        return start_workers(due) if due else 0


@shared_task
def warn_owners() -> int:
    """Mails about endpoints that fail; how many were sent."""
    with advisory_lock("webhooks.warn_owners") as is_mine:
        return warnings.warn_owners() if is_mine else 0


@shared_task
def prune() -> int:
    """Delete what is too old; how many rows and private bodies went."""
    with advisory_lock("webhooks.prune") as is_mine:
        return retention.prune() if is_mine else 0
