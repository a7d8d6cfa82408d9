"""One message of theirs: sent and canceled as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.errors import Conflict, GatewayError, InvalidInput
from accounts.models import Tenant
from devices.models import Device
from devices.queries import devices_for
from integrations.dialects.smsgate.models import Batch
from integrations.dialects.smsgate.outputs import refused_out
from integrations.dialects.smsgate.queries import batch_for
from messaging.drafts import MessageDraft
from messaging.errors import NoActiveDevice, RecipientOptedOut
from messaging.models import Message
from messaging.services.outbound import Queued, cancel_message, queue_batch, storing_messages

AT_ONCE = 1000


def send_batch(*, tenant: Tenant, public_id: str, drafts: Sequence[MessageDraft]) -> Batch:
    """Queue a message for each draft under one id: all of them, or none; as `batch_for` reads it.

    Recipients who opted out are told of as failed, unless nobody is left. Raises Conflict for an id
    that was used before (by a try that crashed it was not), and whatever else refuses a draft.
    """
    busy = "The first request with this id is still being handled. Try again."
    with storing_messages(busy=busy), transaction.atomic():
        batch, is_new = Batch.objects.get_or_create(
            tenant=tenant, public_id=public_id, defaults={"created_at": timezone.now()}
        )
        if not is_new:
            raise Conflict(f"There is a message {public_id!r} already. Nothing was sent again.")
        results = queue_batch(tenant=tenant, drafts=drafts, origin=Message.Origin.API)
        queued = [result for result in results if isinstance(result, Queued)]
        batch.refused = _refused(drafts, results, has_others=bool(queued))
        batch.save(update_fields=["refused"])
        _add(batch, queued)
        # Read before the commit: after it, whatever fails would be told as if nothing was sent.
        return batch_for(tenant, public_id)


def cancel_batch(*, batch: Batch) -> None:
    """Stop what can be stopped; raises Conflict when that is nothing.

    One by one, because a phone's reports wait for whatever is locked; repeated, it goes on.
    """
    stopped = 0
    for message in batch.messages.all():
        try:
            cancel_message(message=message)
            stopped += 1
        except Conflict:
            continue
    if not stopped:
        raise Conflict("This message has left its phone already and cannot be canceled.")


def check_phones(*, tenant: Tenant, draft: MessageDraft, active_hours: int) -> None:
    """Whether there is a phone that `draft` may wait for, seen within so many hours (0 = ever).

    Raises InvalidInput for a device that is not the tenant's, else NoActiveDevice.
    """
    phones = devices_for(tenant)
    if draft.device_id is not None:
        phones = phones.filter(public_id=draft.device_id)
        if not phones.exists():
            raise InvalidInput.at("deviceId", "not_found", "There is no such device.")
    else:
        phones = phones.filter(status=Device.Status.ACTIVE)
    if draft.is_test:
        phones = phones.filter(kind=Device.Kind.SIMULATED)
    if active_hours:
        phones = phones.filter(last_seen_at__gte=timezone.now() - timedelta(hours=active_hours))
    if not phones.exists():
        raise NoActiveDevice("There is no phone that could send this. Pair or connect one.")


def prune_batches() -> int:
    """Delete batches of which every message was deleted by age; how many it were."""
    empty = Batch.objects.filter(
        tenant__retention_days__isnull=False,
        created_at__lt=timezone.now() - timedelta(days=1),
        messages=None,
    )
    keys = list(empty.values_list("pk", flat=True)[:AT_ONCE])
    Batch.objects.filter(pk__in=keys).delete()
    return len(keys)


def _refused(
    drafts: Sequence[MessageDraft], results: Sequence[Queued | GatewayError], *, has_others: bool
) -> list[dict[str, str]]:
    """Recipients who opted out; raises the first error of any other kind."""
    refused = []
    for draft, result in zip(drafts, results, strict=True):
        if isinstance(result, GatewayError):
            if not isinstance(result, RecipientOptedOut) or not has_others:
                raise result
            refused.append(refused_out(draft.recipient, result.issues[0].message))
    return refused


def _add(batch: Batch, queued: Sequence[Queued]) -> None:
    ids = [one.public_id for one in queued]
    keys = Message.objects.filter(tenant=batch.tenant, public_id__in=ids).values_list(
        "pk", flat=True
    )
    part = Batch.messages.through
    part.objects.bulk_create([part(batch_id=batch.pk, message_id=key) for key in sorted(keys)])
