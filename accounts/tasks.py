"""Housekeeping of accounts."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from accounts.locks import advisory_lock
from accounts.models import IdempotencyRecord
from accounts.services.access_tokens import prune_tokens


@shared_task
def prune() -> int:
    """Delete the idempotency records and access tokens that ran out; returns how many."""
    with advisory_lock("accounts.prune") as is_mine:
        if not is_mine:
            return 0
        oldest = timezone.now() - timedelta(hours=settings.IDEMPOTENCY_HOURS)
        deleted, _ = IdempotencyRecord.objects.filter(created_at__lt=oldest).delete()
        return deleted + prune_tokens()
