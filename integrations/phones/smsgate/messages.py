"""Messages as the app fetches them: one recipient each."""

from __future__ import annotations

from datetime import datetime

import msgspec

from accounts.api.times import iso
from integrations.phones.smsgate.dates import created_at, valid_until
from integrations.phones.smsgate.wire_ids import wire_message_id
from messaging.models import Message
from messaging.services.leases import Offer

AT_ONCE = 100


class TextOut(msgspec.Struct):
    text: str


class MessageOut(msgspec.Struct, rename="camel", omit_defaults=True):
    """One element of `GET /message`. Absent fields are absent, not null."""

    id: str
    message: str  # for apps that do not know text_message
    text_message: TextOut
    phone_numbers: list[str]
    sim_number: int
    with_delivery_report: bool
    is_encrypted: bool
    priority: int
    state: str
    created_at: str | None
    valid_until: str | None = None


def to_send(offer: Offer, *, now: datetime, skew_seconds: int | None) -> MessageOut:
    """An offer. The urgent lane goes before others, and keeps to the phone's own pace."""
    return MessageOut(
        id=wire_message_id(offer.attempt_id),
        message=offer.text,
        text_message=TextOut(offer.text),
        phone_numbers=[offer.recipient],
        sim_number=offer.sim_slot,
        with_delivery_report=True,
        is_encrypted=False,
        priority=Message.Lane.NORMAL - offer.lane,
        state="Pending",
        created_at=created_at(offer.attempt_id, now),
        valid_until=valid_until(now, offer.expires_in_ms, skew_seconds),
    )


def to_cancel(message: Message) -> MessageOut:
    """What the phone may have and shall not send; only for apps that know the state."""
    return MessageOut(
        id=wire_message_id(message.attempt_id),
        message=message.text,
        text_message=TextOut(message.text),
        phone_numbers=[message.recipient],
        sim_number=message.sim.slot if message.sim else 1,
        with_delivery_report=True,
        is_encrypted=False,
        priority=0,
        state="Cancelling",
        created_at=iso(message.created_at),
    )
