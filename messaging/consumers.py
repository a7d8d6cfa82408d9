"""The traffic on a phone's socket."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import structlog
from django.db import Error as DatabaseError

from devices.consumers import DeviceConsumer
from devices.frames import Ack, ErrorFrame, Hello
from devices.hub import run
from messaging.frames import (
    Accepted,
    CancelFrame,
    Delivered,
    Failed,
    MissedCall,
    Received,
    Released,
    SendFrame,
    Sent,
)
from messaging.services.inbound import receive_message
from messaging.services.leases import lease_messages, return_unaccepted
from messaging.services.reports import Report, ReportKind, Verdict, record_reports
from messaging.services.sweeps import reroute_waiting

log = structlog.get_logger(__name__)

REPORTS_AT_ONCE = 100


class GatewayConsumer(DeviceConsumer):
    """Offers messages, records reports, receives texts.

    Two small loops run only while there is something to do: `_offer_due` leases and sends until
    nothing is wanted, `_record_pending` stores whatever reports came in while it stored the last.
    """

    frames: ClassVar[dict[str, type[Any]]] = {
        **DeviceConsumer.frames,
        "message.accepted": Accepted,
        "message.sent": Sent,
        "message.delivered": Delivered,
        "message.failed": Failed,
        "message.released": Released,
        "message.received": Received,
        "call.missed": MissedCall,
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_wanted = False
        self._offering: asyncio.Task[None] | None = None
        self._pending: list[tuple[str, Report]] = []
        self._recording: asyncio.Task[None] | None = None

    async def greet(self, frame: Hello) -> None:
        """Offer again what was not accepted, and give this phone what waits for one."""
        await run(return_unaccepted, device_id=self.device_id)
        await run(reroute_waiting, tenant_id=self.tenant_id)

    def wake(self) -> None:
        """Look for due work, now or as soon as the look that is under way is over."""
        self._is_wanted = True
        if self.said_hello and (self._offering is None or self._offering.done()):
            self._offering = asyncio.create_task(self._offer_due())

    async def on_report(self, frame: Accepted | Sent | Delivered | Failed | Released) -> None:
        self._pending.append((frame.id, frame.report()))
        if self._recording is None or self._recording.done():
            self._recording = asyncio.create_task(self._record_pending())

    on_message_accepted = on_report
    on_message_sent = on_report
    on_message_delivered = on_report
    on_message_failed = on_report
    on_message_released = on_report

    async def on_message_received(self, frame: Received) -> None:
        await run(receive_message, device=self.device, inbound=frame.inbound())
        await self.send_frame(Ack(frame.id))

    async def on_call_missed(self, frame: MissedCall) -> None:
        log.info("missed call", device=self.device_id, tenant=self.tenant_id)
        await self.send_frame(Ack(frame.id))

    async def _offer_due(self) -> None:
        while self._is_wanted and self.joined:
            self._is_wanted = False
            try:
                lease = await run(lease_messages, device_id=self.device_id)
            except DatabaseError as error:  # the hub's look-around comes back in seconds
                log.warning("could not lease", device=self.device_id, error=str(error))
                return
            for offer in lease.offers:
                await self.send_frame(SendFrame.of(offer))
            for attempt_id in lease.cancels:
                await self.send_frame(CancelFrame(attempt_id))
            if lease.again_in_seconds is not None:
                asyncio.get_running_loop().call_later(lease.again_in_seconds, self.wake)

    async def _record_pending(self) -> None:
        while self._pending and self.joined:
            batch, self._pending = (
                self._pending[:REPORTS_AT_ONCE],
                self._pending[REPORTS_AT_ONCE:],
            )
            reports = [report for _, report in batch]
            try:
                verdicts = await run(record_reports, device=self.device, reports=reports)
            except Exception as error:  # whatever it is: no ack, so the phone repeats them
                log.warning("reports not stored", device=self.device_id, error=repr(error))
                await self.refuse("internal_error")
                return
            for (frame_id, _), verdict in zip(batch, verdicts, strict=True):
                await self._answer(frame_id, verdict)
            if any(report.kind is not ReportKind.ACCEPTED for report in reports):
                self.wake()  # room in the window, or a retry

    async def _answer(self, frame_id: str, verdict: Verdict) -> None:
        if verdict is Verdict.STORED:
            await self.send_frame(Ack(frame_id))
        else:
            text = "This phone was never offered that attempt."
            await self.send_frame(ErrorFrame(frame_id, "unknown_attempt", text))
