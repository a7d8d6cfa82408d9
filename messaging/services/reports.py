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
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.ids import decode_id
from devices.models import Device
from messaging.events import (
    MessageCanceled,
    MessageDelivered,
    MessageExpired,
    MessageFailed,
    MessageSent,
    MessagingEvent,
    publish,
)
from messaging.models import Message, MessageEvent
from messaging.states import UNSENT, advance

# Failures that prove "not sent" and whose cause passes: worth another attempt.
PASSING = frozenset({"no_service", "radio_off", "limit_exceeded"})
UNKNOWN_OUTCOME = "unknown"
UNDELIVERED = "undelivered"
RETRY_AFTER = (timedelta(seconds=30), timedelta(minutes=5), timedelta(minutes=30))
# What a phone gives back because it is full or restarting would come back at once, again and again.
OFFER_AGAIN_AFTER = timedelta(seconds=30)
_ATTEMPT_ID = re.compile(
    r"(?P<message>msg_[0-9A-Za-z]{22})\.(?P<attempt>[1-9][0-9]{0,3})", re.ASCII
)


class ReportKind(StrEnum):
    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Report:
    """One fact about an attempt. `part` counts from 1 to `parts`; 0 of 0 speaks for the whole."""

    kind: ReportKind
    attempt_id: str
    occurred_at: datetime | None = None
    part: int = 0
    parts: int = 0
    code: str = ""
    reason: str = ""


class Verdict(StrEnum):
    """STORED also for repeats; UNKNOWN_ATTEMPT for ids that this phone never got."""

    STORED = "stored"
    UNKNOWN_ATTEMPT = "unknown_attempt"


@transaction.atomic
def record_reports(*, device: Device, reports: Sequence[Report]) -> list[Verdict]:
    """Store `reports` of one phone in the order in which they came; one verdict each."""
    messages = _lock_messages(device, reports)
    return [_record(device, messages, report) for report in reports]


def _lock_messages(device: Device, reports: Sequence[Report]) -> dict[Any, Message]:
    """The messages concerned, locked in one order so that two sockets can't deadlock."""
    public_ids = {parsed[0] for report in reports if (parsed := _parse(report.attempt_id))}
    rows = (
        Message.objects.select_for_update(no_key=True)
        .filter(tenant_id=device.tenant_id, public_id__in=public_ids)
        .order_by("id")
    )
    return {message.public_id: message for message in rows}


def _parse(attempt_id: str) -> tuple[Any, int] | None:
    """(public id, number of the attempt) of `msg_….n`."""
    match = _ATTEMPT_ID.fullmatch(attempt_id)
    if match is None:
        return None
    public_id = decode_id(Message.ID_PREFIX, match["message"])
    return (public_id, int(match["attempt"])) if public_id else None


def _record(device: Device, messages: dict[Any, Message], report: Report) -> Verdict:
    parsed = _parse(report.attempt_id)
    message = messages.get(parsed[0]) if parsed else None
    if parsed is None or message is None or not _was_offered(device, message, parsed[1]):
        return Verdict.UNKNOWN_ATTEMPT
    if _append(device, message, report, parsed[1]):
        _apply(device, message, report, is_current=parsed[1] == message.attempt)
    return Verdict.STORED


def _was_offered(device: Device, message: Message, attempt: int) -> bool:
    """Whether this phone ever got the attempt; another phone's reports count for nothing.

    The row tells of the current attempt, the events of those before.
    """
    if attempt == message.attempt and message.leased_at is not None:
        return message.device_id == device.pk
    return MessageEvent.objects.filter(
        message=message, device=device, key__startswith=f"{attempt}.leased."
    ).exists()


def _append(device: Device, message: Message, report: Report, attempt: int) -> bool:
    """Store the event; False when it was there already."""
    key = f"{attempt}.{report.kind}"
    if report.kind is ReportKind.FAILED:
        key += f".{report.code}"[:40]
    if report.part:
        key += f".{report.part}"
    if MessageEvent.objects.filter(message=message, key=key).exists():
        return False
    detail: dict[str, Any] = {
        name: value
        for name in ("part", "parts", "code", "reason")
        if (value := getattr(report, name))
    }
    MessageEvent.objects.create(
        tenant_id=message.tenant_id,
        message=message,
        device=device,
        kind=report.kind,
        key=key,
        occurred_at=report.occurred_at,
        received_at=timezone.now(),
        detail=detail,
    )
    return True


def _apply(device: Device, message: Message, report: Report, *, is_current: bool) -> None:
    """Move the message. That an SMS left counts for any attempt, the rest for the current.

    A negative delivery report says that it left, too; the "sent" that it overtook adds nothing.
    """
    now = timezone.now()
    match report.kind:
        case ReportKind.SENT if _all_parts_are(message, report):
            if message.error_code != UNDELIVERED:
                _record_departure(device, message, "sent", MessageSent, now, **_NO_FAILURE)
        case ReportKind.DELIVERED if _all_parts_are(message, report):
            changes = {"delivered_at": now, **_NO_FAILURE}
            _record_departure(device, message, "delivered", MessageDelivered, now, **changes)
        case ReportKind.FAILED if report.code == UNDELIVERED:
            if message.error_code != UNDELIVERED:
                failure = _failure(report, now)
                _record_departure(device, message, "undelivered", MessageFailed, now, **failure)
        case ReportKind.ACCEPTED if is_current:
            _move(message, "accepted", None, accepted_at=now, lease_until=None)
        case ReportKind.RELEASED if is_current:
            _apply_released(message, now)
        case ReportKind.FAILED if is_current:
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
    device: Device,
    message: Message,
    kind: str,
    event: type[MessagingEvent],
    now: datetime,
    **changes: Any,
) -> None:
    """The SMS left `device`, which counts it once."""
    is_first = message.sent_at is None
    if _move(message, kind, event, sent_at=message.sent_at or now, **changes) and is_first:
        Device.objects.filter(pk=device.pk).update(sent_count=F("sent_count") + 1)


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
    elif _may_retry(message, code):
        _retry(message, "retried", now, pause=RETRY_AFTER[message.attempt - 1])
    else:
        _move(message, "failed", MessageFailed, **failure)


def _failure(report: Report, now: datetime) -> dict[str, Any]:
    """The columns that tell why."""
    code = report.code[:40]
    return {
        "error_code": code,
        "error": report.reason[:200] or code,
        "failed_at": now,
        "lease_until": None,
    }


def _may_retry(message: Message, code: str) -> bool:
    """Not what was announced as lost already: the tenant may have sent it by other means."""
    return (
        code in PASSING
        and message.attempt < settings.MESSAGE_MAX_ATTEMPTS
        and message.status in UNSENT
    )


def _retry(message: Message, kind: str, now: datetime, *, pause: timedelta) -> None:
    """Queue the next attempt: the phone proved that this one did not leave and never will."""
    _move(
        message,
        kind,
        None,
        attempt=F("attempt") + 1,
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
    """`advance` one message and tell the listeners; False when it was old news."""
    if not advance(Message.objects.filter(pk=message.pk), kind, **changes):
        return False
    message.refresh_from_db()
    if event is not None:
        publish(event.of(message, timezone.now()))
    return True
