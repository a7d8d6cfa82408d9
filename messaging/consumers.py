"""The traffic on a phone's socket."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import structlog
from django.db import Error as DatabaseError

from devices.consumers import DeviceConsumer
from devices.hub import run
from messaging.conversation import GatewayConversation, frames_of
from messaging.frames import Accepted, ReportFrame
from messaging.services.leases import lease_messages

log = structlog.get_logger(__name__)

REPORTS_AT_ONCE = 100


class GatewayConsumer(DeviceConsumer):
    """Offers messages, and has reports stored many at a time.

    Two small loops run only while there is something to do: `_offer_due` leases and sends until
    nothing is wanted, `_record_pending` stores whatever reports came in while it stored the last.
    """

    conversation_class: ClassVar[type[GatewayConversation]] = GatewayConversation
    conversation: GatewayConversation

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_wanted = False
        self._offering: asyncio.Task[None] | None = None
        self._pending: list[ReportFrame] = []
        self._recording: asyncio.Task[None] | None = None

    async def take(self, kind: str, frame: Any) -> None:
        if not isinstance(frame, ReportFrame):
            await super().take(kind, frame)
            return
        self._pending.append(frame)
        if self._recording is None or self._recording.done():
            self._recording = asyncio.create_task(self._record_pending())

    def wake(self) -> None:
        """Look for due work, now or as soon as the look that is under way is over."""
        self._is_wanted = True
        if self.said_hello and (self._offering is None or self._offering.done()):
            self._offering = asyncio.create_task(self._offer_due())

    async def _offer_due(self) -> None:
        while self._is_wanted and self.joined:
            self._is_wanted = False
            try:
                lease = await run(lease_messages, device_id=self.device_id)
            except DatabaseError as error:  # the hub's look-around comes back in seconds
                log.warning("could not lease", device=self.device_id, error=str(error))
                return
            for frame in frames_of(lease):
                await self.send_frame(frame)
            if lease.again_in_seconds is not None:
                asyncio.get_running_loop().call_later(lease.again_in_seconds, self.wake)

    async def _record_pending(self) -> None:
        while self._pending and self.joined:
            batch, self._pending = (
                self._pending[:REPORTS_AT_ONCE],
                self._pending[REPORTS_AT_ONCE:],
            )
            try:
                answers = await run(self.conversation.record, frames=batch)
            except Exception as error:  # whatever it is: no ack, so the phone repeats them
                log.warning("reports not stored", device=self.device_id, error=repr(error))
                await self.refuse("internal_error")
                return
            for answer in answers:
                await self.send_frame(answer)
            if any(not isinstance(frame, Accepted) for frame in batch):
                self.wake()  # room in the window, or a retry
