"""What their app posts to webhooks, and its signature. Named in `WEBHOOK_FORMATS`."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

import msgspec

from accounts.api.times import iso
from accounts.ids import short_id
from integrations.dialects.smsgate.inputs import ID_IN_METADATA
from integrations.dialects.smsgate.outputs import error_of
from integrations.dialects.smsgate.services.device_settings import signing_key_of
from messaging.models import Message
from webhooks.payloads import AddressedFormat, MessageNotice, Notice, Options, TestNotice

# Their event -> those of ours that are it; what is never told here can be registered for all the
# same, as clients do it for everything at once.
EVENTS: dict[str, tuple[str, ...]] = {
    "sms:received": ("message.received",),
    "sms:sent": ("message.sent",),
    "sms:delivered": ("message.delivered",),
    "sms:failed": ("message.failed", "message.expired"),
    "sms:cancelled": ("message.canceled",),
    "sms:data-received": (),
    "mms:received": (),
    "mms:downloaded": (),
    "sms:batch:received": (),
    "sms:batch:data-received": (),
    "mms:batch:received": (),
    "mms:batch:downloaded": (),
    "system:ping": (),
    "app:started": (),
}
_NAMES = {ours: theirs for theirs, names in EVENTS.items() for ours in names}
_TIMES = {
    "sms:sent": "sentAt",
    "sms:delivered": "deliveredAt",
    "sms:failed": "failedAt",
    "sms:cancelled": "cancelledAt",
}
_PING = {"health": {"status": "pass", "checks": {}}}


def body(notice: Notice, options: Options) -> str | None:
    """The body for the registration that `options` describe; None: it is for another phone.

    A test is a `system:ping`. What of ours this format has no word for keeps our name.
    """
    device = getattr(notice, "device", None)
    if isinstance(notice, MessageNotice):
        device = notice.message.device
    device_id = short_id(device.public_id) if device else None
    if options.get("deviceId") and device_id != options["deviceId"] and not _is_test(notice):
        return None
    event = "system:ping" if _is_test(notice) else _NAMES.get(notice.name, notice.name)
    told = {
        "id": hashlib.sha256(f"{options.get('id')}:{notice.key}".encode()).hexdigest()[:21],
        "webhookId": options.get("id"),
        "event": event,
        "deviceId": device_id,
        "payload": _payload(notice, event),
    }
    return msgspec.json.encode(told).decode()


def sign(*, tenant_id: int, secrets: Sequence[str], timestamp: int, body: bytes) -> dict[str, str]:
    """`X-Timestamp`, and in hex the HMAC-SHA256 over body and timestamp.

    Its key is the `webhooks.signing_key` of the settings, or else the endpoint's own secret.
    """
    key = signing_key_of(tenant_id) or next(iter(secrets), "")
    if not key:
        return {}
    signed = body + str(timestamp).encode()
    signature = hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()
    return {"X-Timestamp": str(timestamp), "X-Signature": signature}


FORMAT = AddressedFormat(body=body, sign=sign)


def _is_test(notice: Notice) -> bool:
    return isinstance(notice, TestNotice)


def _payload(notice: Notice, event: str) -> dict[str, Any]:
    if not isinstance(notice, MessageNotice):
        return _PING if _is_test(notice) else {}
    message = notice.message
    payload = _conversation(message)
    if event == "sms:received":
        return payload | {"message": notice.text, "receivedAt": iso(message.created_at)}
    if event == "sms:sent":
        payload["partsCount"] = message.segments
    if event == "sms:failed":
        payload["reason"] = error_of(message)
    return payload | {_TIMES.get(event, "occurredAt"): iso(notice.at)}


def _conversation(message: Message) -> dict[str, Any]:
    """Who with whom; `phoneNumber` is the other side's."""
    is_inbound = message.direction == Message.Direction.INBOUND
    payload = {
        "messageId": str(message.metadata.get(ID_IN_METADATA) or short_id(message.public_id)),
        "phoneNumber": message.sender if is_inbound else message.recipient,
        "sender": message.sender if is_inbound else message.sender or None,
        "recipient": message.recipient or None,
        "simNumber": message.sim.slot if message.sim else message.sim_slot,
    }
    return {name: value for name, value in payload.items() if value is not None}
