"""The device socket: connect, say hello, talk, and after a close wait as long as it asks for."""

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from random import SystemRandom
from typing import NoReturn

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from agent import __version__, crash, frames
from agent.dispatcher import Dispatcher
from agent.errors import TokenRefused
from agent.frames import MessageCancel, MessageSend, Settings, Welcome
from agent.identity import Identity
from agent.journal import Journal
from agent.outbox import Outbox
from agent.radios.base import Radio

INVALID_TOKEN, TENANT_INACTIVE, TOO_MANY_SOCKETS = 4401, 4403, 4409
HOLDING_LIMIT = 900  # ids in `hello`: one frame may have 64 kB, one id 64 characters

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Timing:
    """All in seconds. The waits between tries are multiplied by 0.5 to 1.5 by chance."""

    first_wait: float = 1.0
    longest_wait: float = 60.0
    stable_after: float = 30.0  # a connection that lasted so long resets the wait to the first
    suspended_wait: float = 180.0
    welcome_timeout: float = 10.0
    repeat_after: float = 10.0


class Client:
    """Holds the socket. `settings` are the gateway's latest."""

    def __init__(
        self,
        identity: Identity,
        journal: Journal,
        radio: Radio,
        dispatcher: Dispatcher,
        timing: Timing,
    ) -> None:
        self._identity = identity
        self._journal = journal
        self._radio = radio
        self._dispatcher = dispatcher
        self._timing = timing
        self._outbox = Outbox(journal, timing.repeat_after)
        self._next_wait = timing.first_wait
        self._settings_changed = asyncio.Event()
        self.settings = Settings()

    async def run(self) -> NoReturn:
        """Connect again and again. Raises TokenRefused when that cannot help."""
        while True:
            wait = await self._connect_once() * SystemRandom().uniform(0.5, 1.5)
            log.info("Trying again in %.1f s", wait)
            await asyncio.sleep(wait)

    async def _connect_once(self) -> float:
        """Hold one connection; returns the seconds to wait before the next try."""
        began_at = time.monotonic()
        try:
            async with connect(
                self._identity.socket_url,
                additional_headers={"Authorization": f"Bearer {self._identity.token}"},
                user_agent_header=f"agent/{__version__}",
                close_timeout=2,
            ) as socket:
                try:
                    await self._talk(socket)
                except* ConnectionClosed:
                    log.info("Connection closed: %s %s", socket.close_code, socket.close_reason)
        except InvalidStatus as error:
            if error.response.status_code == 401:
                raise TokenRefused("The gateway refuses this phone's token: pair again.") from None
            self._log_failure(error)
        except (OSError, WebSocketException) as error:
            self._log_failure(error)
        else:
            if time.monotonic() - began_at >= self._timing.stable_after:
                self._next_wait = self._timing.first_wait
            return self._wait_after(socket.close_code, socket.close_reason or "no reason given")
        return self._double_wait()

    def _log_failure(self, error: Exception) -> None:
        reason = str(error) or type(error).__name__  # a TimeoutError has no text
        log.warning("No connection to %s: %s", self._identity.socket_url, reason)

    def _wait_after(self, code: int | None, reason: str) -> float:
        if code == INVALID_TOKEN:
            raise TokenRefused(
                f"The gateway does not know this phone any more ({reason}): pair it again."
            )
        if code == TENANT_INACTIVE:
            log.warning("The account is suspended (%s): the queue is kept, nothing is sent", reason)
            self._dispatcher.pause()
            return self._timing.suspended_wait
        if code == TOO_MANY_SOCKETS:
            return self._timing.longest_wait
        return self._double_wait()

    def _double_wait(self) -> float:
        wait = self._next_wait
        self._next_wait = min(wait * 2, self._timing.longest_wait)
        return wait

    async def _talk(self, socket: ClientConnection) -> NoReturn:
        """Everything between the opening and the close. Raises ConnectionClosed in a group."""
        await socket.send(frames.encode(await self._hello()))
        async with asyncio.timeout(self._timing.welcome_timeout):
            welcome = await self._read(socket)
            while not isinstance(welcome, Welcome):
                welcome = await self._read(socket)
        log.info("Connected to %s as %s", self._identity.url, welcome.name)
        self._apply(welcome.settings)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send_heartbeats(socket))
            tasks.create_task(self._outbox.run(socket))
            while True:
                # A task each, so that frames that come together share a trip to the disk. Their
                # order is kept: each is handed to the journal before the next one starts.
                tasks.create_task(self._handle(socket, await self._read(socket)))

    async def _hello(self) -> dict[str, object]:
        fields = {
            "protocol": frames.PROTOCOL_VERSION,
            "app": {"name": "agent", "version": __version__},
            "model": self._radio.model,
            "sims": self._radio.sims(),
            "capabilities": self._radio.capabilities,
            "holding": await self._journal.read(self._journal.holding, HOLDING_LIMIT),
        }
        return frames.frame("hello", fields)

    async def _send_heartbeats(self, socket: ClientConnection) -> None:
        while True:
            self._settings_changed.clear()
            queue = await self._journal.read(self._journal.count_holding)
            fields = msgspec.to_builtins(self._radio.status()) | {"queue": queue}
            await socket.send(frames.encode(frames.frame("heartbeat", fields)))
            with suppress(TimeoutError):
                async with asyncio.timeout(self.settings.heartbeat_seconds):
                    await self._settings_changed.wait()

    async def _read(self, socket: ClientConnection) -> frames.GatewayFrame | None:
        """The next frame; None if it is one that this version does not know."""
        raw = await socket.recv()
        try:
            return frames.decode(raw)
        except msgspec.DecodeError as error:
            log.warning("Ignored a frame: %s", error)
            return None

    async def _handle(self, socket: ClientConnection, frame: frames.GatewayFrame | None) -> None:
        match frame:
            case MessageSend():
                await self._take(frame)
            case MessageCancel(attempt_id=attempt_id):
                if await self._journal.write(self._journal.release, attempt_id, "canceled"):
                    log.info("%s was cancelled in time", attempt_id)
            case frames.Ack(id=fact_id):
                await self._journal.write(self._journal.settle, fact_id, "acked")
            case frames.Error(id=fact_id):
                log.warning("The gateway refused %s: %s %s", fact_id, frame.code, frame.message)
                if fact_id is not None:
                    await self._journal.write(self._journal.settle, fact_id, "refused")
            case frames.SettingsChanged(settings=settings):
                self._apply(settings)
            case frames.Pull():
                await socket.send(frames.encode({"type": "pull"}))

    async def _take(self, offer: MessageSend) -> None:
        if await self._journal.write(self._journal.store, offer):
            crash.reach("stored")
            log.info("%s to %s is stored", offer.attempt_id, offer.to)
            self._dispatcher.wake()
        else:
            log.info("%s was offered again", offer.attempt_id)

    def _apply(self, settings: Settings) -> None:
        self.settings = settings
        self._settings_changed.set()
        self._dispatcher.resume(settings)
