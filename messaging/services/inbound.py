"""Receiving: the one way in which an inbound message comes to be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import Tenant
from accounts.secrets import keyed_hash
from accounts.upward import listeners
from devices.models import Device, Sim
from devices.numbers import parse_sender
from messaging.events import MessageReceived, Reaction, publish
from messaging.models import Message
from messaging.segments import segment
from messaging.services.conversations import record_inbound
from messaging.services.keywords import follow_keyword, keyword_in
from messaging.states import Status


@dataclass(frozen=True, slots=True)
class InboundText:
    """A text as a phone reports it, received by the phone at `occurred_at`.

    `key` is the id that the phone gave the report, or, with `is_provider_key`, what its inbox or
    SIM calls the text. Either is the same in every repeat. But an inbox that was wiped gives its
    keys out again, so such a key makes a repeat only together with all that it was said of.
    """

    key: str
    sender: str
    text: str
    recipient: str = ""
    sim_slot: int | None = None
    occurred_at: datetime | None = None
    is_provider_key: bool = False

    @property
    def phone_key(self) -> str:
        """What is unique for a phone. A keyed hash, as the text in it may not be kept."""
        if not self.is_provider_key:
            return f"id:{self.key}"[:100]
        when = self.occurred_at.astimezone(UTC).isoformat() if self.occurred_at else ""
        said = (self.key, str(self.sim_slot), when, self.sender, self.text)
        return "key:" + keyed_hash("\x00".join(said))


@transaction.atomic
def receive_message(*, device: Device, inbound: InboundText) -> Message | None:
    """Store one inbound text, follow keywords, ask the rules and tell the listeners.

    None when it was reported before. Equal texts with different keys are different messages,
    however close together. The tenant is read anew: `device` may be as old as the phone's socket.
    """
    tenant = Tenant.objects.select_related("keyword_settings").get(pk=device.tenant_id)
    message = _message_of(device, tenant, inbound)
    if not _store(message, inbound.occurred_at):
        return None
    if message.sender:
        record_inbound(message)
    settings = getattr(tenant, "keyword_settings", None)
    keyword = keyword_in(inbound.text, settings)
    reaction = Reaction()
    if keyword is not None:
        follow_keyword(keyword, message=message, tenant=tenant, settings=settings)
    elif tenant.is_active:
        reaction = _ask_rules(message, inbound.text)
    publish(
        MessageReceived(
            tenant.pk,
            message.pk,
            message.created_at,
            text=inbound.text,
            keyword=keyword or "",
            matched_rule_id=reaction.rule_id,
            is_forwarded=reaction.is_forwarded,
        )
    )
    # Last, because all of the phone's texts and reports wait for this row.
    Device.objects.filter(pk=device.pk).update(received_count=F("received_count") + 1)
    return message


def _message_of(device: Device, tenant: Tenant, inbound: InboundText) -> Message:
    segmentation = segment(inbound.text)
    country = tenant.default_country
    sim = _sim_of(device, inbound.sim_slot)
    return Message(
        tenant=tenant,
        direction=Message.Direction.INBOUND,
        status=Status.RECEIVED,
        origin=Message.Origin.PHONE,
        created_at=timezone.now(),
        sender=parse_sender(inbound.sender, country),
        recipient=parse_sender(inbound.recipient, country) or (sim.number if sim else ""),
        text=inbound.text if tenant.keep_inbound else "",
        encoding=segmentation.encoding,
        segments=segmentation.segments,
        device=device,
        sim=sim,
        phone_key=inbound.phone_key,
    )


def _sim_of(device: Device, slot: int | None) -> Sim | None:
    """The SIM in `slot`; a phone that does not say which is believed only if it has just one."""
    if slot is not None:
        return device.sims.filter(slot=slot).first()
    sims = device.sims.filter(is_present=True)[:2]
    return sims[0] if len(sims) == 1 else None


_STORE = """
WITH message AS (
    INSERT INTO messaging_message ({columns}) VALUES ({values})
        ON CONFLICT DO NOTHING
    RETURNING id, tenant_id, device_id, created_at
)
INSERT INTO messaging_messageevent
       (tenant_id, message_id, device_id, kind, key, occurred_at, received_at, detail)
SELECT tenant_id, id, device_id, 'received', 'received', %s::timestamptz, created_at, '{{}}'
  FROM message
RETURNING message_id
"""


def _store(message: Message, occurred_at: datetime | None) -> bool:
    """Insert `message` and its event in one statement (the ORM needs three); False = known."""
    fields = [field for field in Message._meta.concrete_fields if not field.primary_key]
    values = [
        field.get_db_prep_save(getattr(message, field.attname), connection) for field in fields
    ]
    statement = _STORE.format(
        columns=", ".join(f'"{field.column}"' for field in fields),
        values=", ".join(["%s"] * len(fields)),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values, occurred_at])
        stored = cursor.fetchone()
    if stored is not None:
        (message.pk,) = stored
    return stored is not None


def _ask_rules(message: Message, text: str) -> Reaction:
    """What the functions in `INBOUND_RULES` say together."""
    reactions = [react(message=message, text=text) for react in listeners("INBOUND_RULES")]
    return Reaction(
        next((reaction.rule_id for reaction in reactions if reaction.rule_id), ""),
        all(reaction.is_forwarded for reaction in reactions),
    )
