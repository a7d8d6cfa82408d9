"""A phone's request that waits for something to do: on the event loop, without a thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import msgspec
import structlog
from django.db import Error as DatabaseError

from devices.hub import hub, run
from devices.models import DeviceToken
from messaging.conversation import frames_of
from messaging.services.leases import Lease, lease_messages, offer_messages

log = structlog.get_logger(__name__)

# What was told before is told again only after so long in a request. The phone has mostly got it,
# and is about to say so; without the pause it would ask and be told in a circle.
REPEAT_SECONDS = 1.0


class LongPoll:
    """One waiting request; to the hub it is a connection of the phone like a socket."""

    def __init__(self, token: DeviceToken) -> None:
        self.tenant_id, self.device_id = token.device.tenant_id, token.device_id
        self.token_id = token.pk
        self._woken = asyncio.Event()
        self._is_refused = False

    def wake(self) -> None:
        self._woken.set()

    async def refuse(self, reason: str) -> None:
        """End the wait; the phone hears the reason when it asks again."""
        self._is_refused = True
        self._woken.set()

    async def answer(self, seconds: float) -> AsyncIterator[bytes]:
        """The body, in one piece: a JSON array of frames, after `seconds` an empty one."""
        frames: list[msgspec.Struct] = []
        try:
            if await hub.join(self):
                frames = await self._wait(seconds)
        finally:
            hub.leave(self)
        yield msgspec.json.encode(frames)

    async def _wait(self, seconds: float) -> list[msgspec.Struct]:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        repeat_at = min(loop.time() + REPEAT_SECONDS, end)
        while not self._is_refused:
            self._woken.clear()
            may_repeat = loop.time() >= repeat_at
            lease = await self._look(may_repeat)
            if lease.offers or (lease.cancels and may_repeat) or loop.time() >= end:
                return frames_of(lease)
            moments = [end if may_repeat else repeat_at]
            if lease.again_in_seconds is not None:
                moments.append(loop.time() + lease.again_in_seconds)
            with suppress(TimeoutError):
                async with asyncio.timeout_at(min(moments)):
                    await self._woken.wait()
        return []

    async def _look(self, may_repeat: bool) -> Lease:
        """What there is for the phone; offers that it did not answer only when there are others."""
        try:
            if not may_repeat:
                lease: Lease = await run(lease_messages, device_id=self.device_id)
                if not lease.offers:
                    return lease
            lease = await run(offer_messages, device_id=self.device_id)
        except DatabaseError as error:  # the hub's look-around comes back in seconds
            log.warning("could not lease", device=self.device_id, error=str(error))
            return Lease()
        return lease
