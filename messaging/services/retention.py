"""Forgetting the messages of tenants that do not want them kept for ever."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.ids import first_id_of
from accounts.models import Tenant
from messaging.models import Conversation, Message
from messaging.states import UNSENT, Status

AT_ONCE = 1000
# What is still to be sent stays, whenever it was asked for.
_OPEN = sorted({Status.SCHEDULED} | UNSENT)


def prune_messages() -> int:
    """Delete up to AT_ONCE messages that are too old, with their events; how many it were.

    A message is as old as its `created_at`. Of a conversation whose last text is too old, the
    beginning of that text is forgotten too.
    """
    deleted = 0
    for tenant in Tenant.objects.exclude(retention_days=None).order_by("pk"):
        deleted += _prune(tenant, AT_ONCE - deleted)
        if deleted >= AT_ONCE:
            break
    return deleted


@transaction.atomic
def _prune(tenant: Tenant, most: int) -> int:
    oldest = timezone.now() - timedelta(days=tenant.retention_days or 0)
    old = Message.objects.of(tenant).filter(public_id__lt=first_id_of(oldest))
    ended = old.exclude(status__in=_OPEN).order_by("public_id")
    # Locked first: a phone's late report would give a message another event meanwhile.
    locked = ended.select_for_update(skip_locked=True)
    keys = list(locked.values_list("pk", flat=True)[:most])
    quiet = Conversation.objects.filter(tenant=tenant, last_message_at__lt=oldest)
    quiet.exclude(last_text="").update(last_text="")
    Message.objects.filter(pk__in=keys).delete()  # and their events
    return len(keys)
