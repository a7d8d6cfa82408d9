"""What phones report about attempts: stored as events, and turned into states.

Reports of one phone are recorded together, in one transaction; each gets a verdict of its own, so a
bad one does not block the rest. Repeats and late ones are accepted and change nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.ids import decode_id
from devices.models import Device
from devices.services.failures import CANNOT_SEND, LIMIT_EXCEEDED
from messaging.events import (
    MessageCanceled,
    MessageDelivered,
    MessageExpired,
    MessageFailed,
    MessageSent,
    MessagingEvent,
    publish,
)
from messaging.inserts import NewEvent, append_events, as_json
from messaging.models import Message, MessageEvent
from messaging.services.phone_health import PhoneHealth
from messaging.states import TRANSITIONS, UNSENT, advance

# Failures that prove "not sent" and whose cause passes: worth another attempt.
PASSING = frozenset({"no_service", "radio_off", LIMIT_EXCEEDED, *CANNOT_SEND})
UNKNOWN_OUTCOME = "unknown"
UNDELIVERED = "undelivered"
RETRY_AFTER = (timedelta(seconds=30), timedelta(minutes=5), timedelta(minutes=30))
# What a phone gives back because it is full or restarting would come back at once, again and again.
OFFER_AGAIN_AFTER = timedelta(seconds=30)
_ATTEMPT_ID = re.compile(
    r"(?P<message>msg_[0-9A-Za-z]{22})\.(?P<attempt>[1-9][0-9]{0,3})", re.ASCII
)


# SQL, as reports come three to a message; see leases.py.
_LOCK = """
SELECT id, public_id, tenant_id, device_id, sim_id, status, attempt, segments, leased_at, sent_at,
       error_code, cancel_requested_at
  FROM messaging_message
 WHERE tenant_id = %s AND public_id = ANY(%s)
 ORDER BY id
   FOR NO KEY UPDATE
"""


class ReportKind(StrEnum):
    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Report:
    """One fact about an attempt. `part` counts from 1 to `parts`; 0 of 0 speaks for the whole.

    `is_of_any_part`: one part failed, and the phone does not tell what became of the others.
    """

    kind: ReportKind
    attempt_id: str
    occurred_at: datetime | None = None
    part: int = 0
    parts: int = 0
    code: str = ""
    reason: str = ""
    is_of_any_part: bool = False


class Verdict(StrEnum):
    """STORED also for repeats; UNKNOWN_ATTEMPT for ids that this phone never got."""

    STORED = "stored"
    UNKNOWN_ATTEMPT = "unknown_attempt"


@transaction.atomic
def record_reports(*, device: Device, reports: Sequence[Report]) -> list[Verdict]:
    """Store `reports` of one phone in the order in which they came; one verdict each."""
    messages = _lock_messages(device, reports)
    had_left = {message.pk for message in messages.values() if message.sent_at is not None}
    known = [_find(device, messages, report) for report in reports]
    fresh = append_events(
        tenant_id=device.tenant_id,
        device_id=device.pk,
        events=[fact.event for fact in known if fact is not None],
    )
    health = PhoneHealth()
    for fact in known:
        if fact is not None and fact.identity in fresh:
            fresh.discard(fact.identity)
            _apply(fact, health)
    left = [m for m in messages.values() if m.sent_at is not None and m.pk not in had_left]
    if left:
        sent_count = F("sent_count") + len(left)
        Device.objects.filter(pk=device.pk).update(sent_count=sent_count, unable_count=0)
    health.tell(device)
    return [Verdict.UNKNOWN_ATTEMPT if fact is None else Verdict.STORED for fact in known]


class _Fact(NamedTuple):
    """A report about an attempt that this phone was offered."""

    message: Message
    attempt: int
    report: Report
    event: NewEvent

    @property
    def identity(self) -> tuple[int, str]:
        return self.event.message_id, self.event.key

    @property
    def is_current(self) -> bool:
        return self.attempt == self.message.attempt


def _lock_messages(device: Device, reports: Sequence[Report]) -> dict[Any, Message]:
    """The messages concerned, locked in one order so that two sockets can't deadlock."""
    public_ids = {parsed[0] for report in reports if (parsed := _parse(report.attempt_id))}
    rows = Message.objects.raw(_LOCK, [device.tenant_id, list(public_ids)])
    return {message.public_id: message for message in rows}


def _find(device: Device, messages: dict[Any, Message], report: Report) -> _Fact | None:
    """What `report` tells, with the event to store; None when the phone never got the attempt."""
    parsed = _parse(report.attempt_id)
    message = messages.get(parsed[0]) if parsed else None
    if parsed is None or message is None or not _was_offered(device, message, parsed[1]):
        return None
    return _Fact(message, parsed[1], report, _event(message, report, parsed[1]))


def _parse(attempt_id: str) -> tuple[Any, int] | None:
    """(public id, number of the attempt) of `msg_….n`."""
    match = _ATTEMPT_ID.fullmatch(attempt_id)
    if match is None:
        return None
    public_id = decode_id(Message.ID_PREFIX, match["message"])
    return (public_id, int(match["attempt"])) if public_id else None


def _was_offered(device: Device, message: Message, attempt: int) -> bool:
    """Whether this phone ever got the attempt; another phone's reports count for nothing.

    The row tells of the current attempt, the events of those before.
    """
    if attempt == message.attempt and message.leased_at is not None:
        return message.device_id == device.pk
    return MessageEvent.objects.filter(
        message=message, device=device, key__startswith=f"{attempt}.leased."
    ).exists()


