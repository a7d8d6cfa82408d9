"""Receiving: the one way in which an inbound message comes to be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from devices.models import Device, Sim
from devices.numbers import parse_sender
from messaging.events import MessageReceived, publish
from messaging.models import Message, MessageEvent
from messaging.segments import segment
from messaging.states import Status


@dataclass(frozen=True, slots=True)
class InboundText:
    """A text as a phone reports it. `key` is the same in every repeat, and only there."""

    key: str
    sender: str
    text: str
    recipient: str = ""
    sim_slot: int | None = None
    occurred_at: datetime | None = None


@transaction.atomic
def receive_message(*, device: Device, inbound: InboundText) -> Message | None:
    """Store one inbound text and tell the listeners; None when it was reported before.

    Equal texts with different keys are different messages, however close together.
    """
    now = timezone.now()
    segmentation = segment(inbound.text)
    country = device.tenant.default_country
    sim = _sim_of(device, inbound.sim_slot)
    stored = Message.objects.bulk_create(
        [
            Message(
                tenant_id=device.tenant_id,
                direction=Message.Direction.INBOUND,
                status=Status.RECEIVED,
                origin=Message.Origin.PHONE,
                created_at=now,
                sender=parse_sender(inbound.sender, country),
                recipient=parse_sender(inbound.recipient, country) or (sim.number if sim else ""),
                text=inbound.text,
                encoding=segmentation.encoding,
                segments=segmentation.segments,
                device=device,
                sim=sim,
                phone_key=inbound.key[:100],
            )
        ],
        ignore_conflicts=True,
    )
    message = Message.objects.filter(device=device, public_id=stored[0].public_id).first()
    if message is None:
        return None
    MessageEvent.objects.create(
        tenant_id=device.tenant_id,
        message=message,
        device=device,
        kind="received",
        key="received",
        occurred_at=inbound.occurred_at,
        received_at=now,
    )
    Device.objects.filter(pk=device.pk).update(received_count=F("received_count") + 1)
    publish(MessageReceived(message.tenant_id, message.pk, now, text=inbound.text))
    return message


def _sim_of(device: Device, slot: int | None) -> Sim | None:
    """The SIM in `slot`; a phone that does not say which is believed only if it has just one."""
    if slot is not None:
        return device.sims.filter(slot=slot).first()
    sims = device.sims.filter(is_present=True)[:2]
    return sims[0] if len(sims) == 1 else None
