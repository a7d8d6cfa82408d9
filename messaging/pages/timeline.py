"""What happened to one message, in sentences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from messaging.models import Message, MessageEvent
from messaging.pages.explanations import explain

# Clocks that differ by less are shown as one.
SAME_TIME = timedelta(minutes=5)

# What each kind of event says; `{phone}` is the phone's name, `{sim}` and `{part}` may be empty.
_OUTBOUND = {
    "scheduled": "Accepted, to be sent later",
    "queued": "Accepted, waiting for a phone",
    "due": "Its time has come",
    "leased": "Handed to {phone}{sim}",
    "lease_ran_out": "{phone} did not answer in time; it is handed out again",
    "moved": "Moved to {phone}",
    "accepted": "{phone} has it",
    "sent": "Sent by {phone}{part}",
    "delivered": "Delivered{part}",
    "released": "{phone} gave it back unsent",
    "cancel_asked": "Asked the phone not to send it",
    "canceled": "Canceled",
    "opted_out": "Stopped, because the recipient has opted out",
    "expired": "Ran out of time before a phone could send it",
    "unknown": "The phone never said what became of it",
}
_INBOUND = {
    "received": "Received by {phone}",
    "opted_out": "With this text the sender opted out",
}
_GOOD = frozenset({"sent", "delivered", "received"})
_BAD = frozenset({"failed", "expired", "unknown", "opted_out", "canceled"})


@dataclass(frozen=True)
class Entry:
    """One line: our time, a sentence, and the phone's time where its clock says another."""

    at: datetime
    sentence: str
    tone: str
    attempt: int
    phone_time: datetime | None


def timeline_of(message: Message) -> list[Entry]:
    """Oldest first; one query."""
    events = message.events.select_related("device").order_by("received_at", "pk")
    return [_entry(message, event) for event in events]


def _entry(message: Message, event: MessageEvent) -> Entry:
    attempt = event.key.partition(".")[0]
    return Entry(
        at=event.received_at,
        sentence=_sentence(message, event),
        tone="good" if event.kind in _GOOD else "bad" if event.kind in _BAD else "",
        attempt=int(attempt) if attempt.isdecimal() else 1,
        phone_time=_other_time(event),
    )


def _sentence(message: Message, event: MessageEvent) -> str:
    phone = event.device.name if event.device else "a phone"
    if event.kind == "failed":
        return _failure(event, phone)
    is_inbound = message.direction == Message.Direction.INBOUND
    words = (_INBOUND if is_inbound else _OUTBOUND).get(event.kind)
    if words is None:
        return event.kind.replace("_", " ").capitalize()
    slot, part, parts = (event.detail.get(name) for name in ("sim", "part", "parts"))
    sentence = words.format(
        phone=phone,
        sim=f", SIM {slot}" if slot else "",
        part=f", part {part} of {parts}" if part and parts and parts > 1 else "",
    )
    return sentence[0].upper() + sentence[1:]


def _failure(event: MessageEvent, phone: str) -> str:
    code, reason = event.detail.get("code", ""), event.detail.get("reason", "")
    explanation = explain(Message(error_code=code, error=reason))
    what = explanation.what if explanation else "It failed"
    tells_more = reason and reason != code
    return f"{what} ({phone}: {reason})" if tells_more else f"{what} ({phone})"


def _other_time(event: MessageEvent) -> datetime | None:
    if event.occurred_at is None or abs(event.received_at - event.occurred_at) <= SAME_TIME:
        return None
    return event.occurred_at
