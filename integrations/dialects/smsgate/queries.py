"""Reads of this API, always from a tenant."""

from __future__ import annotations

import uuid

from django.db.models import Case, Max, Min, Prefetch, Q, QuerySet, Value, When

from accounts.errors import NotFound
from accounts.ids import decode_short_id, encode_id
from accounts.models import Tenant
from devices.models import Device
from devices.queries import device_for
from integrations.dialects.smsgate.auth import DIALECT
from integrations.dialects.smsgate.inputs import InboxQuery, MessagesQuery
from integrations.dialects.smsgate.models import Batch
from messaging.models import Message
from messaging.queries import messages_for
from messaging.states import Status
from webhooks.models import Endpoint
from webhooks.queries import endpoints_for

# A message's state is that of the recipient who is worst off; its place here is its rank.
STATES = ("Pending", "Cancelling", "Cancelled", "Processed", "Sent", "Delivered", "Failed")
_SENT, _DELIVERED, _FAILED = 4, 5, 6
_RANKS = {
    Status.CANCELED: 2,
    Status.SENT: _SENT,
    Status.DELIVERED: _DELIVERED,
    Status.FAILED: _FAILED,
    Status.EXPIRED: _FAILED,
    Status.UNKNOWN: _FAILED,
}


def rank(prefix: str = "") -> Case:
    """The place in STATES of a message of ours, as SQL."""
    ends = [When(Q((f"{prefix}status", str(status))), then=n) for status, n in _RANKS.items()]
    is_asked_back = Q((f"{prefix}cancel_requested_at__isnull", False))
    is_on_phone = Q((f"{prefix}status", str(Status.ACCEPTED)))
    return Case(*ends, When(is_asked_back, then=1), When(is_on_phone, then=3), default=Value(0))


def batches_for(tenant: Tenant) -> QuerySet[Batch]:
    """The tenant's batches with their `state`; their messages, with a `rank`, are prefetched.

    Any Pending, Cancelling, Cancelled, Processed (in this order), else all Failed, all Delivered,
    else Sent.
    """
    messages = Message.objects.annotate(rank=rank()).select_related("device").order_by("pk")
    unsettled = [When(lowest=number, then=Value(STATES[number])) for number in range(_SENT)]
    is_delivered = Q(lowest=_DELIVERED, highest=_DELIVERED, refused=[])
    return (
        Batch.objects.filter(tenant=tenant)
        .annotate(lowest=Min(rank("messages__")), highest=Max(rank("messages__")))
        .annotate(
            state=Case(
                *unsettled,
                When(lowest=_FAILED, then=Value("Failed")),
                When(is_delivered, then=Value("Delivered")),
                default=Value("Sent"),
            )
        )
        .prefetch_related(Prefetch("messages", messages))
    )


def batch_for(tenant: Tenant, public_id: str) -> Batch:
    """The tenant's batch with this id; raises NotFound for any other."""
    batch = None
    if "\x00" not in public_id:  # which PostgreSQL could not even look for
        batch = batches_for(tenant).filter(public_id=public_id).first()
    if batch is None:
        raise NotFound
    return batch


def page_of_batches(tenant: Tenant, query: MessagesQuery) -> tuple[list[Batch], int]:
    """(one page, how many there are).

    The page is found by index first, so that the states of its batches alone are worked out; those
    of all are if the list is to have one state only.
    """
    batches = Batch.objects.filter(tenant=tenant)
    if query.state is not None:
        batches = batches_for(tenant).filter(Q(state=query.state))
    batches = batches.filter(**query.times())
    if query.device_id is not None:
        through = Batch.messages.through.objects
        parts = through.filter(message__device__public_id=_device_id(query.device_id))
        batches = batches.filter(pk__in=parts.values("batch_id"))
    order = (query.sort, query.sort.replace("created_at", "id"))
    keys = batches.order_by(*order).values_list("pk", flat=True)
    here = list(keys[query.offset : query.offset + query.limit])
    page = batches_for(tenant).filter(pk__in=here).order_by(*order)
    return list(page), batches.count()


def page_of_inbox(tenant: Tenant, query: InboxQuery) -> tuple[list[Message], int]:
    """(one page of what came in, newest first, how many there are)."""
    inbound = messages_for(tenant).filter(direction=Message.Direction.INBOUND, **query.times())
    if query.type not in (None, "SMS"):
        inbound = inbound.none()
    if query.device_id is not None:
        inbound = inbound.filter(device__public_id=_device_id(query.device_id))
    page = inbound.select_related("sim")[query.offset : query.offset + query.limit]
    return list(page), inbound.count()


def phone_for(tenant: Tenant, short: str) -> Device:
    """The tenant's device with this id of 21 characters; raises NotFound for any other."""
    public_id = decode_short_id(short)
    if public_id is None:
        raise NotFound
    return device_for(tenant, encode_id(Device.ID_PREFIX, public_id))


def webhooks_for(tenant: Tenant) -> QuerySet[Endpoint]:
    """The endpoints that were registered here, oldest first."""
    return endpoints_for(tenant).filter(format=DIALECT).select_related("tenant")


def webhook_for(tenant: Tenant, public_id: str) -> Endpoint:
    """The one that the client knows by this id; raises NotFound for any other."""
    known = {endpoint.options["id"]: endpoint for endpoint in webhooks_for(tenant)}
    endpoint = known.get(public_id)
    if endpoint is None:
        raise NotFound
    return endpoint


def _device_id(short: str) -> uuid.UUID:
    """The id behind it, or one that nobody has."""
    return decode_short_id(short) or uuid.UUID(int=0)
