"""What happened on one phone lately: its texts, and what people did to it, newest first."""

from __future__ import annotations

import heapq
import uuid
from dataclasses import dataclass
from datetime import datetime

from accounts.models import AuditEntry
from devices.models import Device
from messaging.models import Message

PAGE = 20


@dataclass(frozen=True)
class LogEntry:
    """A text or an audit entry, never both; `at` is when it came to be."""

    at: datetime
    message: Message | None = None
    audit: AuditEntry | None = None


@dataclass(frozen=True)
class LogPosition:
    """How far a reader has come in each of the two lists; None = at the beginning."""

    message: uuid.UUID | None = None
    audit: int | None = None

    def __str__(self) -> str:
        return f"{self.message.hex if self.message else ''}.{self.audit or ''}"

    @classmethod
    def parse(cls, text: str) -> LogPosition:
        """The position behind `text`; the beginning for anything that no page made."""
        message, _, audit = text.partition(".")
        try:
            return cls(uuid.UUID(message) if message else None, int(audit) if audit else None)
        except ValueError:
            return cls()

    def after(self, entries: list[LogEntry]) -> LogPosition:
        """The position of one who has read `entries` too."""
        messages = [entry.message.public_id for entry in entries if entry.message]
        audits = [entry.audit.pk for entry in entries if entry.audit]
        return LogPosition(
            messages[-1] if messages else self.message, audits[-1] if audits else self.audit
        )


def page_of_log(device: Device, position: LogPosition) -> tuple[list[LogEntry], LogPosition | None]:
    """(the next PAGE entries, the position after them or None at the end); two queries."""
    messages = Message.objects.filter(tenant=device.tenant_id, device=device).order_by("-public_id")
    if position.message is not None:
        messages = messages.filter(public_id__lt=position.message)
    audits = AuditEntry.objects.filter(tenant=device.tenant_id, target=device.external_id)
    if position.audit is not None:
        audits = audits.filter(pk__lt=position.audit)
    both = heapq.merge(
        [LogEntry(message.created_at, message=message) for message in messages[: PAGE + 1]],
        [LogEntry(entry.created_at, audit=entry) for entry in audits[: PAGE + 1]],
        key=lambda entry: entry.at,
        reverse=True,
    )
    found = list(both)
    entries = found[:PAGE]
    return entries, position.after(entries) if len(found) > PAGE else None
