"""The traffic between a phone and the gateway, whatever carries the frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import msgspec
import structlog

from devices.conversation import DeviceConversation
from devices.frames import Ack, ErrorFrame, FrameError, Hello, Pull, decode_frame
from messaging.frames import (
    Accepted,
    CancelFrame,
    Delivered,
    Failed,
    MissedCall,
    Received,
    Released,
    ReportFrame,
    SendFrame,
    Sent,
)
from messaging.services.inbound import receive_message
from messaging.services.leases import Lease, return_unaccepted
from messaging.services.reports import Verdict, record_reports
from messaging.services.sweeps import reroute_waiting

log = structlog.get_logger(__name__)


class GatewayConversation(DeviceConversation):
    """Records reports and receives texts; those who carry the frames ask for work themselves."""

    frames: ClassVar[dict[str, type[Any]]] = {
        **DeviceConversation.frames,
        "message.accepted": Accepted,
        "message.sent": Sent,
        "message.delivered": Delivered,
        "message.failed": Failed,
        "message.released": Released,
        "message.received": Received,
        "call.missed": MissedCall,
    }

    # Whether something was said after which the phone may be given more to do.
    may_have_work = False

    def greet(self, frame: Hello) -> None:
        """Offer again what was not accepted, and give this phone what waits for one."""
        return_unaccepted(device_id=self.device.pk)
        reroute_waiting(tenant_id=self.device.tenant_id)
        self.may_have_work = True

    def on_pull(self, frame: Pull) -> list[msgspec.Struct]:
        self.may_have_work = True
        return []

    def answer_all(self, texts: Iterable[str]) -> list[msgspec.Struct]:
        """What `texts`, frames as JSON, are answered, in their order.

        Each is judged for itself. Reports that follow each other share a transaction.
        """
        answers: list[msgspec.Struct] = []
        reports: list[ReportFrame] = []
        for text in texts:
            try:
                kind, frame = decode_frame(text, self.frames)
            except FrameError as error:
                answers += self.record(reports)
                answers.append(ErrorFrame.of(error))
                reports = []
                continue
            if isinstance(frame, ReportFrame):
                reports.append(frame)
            else:
                answers += self.record(reports) + self.answer(kind, frame)
                reports = []
        return answers + self.record(reports)

    def record(self, frames: Sequence[ReportFrame]) -> list[msgspec.Struct]:
        """Store the reports in `frames`, in one transaction; one answer to each."""
        if not frames:
            return []
        if any(not isinstance(frame, Accepted) for frame in frames):
            self.may_have_work = True  # room in the window, or a retry
        reports = [frame.report() for frame in frames]
        verdicts = record_reports(device=self.device, reports=reports)
        return [_answer_to(frame, verdict) for frame, verdict in zip(frames, verdicts, strict=True)]

    def on_message_received(self, frame: Received) -> list[msgspec.Struct]:
        receive_message(device=self.device, inbound=frame.inbound())
        return [Ack(frame.id)]

    def on_call_missed(self, frame: MissedCall) -> list[msgspec.Struct]:
        log.info("missed call", device=self.device.pk, tenant=self.device.tenant_id)
        return [Ack(frame.id)]


def frames_of(lease: Lease) -> list[msgspec.Struct]:
    """What a phone is told of `lease`."""
    offers = [SendFrame.of(offer) for offer in lease.offers]
    return [*offers, *(CancelFrame(attempt_id) for attempt_id in lease.cancels)]


def _answer_to(frame: ReportFrame, verdict: Verdict) -> msgspec.Struct:
    if verdict is Verdict.STORED:
        return Ack(frame.id)
    return ErrorFrame(frame.id, "unknown_attempt", "This phone was never offered that attempt.")
