"""Texts that the phone received, and what else it posts.

Every event is answered 2xx once it was understood, wanted or not: the app keeps a worker busy with
what is not, for days.
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.secrets import keyed_hash
from devices.frames import storable
from integrations.phones.smsgate.bodies import decode
from integrations.phones.smsgate.dates import parse_date
from integrations.phones.smsgate.inputs import AttachmentIn, EventIn, PingIn, StartedIn, TextIn
from integrations.phones.smsgate.models import InboundEvent, PairedApp
from integrations.phones.smsgate.services.presence import note_ping
from integrations.phones.smsgate.services.registration import note_start
from messaging.models import Message
from messaging.services.inbound import InboundText, receive_message

log = structlog.get_logger(__name__)

# Longer than the app repeats an event (settings_document.RETRIES).
EVENTS_ARE_KEPT = timedelta(days=7)
LONGEST_TEXT = 20_000
PING = "system:ping"
_TEXTS = ("sms:received", "mms:downloaded")


def take_event(*, app: PairedApp, event: EventIn, body: bytes) -> None:
    """Do what an event asks for. Raises InvalidInput when its payload has another shape."""
    if event.event in _TEXTS:
        store_text(app=app, event=event, event_id=_event_id(event, body))
    elif event.event == PING:
        if app.device.tenant.is_active:
            note_ping(app, decode(event.payload, PingIn))
    elif event.event == "app:started":
        note_start(app, decode(event.payload, StartedIn))
    else:
        log.info("event not kept", device=app.device_id, kind=storable(event.event)[:40])


@transaction.atomic
def store_text(*, app: PairedApp, event: EventIn, event_id: str) -> Message | None:
    """Store the text of an event as an inbound message; None when that was done before."""
    told = decode(event.payload, TextIn)
    text = storable(text_of(event.event, told))[:LONGEST_TEXT]
    sender = storable(told.sender or told.phone_number or "")
    PairedApp.objects.select_for_update(no_key=True).get(pk=app.pk)  # one event at a time
    row = InboundEvent(
        app=app,
        event_id=event_id,
        kind=event.event,
        message_id=storable(told.message_id or "")[:64],
        content_hash=keyed_hash(f"{sender}\x00{text}"),
    )
    if _is_known(row):
        return None
    row.save()
    inbound = InboundText(
        key=event_id,
        sender=sender,
        text=text,
        recipient=storable(told.recipient or ""),
        sim_slot=told.sim_number,
        occurred_at=parse_date(told.received_at),
    )
    return receive_message(device=app.device, inbound=inbound)


def text_of(kind: str, told: TextIn) -> str:
    """What people read: of an MMS its subject, its text, and what else there was."""
    if kind == "sms:received":
        return told.message or ""
    parts = [told.subject or "", told.body or ""]
    parts += [_attachment(attachment) for attachment in told.attachments or []]
    return "\n".join(part for part in parts if part) or "[MMS]"


def prune_events() -> int:
    """Forget the events that no phone repeats any more; returns how many."""
    oldest = timezone.now() - EVENTS_ARE_KEPT
    deleted, _ = InboundEvent.objects.filter(received_at__lt=oldest).delete()
    return deleted


def _is_known(event: InboundEvent) -> bool:
    """Whether it is repeated, or another event of the same text."""
    is_repeat = Q(event_id=event.event_id)
    if event.message_id:
        is_repeat |= Q(
            message_id=event.message_id, kind=event.kind, content_hash=event.content_hash
        )
    return InboundEvent.objects.filter(is_repeat, app=event.app).exists()


def _event_id(event: EventIn, body: bytes) -> str:
    """The phone's id of the event; of one without, or with a long one, a hash."""
    event_id = storable(event.id)
    return event_id if 0 < len(event_id) <= 64 else keyed_hash(event_id or body.decode("latin-1"))


def _attachment(attachment: AttachmentIn) -> str:
    size = f"{max(1, attachment.size // 1000)} kB" if attachment.size else ""
    facts = (attachment.content_type or "attachment", attachment.name or "", size)
    return f"[{', '.join(fact for fact in facts if fact)}: not kept]"
