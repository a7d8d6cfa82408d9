"""Our rows as this API shows them: no null where its clients do not expect one."""

from __future__ import annotations

from typing import Any

from accounts.api.times import iso
from accounts.ids import short_id
from accounts.services.access_tokens import IssuedToken
from devices.models import Device
from integrations.dialects.smsgate.models import Batch
from integrations.dialects.smsgate.queries import STATES
from messaging.models import Message
from messaging.states import Status
from webhooks.models import Endpoint

# State -> when a recipient came to it; the message's time is that of the last.
_TIMES = {
    "Pending": "created_at",
    "Cancelling": "cancel_requested_at",
    "Processed": "accepted_at",
    "Sent": "sent_at",
    "Delivered": "delivered_at",
    "Failed": "failed_at",
}
_ERRORS = {
    Status.FAILED: "The phone could not send it.",
    Status.EXPIRED: "TTL expired",
    Status.UNKNOWN: "The phone has not told what became of it; it may have been sent.",
}


def state_out(batch: Batch, *, with_content: bool = False) -> dict[str, Any]:
    """A MessageState; `batch` comes from `batches_for`."""
    messages = list(batch.messages.all())
    device = next((message.device for message in messages if message.device), None)
    content = {"textMessage": {"text": messages[0].text}} if with_content and messages else {}
    return {
        "id": batch.public_id,
        **({"deviceId": short_id(device.public_id)} if device else {}),
        "state": batch.state,  # type: ignore[attr-defined]  # annotated
        "isHashed": False,
        "isEncrypted": False,
        "recipients": [*map(_recipient_out, messages), *batch.refused],
        "states": _times_out(messages),
        "createdAt": iso(batch.created_at),
        **content,
    }


def refused_out(number: str, reason: str) -> dict[str, str]:
    """A recipient for whom there is no message."""
    return {"phoneNumber": number, "state": "Failed", "error": reason}


def error_of(message: Message) -> str:
    """Why a message of ours was not sent; empty unless it failed."""
    default = _ERRORS.get(Status(message.status))
    return message.error or default if default else ""


def incoming_out(message: Message) -> dict[str, Any]:
    """An IncomingMessage. The whole text is its preview: there is no other way to it."""
    return {
        "id": short_id(message.public_id),
        "type": "SMS",
        "sender": message.sender,
        **({"recipient": message.recipient} if message.recipient else {}),
        **({"simNumber": message.sim.slot} if message.sim else {}),
        "contentPreview": message.text,
        "createdAt": iso(message.created_at),
    }


def device_out(device: Device) -> dict[str, Any]:
    """A Device, with its SIMs prefetched."""
    seen_at = device.last_seen_at or device.created_at
    sims = [
        {
            "slotIndex": sim.slot - 1,
            "simNumber": sim.slot,
            "phoneNumber": sim.number,
            "carrierName": sim.carrier,
        }
        for sim in device.sims.all()
        if sim.is_present
    ]
    return {
        "id": short_id(device.public_id),
        "name": device.name,
        "createdAt": iso(device.created_at),
        "updatedAt": iso(seen_at),
        "lastSeen": iso(seen_at),
        "simCards": sims,
    }


def webhook_out(endpoint: Endpoint) -> dict[str, Any]:
    """A Webhook."""
    options = endpoint.options
    about = {"id": options["id"], "url": endpoint.url, "event": options["event"]}
    return about | ({"deviceId": options["deviceId"]} if options["deviceId"] else {})


def token_out(issued: IssuedToken) -> dict[str, Any]:
    """A token in both spellings: the documented one, and what the Python client reads."""
    expires_at = iso(issued.token.expires_at)
    return {
        "id": short_id(issued.token.public_id),
        "token_type": "Bearer",
        "tokenType": "Bearer",
        "access_token": issued.access,
        "accessToken": issued.access,
        "refresh_token": issued.refresh,
        "refreshToken": issued.refresh,
        "expires_at": expires_at,
        "expiresAt": expires_at,
    }


def _recipient_out(message: Message) -> dict[str, str]:
    state = STATES[message.rank]  # type: ignore[attr-defined]  # annotated
    error = error_of(message)
    return {"phoneNumber": message.recipient, "state": state} | ({"error": error} if error else {})


def _times_out(messages: list[Message]) -> dict[str, str | None]:
    times = {
        state: max((at for m in messages if (at := getattr(m, column)) is not None), default=None)
        for state, column in _TIMES.items()
    }
    return {state: iso(at) for state, at in times.items() if at is not None}
