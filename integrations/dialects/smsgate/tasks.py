"""Housekeeping of the SMSGate API."""

from celery import shared_task

from accounts.locks import advisory_lock
from integrations.dialects.smsgate.services.batches import prune_batches


@shared_task
def prune() -> int:
    """Delete what holds no messages any more; returns how many."""
    with advisory_lock("smsgate_api.prune") as is_mine:
        return prune_batches() if is_mine else 0
