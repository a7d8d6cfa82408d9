"""The shapes of the traffic frames (docs/device-protocol.md)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from devices.frames import AttemptId, FrameId, Slot, aware, storable
from messaging.services.inbound import InboundText
from messaging.services.leases import Offer
from messaging.services.reports import Report, ReportKind

Part = Annotated[int, msgspec.Meta(ge=1, le=255)]
Long = Annotated[str, msgspec.Meta(max_length=2000)]


class ReportFrame(msgspec.Struct):
    """What all reports about an attempt have."""

    id: FrameId
    attempt_id: AttemptId
    occurred_at: datetime | None = None

    def report(self) -> Report:
        return Report(_KINDS[type(self)], self.attempt_id, aware(self.occurred_at))


class Accepted(ReportFrame):
    pass


class _PartReport(ReportFrame):
    part: Part | None = None
    parts: Part | None = None

    def report(self) -> Report:
        kind, when = _KINDS[type(self)], aware(self.occurred_at)
        if self.part is None or self.parts is None:
            return Report(kind, self.attempt_id, when)
        return Report(kind, self.attempt_id, when, min(self.part, self.parts), self.parts)


class Sent(_PartReport):
    pass


class Delivered(_PartReport):
    pass


class Failed(ReportFrame, kw_only=True):
    code: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    reason: Long | None = None

    def report(self) -> Report:
        reason = storable(self.reason or "")
        when = aware(self.occurred_at)
        return Report(
            ReportKind.FAILED, self.attempt_id, when, code=storable(self.code), reason=reason
        )


class Released(ReportFrame, kw_only=True):
    reason: Long | None = None

    def report(self) -> Report:
        reason = storable(self.reason or "")
        when = aware(self.occurred_at)
        return Report(ReportKind.RELEASED, self.attempt_id, when, reason=reason)


_KINDS = {
    Accepted: ReportKind.ACCEPTED,
    Sent: ReportKind.SENT,
    Delivered: ReportKind.DELIVERED,
}


class Received(msgspec.Struct, rename={"sender": "from"}):
    id: FrameId
    sender: Long
    text: Annotated[str, msgspec.Meta(max_length=20_000)]
    to: Long | None = None
    sim: Slot | None = None
    received_at: datetime | None = None
    provider_key: Annotated[str, msgspec.Meta(max_length=90)] | None = None

    def inbound(self) -> InboundText:
        return InboundText(
            key=storable(self.provider_key or self.id),
            sender=storable(self.sender),
            text=storable(self.text),
            recipient=storable(self.to or ""),
            sim_slot=self.sim,
            occurred_at=aware(self.received_at),
            is_provider_key=bool(self.provider_key),
        )


class MissedCall(msgspec.Struct, rename={"caller": "from"}):
    id: FrameId
    caller: Long
    sim: Slot | None = None
    occurred_at: datetime | None = None


class SendFrame(msgspec.Struct, tag="message.send"):
    attempt_id: str
    to: str
    text: str
    sim: int
    segments: int
    encoding: str
    expires_in_ms: int | None

    @classmethod
    def of(cls, offer: Offer) -> SendFrame:
        return cls(
            offer.attempt_id,
            offer.recipient,
            offer.text,
            offer.sim_slot,
            offer.segments,
            offer.encoding,
            offer.expires_in_ms,
        )


class CancelFrame(msgspec.Struct, tag="message.cancel"):
    attempt_id: str
