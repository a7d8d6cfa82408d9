"""A paired phone, as far as messages go."""

import asyncio
from itertools import count
from typing import Any, Self

from devices.hub import run
from devices.models import Device
from devices.tests.factories import token_of
from devices.tests.http_phones import PhoneOverHttp
from devices.tests.sockets import PhoneSocket
from messaging.models import Message
from messaging.services.outbound import queue_message
from messaging.tests.factories import draft

_numbers = count(1)


async def queue_for(device: Device, **fields: Any) -> Message:
    """A message to be sent by `device`, accepted just now as a client's request is."""
    asked = draft(device_id=device.public_id, **fields)
    queued = await run(queue_message, tenant=device.tenant, draft=asked, origin="api")
    return await run(Message.objects.get, public_id=queued.public_id)


class _Paired:
    """Makes the ids of its frames itself."""

    @classmethod
    async def of(cls, device: Device) -> Self:
        """A phone that is not connected yet."""
        return cls(await run(token_of, device=device))

    async def say(self, kind: str, **told: Any) -> str:
        """Send a fact; its id."""
        frame_id = f"frame-{next(_numbers)}"
        await self.tell({"type": kind, "id": frame_id} | told)
        return frame_id

    async def confirm(self, kind: str, **told: Any) -> None:
        """Send a fact and read its ack, which must be the next frame."""
        frame_id = await self.say(kind, **told)
        assert await self.hear() == {"type": "ack", "id": frame_id}

    async def report(self, kind: str, message: Message, **told: Any) -> None:
        """Report on a message's current attempt, and read the ack."""
        await self.confirm(f"message.{kind}", attempt_id=message.attempt_id, **told)

    async def settle(self) -> None:
        """Be known to Redis: the second fact is read when the heartbeat has been dealt with."""
        await self.confirm("heartbeat")
        await self.confirm("call.missed", **{"from": "+6581230000"})

    async def send_everything(self, sent: "SentLog") -> None:
        """Send whatever is offered, until cancelled."""
        while True:
            frame = await self.hear_patiently()
            if frame["type"] == "message.send":
                await self.say("message.sent", attempt_id=frame["attempt_id"])
                sent.add(frame["attempt_id"])

    async def hear_patiently(self) -> dict[str, Any]:
        """The next frame, however long it takes."""
        while True:
            if not await self.is_silent():
                return await self.hear()


class PairedSocket(_Paired, PhoneSocket):
    pass


class PairedOverHttp(_Paired, PhoneOverHttp):
    pass


class SentLog:
    """What the radios of one or more sockets sent."""

    def __init__(self, expected: int) -> None:
        self.attempt_ids: list[str] = []
        self._expected = expected
        self._is_complete = asyncio.Event()

    def add(self, attempt_id: str) -> None:
        self.attempt_ids.append(attempt_id)
        if len(self.attempt_ids) >= self._expected:
            self._is_complete.set()

    async def complete(self) -> None:
        """Wait until as many were sent as expected."""
        await asyncio.wait_for(self._is_complete.wait(), timeout=20)
