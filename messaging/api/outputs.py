"""Messages as the native API shows them."""

from __future__ import annotations

from typing import Any

import msgspec

from accounts.api.errors import IssueOut
from accounts.api.times import iso
from accounts.errors import GatewayError
from accounts.ids import encode_id
from messaging.models import Message
from messaging.segments import Segmentation
from messaging.services.outbound import Queued
from messaging.states import Status

# What the world sees of each state: internal steps are `queued`, and a message of which nobody can
# tell whether it left is `failed` with the error code `unknown`.
PUBLIC_STATUS = {
    Status.SCHEDULED: "scheduled",
    Status.QUEUED: "queued",
    Status.LEASED: "queued",
    Status.ACCEPTED: "queued",
    Status.SENT: "sent",
    Status.DELIVERED: "delivered",
    Status.FAILED: "failed",
    Status.UNKNOWN: "failed",
    Status.EXPIRED: "expired",
    Status.CANCELED: "canceled",
    Status.RECEIVED: "received",
}


class QueuedOut(msgspec.Struct, rename="camel"):
    id: str
    status: str
    created_at: str


class BatchItemOut(msgspec.Struct, rename="camel", omit_defaults=True):
    """What became of one item of a batch: `id`, `status` and `createdAt`, or `error`, `message`."""

    id: str | None = None
    status: str | None = None
    created_at: str | None = None
    error: str | None = None
    message: str | None = None
    issues: list[IssueOut] | None = None


class BatchOut(msgspec.Struct):
    """One entry for each message, in the order sent."""

    data: list[BatchItemOut]


class MessageOut(msgspec.Struct, rename="camel"):
    id: str
    to: str
    from_: str | None = msgspec.field(name="from")
    text: str
    ref: str | None
    status: str
    attempts: int
    created_at: str
    sent_at: str | None
    delivered_at: str | None
    failed_at: str | None
    error: str | None
    error_code: str | None
    direction: str
    segments: int
    encoding: str
    device_id: str | None
    sim: int | None
    metadata: dict[str, Any]
    scheduled_at: str | None
    expires_at: str | None


class MessageRowOut(msgspec.Struct, rename="camel"):
    """A message in a list."""

    id: str
    to: str
    from_: str | None = msgspec.field(name="from")
    text: str
    ref: str | None
    status: str
    direction: str
    created_at: str


class MessagesOut(msgspec.Struct, rename="camel"):
    """Newest first; `nextCursor` is null on the last page."""

    data: list[MessageRowOut]
    next_cursor: str | None


class PreviewOut(msgspec.Struct, rename="camel"):
    """How a text would go out; `forcedBy` holds what GSM-7 lacks, `cost` is in credits."""

    encoding: str
    segments: int
    units: int
    units_per_segment: int
    units_left: int
    forced_by: str
    cost: int
    to: str | None


def queued_out(queued: Queued) -> QueuedOut:
    return QueuedOut(
        encode_id(Message.ID_PREFIX, queued.public_id),
        queued.status,
        iso(queued.created_at) or "",
    )


def batch_out(results: list[Queued | GatewayError]) -> BatchOut:
    return BatchOut(
        [
            BatchItemOut(
                encode_id(Message.ID_PREFIX, result.public_id),
                result.status,
                iso(result.created_at),
            )
            if isinstance(result, Queued)
            else _refused_out(result)
            for result in results
        ]
    )


def message_out(message: Message) -> MessageOut:
    return MessageOut(
        id=message.external_id,
        to=message.recipient,
        from_=message.sender or None,
        text=message.text,
        ref=message.ref or None,
        status=PUBLIC_STATUS[Status(message.status)],
        attempts=message.attempt if message.leases else 0,
        created_at=iso(message.created_at) or "",
        sent_at=iso(message.sent_at),
        delivered_at=iso(message.delivered_at),
        failed_at=iso(message.failed_at),
        error=message.error or None,
        error_code=message.error_code or None,
        direction=message.direction,
        segments=message.segments,
        encoding=message.encoding,
        device_id=message.device.external_id if message.device else None,
        sim=message.sim.slot if message.sim else message.sim_slot,
        metadata=message.metadata,
        scheduled_at=iso(message.send_at),
        expires_at=iso(message.expires_at),
    )


def message_row_out(message: Message) -> MessageRowOut:
    return MessageRowOut(
        message.external_id,
        message.recipient,
        message.sender or None,
        message.text,
        message.ref or None,
        PUBLIC_STATUS[Status(message.status)],
        message.direction,
        iso(message.created_at) or "",
    )


def preview_out(segmentation: Segmentation, to: str | None) -> PreviewOut:
    return PreviewOut(
        segmentation.encoding,
        segmentation.segments,
        segmentation.units,
        segmentation.units_per_segment,
        segmentation.units_left,
        segmentation.forced_by,
        segmentation.segments,
        to,
    )


def _refused_out(error: GatewayError) -> BatchItemOut:
    issues = [IssueOut(issue.path, issue.code, issue.message) for issue in error.issues]
    return BatchItemOut(error=error.code, message=error.message, issues=issues or None)
