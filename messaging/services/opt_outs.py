"""Opting out: who wants no more messages gets none, whatever was queued already."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.models import Tenant, User
from accounts.services.audit import record_audit
from messaging.errors import RecipientOptedOut
from messaging.events import ContactUnsubscribed, MessageFailed, publish
from messaging.models import Message, OptOut
from messaging.services.history import note
from messaging.services.outbound import ask_back
from messaging.states import IN_FLIGHT, WAITING, advance

OPTED_OUT = "The recipient has opted out."


@transaction.atomic
def opt_out(
    *, tenant: Tenant, number: str, source: OptOut.Source, message: Message | None = None
) -> bool:
    """Send `number` (in its stored form) nothing more; False when it had opted out before.

    What waits for it fails, and what its phone may not have sent yet is asked back. `message` is
    the inbound text that wanted this, if one did; its history tells.
    """
    now = timezone.now()
    _, is_new = OptOut.objects.get_or_create(
        tenant=tenant, number=number, defaults={"source": source, "created_at": now}
    )
    if message is not None:
        note([message], "opted_out")
    unsent = list(
        Message.objects.of(tenant)
        .filter(recipient=number, status__in=WAITING | IN_FLIGHT)
        .exclude(origin=Message.Origin.KEYWORD)
        .select_for_update(of=("self",), no_key=True)
        .order_by("id")
    )
    fail_opted_out([m for m in unsent if m.status in WAITING], now)
    ask_back([m for m in unsent if m.status in IN_FLIGHT], now)
    if is_new:
        publish(ContactUnsubscribed(tenant.pk, number, source, now))
    return is_new


@transaction.atomic
def opt_in(*, tenant: Tenant, number: str, actor: User | None = None) -> bool:
    """Let `number` (in its stored form) get messages again; False when it had not opted out.

    `actor` is the member who decided that, which the audit log keeps; None when its owner or a
    program did.
    """
    deleted, _ = OptOut.objects.filter(tenant=tenant, number=number).delete()
    if deleted and actor is not None:
        record_audit(tenant=tenant, actor=actor, action="opt_out.removed", target=number)
    return deleted > 0


def fail_opted_out(messages: Sequence[Message], now: datetime) -> None:
    """End `messages`, which wait and are locked by the caller, and tell the listeners."""
    if not messages:
        return
    advance(
        Message.objects.filter(pk__in=[message.pk for message in messages]),
        "opted_out",
        error_code=RecipientOptedOut.code,
        error=OPTED_OUT,
        failed_at=now,
    )
    note(messages, "opted_out")
    publish(*(MessageFailed.of(message, now) for message in messages))
