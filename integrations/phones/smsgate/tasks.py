"""Housekeeping of phones with the SMSGate app."""

from celery import shared_task

from accounts.locks import advisory_lock
from integrations.phones.smsgate.services.inbound import prune_events


@shared_task
def prune() -> int:
    """Forget what no phone repeats any more; returns how many were deleted."""
    with advisory_lock("smsgate.prune") as is_mine:
        return prune_events() if is_mine else 0