def _event(message: Message, report: Report, attempt: int) -> NewEvent:
    key = f"{attempt}.{report.kind}"
    if report.kind is ReportKind.FAILED:
        key += f".{report.code}"[:40]
    if report.part:
        key += f".{report.part}"
    detail = {
        name: value
        for name in ("part", "parts", "code", "reason")
        if (value := getattr(report, name))
    }
    return NewEvent(message.pk, report.kind.value, key, report.occurred_at, as_json(detail))


def _apply(fact: _Fact, health: PhoneHealth) -> None:
    """Move the message. That an SMS left counts for any attempt, the rest for the current.

    A negative delivery report says that it left, too; the "sent" that it overtook adds nothing.
    """
    message, report, now = fact.message, fact.report, timezone.now()
    match report.kind:
        case ReportKind.SENT if _all_parts_are(message, report):
            health.note_sent()
            if message.error_code != UNDELIVERED:
                _record_departure(message, "sent", MessageSent, now, **_NO_FAILURE)
        case ReportKind.DELIVERED if _all_parts_are(message, report):
            changes = {"delivered_at": now, **_NO_FAILURE}
            _record_departure(message, "delivered", MessageDelivered, now, **changes)
        case ReportKind.FAILED if report.code == UNDELIVERED:
            if message.error_code != UNDELIVERED:
                failure = _failure(report, now)
                _record_departure(message, "undelivered", MessageFailed, now, **failure)
        case ReportKind.ACCEPTED if fact.is_current:
            _move(message, "accepted", None, accepted_at=now, lease_until=None)
        case ReportKind.RELEASED if fact.is_current:
            _apply_released(message, now)
        case ReportKind.FAILED if fact.is_current:
            health.note_failed(report.code, message.sim_id)
            _apply_failed(message, report, now)


def _all_parts_are(message: Message, report: Report) -> bool:
    """Whether the report speaks for the whole, or is the last of its parts to come."""
    if report.parts <= 1:
        return True
    attempt = report.attempt_id.rpartition(".")[2]
    known = MessageEvent.objects.filter(
        message=message, kind=report.kind, key__startswith=f"{attempt}.{report.kind}."
    )
    return known.count() >= report.parts


def _record_departure(
    message: Message,
    kind: str,
    event: type[MessagingEvent],
    now: datetime,
    **changes: Any,
) -> None:
    """The SMS left its phone, at the latest now."""
    _move(message, kind, event, sent_at=message.sent_at or now, **changes)


def _apply_released(message: Message, now: datetime) -> None:
    if message.cancel_requested_at is not None:
        _move(message, "canceled_on_phone", MessageCanceled, **_NO_FAILURE)
    else:
        _retry(message, "returned", now, pause=OFFER_AGAIN_AFTER)


def _apply_failed(message: Message, report: Report, now: datetime) -> None:
    code = report.code
    failure = _failure(report, now)
    if code == UNKNOWN_OUTCOME:
        failure["error"] = "The phone was interrupted and cannot tell whether it was sent."
        _move(message, "unknown", MessageFailed, **failure)
    elif code == "expired":
        _move(message, "expired_on_phone", MessageExpired, **failure)
    elif message.cancel_requested_at is not None and code in PASSING:
        _move(message, "canceled_on_phone", MessageCanceled, **_NO_FAILURE)
    elif _may_retry(message, report):
        _retry(message, "retried", now, pause=_pause_after(message.attempt))
    else:
        _move(message, "failed", MessageFailed, **failure)


def _pause_after(attempt: int) -> timedelta:
    return RETRY_AFTER[min(attempt, len(RETRY_AFTER)) - 1]


def _failure(report: Report, now: datetime) -> dict[str, Any]:
    """The columns that tell why."""
    code = report.code[:40]
    return {
        "error_code": code,
        "error": report.reason[:200] or code,
        "failed_at": now,
        "lease_until": None,
    }


def _may_retry(message: Message, report: Report) -> bool:
    """Not what was announced as lost already: the tenant may have sent it by other means.

    Nor what may have left in part: the recipient would get the first parts twice.
    """
    return (
        report.code in PASSING
        and not (report.is_of_any_part and message.segments > 1)
        and message.attempt < settings.MESSAGE_MAX_ATTEMPTS
        and message.status in UNSENT
    )


def _retry(message: Message, kind: str, now: datetime, *, pause: timedelta) -> None:
    """Queue the next attempt: the phone proved that this one did not leave and never will."""
    _move(
        message,
        kind,
        None,
        attempt=message.attempt + 1,
        next_attempt_at=now + pause,
        lease_until=None,
        leased_at=None,
        sim_id=None,
    )


_NO_FAILURE: dict[str, Any] = {
    "error_code": "",
    "error": "",
    "failed_at": None,
    "lease_until": None,
}


def _move(message: Message, kind: str, event: type[MessagingEvent] | None, **changes: Any) -> bool:
    """`advance` one locked message and tell the listeners; False when it was old news."""
    if message.status not in TRANSITIONS[kind].sources:
        return False
    advance(Message.objects.filter(pk=message.pk), kind, **changes)
    message.status = TRANSITIONS[kind].to
    for name, value in changes.items():
        setattr(message, name, value)
    if event is not None:
        publish(event.of(message, timezone.now()))
    return True
