"""Housekeeping of ingresses."""

from celery import shared_task
from django.utils import timezone

from accounts.locks import advisory_lock
from integrations.ingress.models import IngressRef
from integrations.ingress.services.receiving import REFS_ARE_KEPT


@shared_task
def prune() -> int:
    """Delete the refs that ran out; returns how many."""
    with advisory_lock("ingress.prune") as is_mine:
        if not is_mine:
            return 0
        oldest = timezone.now() - REFS_ARE_KEPT
        deleted, _ = IngressRef.objects.filter(created_at__lt=oldest).delete()
        return deleted
