"""The gateway's end of a phone's socket: connection, authentication, silence and dispatch."""

import asyncio
import time
from contextlib import suppress
from typing import Any, ClassVar

import msgspec
import structlog
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import Error as DatabaseError

from accounts.api.authentication import bearer_secret
from accounts.errors import GatewayError
from devices.conversation import DeviceConversation
from devices.frames import (
    FRAMES_PER_WINDOW,
    MAX_FRAME_BYTES,
    WINDOW_SECONDS,
    ErrorFrame,
    FrameError,
    decode_frame,
)
from devices.hub import hub, run
from devices.services.presence import authenticate_device

log = structlog.get_logger(__name__)

# Close codes of the protocol, by error code.
CLOSE_CODES = {
    "invalid_token": 4401,
    "tenant_inactive": 4403,
    "heartbeat_missing": 4408,
    "too_many_sockets": 4409,
    "too_many_frames": 4429,
    "internal_error": 1011,
}


class DeviceConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """One socket of one phone. What is said on it is the business of its conversation."""

    # The hub subscribes to nudges once for the whole process; no socket needs a layer of its own.
    channel_layer_alias = None
    conversation_class: ClassVar[type[DeviceConversation]] = DeviceConversation

    conversation: DeviceConversation
    tenant_id: int
    device_id: int
    token_id: int
    said_hello = False
    joined = False
    is_refused = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Leave the hub however the connection ends: an exception skips `disconnect`."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """As Channels' own, without its thread hop for each frame: `run` closes old connections."""
        await getattr(self, message["type"].replace(".", "_"))(message)

    async def connect(self) -> None:
        await self.accept()
        try:
            token = await run(authenticate_device, secret=self._secret())
        except GatewayError as error:
            await self.refuse(error.code)
            return
        except DatabaseError:
            await self.refuse("internal_error")
            return
        self.conversation, self.token_id = self.conversation_class(token.device), token.pk
        self.tenant_id, self.device_id = token.device.tenant_id, token.device_id
        self._window_started, self._frames_seen = time.monotonic(), 0
        if not await hub.join(self):
            await self.refuse("too_many_sockets")
            return
        self.joined = True
        self._last_heard = time.monotonic()
        self._watchdog = asyncio.get_running_loop().call_later(self._patience(), self._look)

    async def disconnect(self, code: int) -> None:
        self._leave()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Read one frame and have it answered; nothing that a phone sends ends in a crash."""
        if not self.joined:
            return
        self._last_heard = time.monotonic()
        if not self._may_send_more():
            await self.refuse("too_many_frames")
            return
        try:
            if text_data is None or len(text_data.encode()) > MAX_FRAME_BYTES:
                raise FrameError("invalid_frame", "Send one JSON object as text, at most 64 kB.")
            kind, frame = decode_frame(text_data, self.conversation.frames)
            if not self.said_hello and kind != "hello":
                raise FrameError("hello_first", "The first frame must be a hello.")
            await self.take(kind, frame)
        except FrameError as error:
            await self.send_frame(ErrorFrame.of(error))
        except DatabaseError as error:
            # No ack: the phone repeats the fact when it is back.
            log.warning("frame not stored", device=self.device_id, error=str(error))
            await self.refuse("internal_error")

    async def take(self, kind: str, frame: Any) -> None:
        """Have one frame answered."""
        if kind == "pull":
            self.wake()
            return
        for answer in await run(self.conversation.answer, kind=kind, frame=frame):
            await self.send_frame(answer)
        if kind == "hello":
            self.said_hello = True
            self.wake()
        elif kind == "heartbeat":
            await hub.renew(self)

    def wake(self) -> None:
        """There may be work; the subclass that knows of work does something about it."""

    async def send_frame(self, frame: msgspec.Struct) -> None:
        """Send one struct as JSON text; a socket that is just closing swallows it."""
        if not self.joined:
            return
        try:
            await self.send(text_data=msgspec.json.encode(frame).decode())
        except OSError:  # how an ASGI server says that the other side has gone
            self._leave()

    async def refuse(self, reason: str) -> None:
        """Close with the protocol's code for `reason`, an error code; the last thing to be said."""
        if self.is_refused:
            return
        self.is_refused = True
        self._leave()
        with suppress(OSError):
            await self.close(code=CLOSE_CODES[reason], reason=reason)

    def _leave(self) -> None:
        """From now on nothing is read or sent here, and nobody wakes this socket."""
        if self.joined:
            self.joined = False
            hub.leave(self)
            self._watchdog.cancel()

    def _secret(self) -> str:
        """The token of the Authorization header; a query parameter would end up in logs."""
        headers = dict(self.scope["headers"])
        return bearer_secret(headers.get(b"authorization", b"").decode("latin-1"))

    def _may_send_more(self) -> bool:
        now = time.monotonic()
        if now - self._window_started > WINDOW_SECONDS:
            self._window_started, self._frames_seen = now, 0
        self._frames_seen += 1
        return self._frames_seen <= FRAMES_PER_WINDOW

    @staticmethod
    def _patience() -> float:
        """Seconds of silence after which a socket is dead."""
        return 3 * float(settings.DEVICE_HEARTBEAT_SECONDS)

    def _look(self) -> None:
        """Close a silent socket. One timer that re-arms itself only once in three heartbeats."""
        silent = time.monotonic() - self._last_heard
        loop = asyncio.get_running_loop()
        if silent >= self._patience():
            self._closing = loop.create_task(self.refuse("heartbeat_missing"))
        else:
            self._watchdog = loop.call_later(self._patience() - silent, self._look)
