"""The talk with the gateway: open a line, say hello, and after its end wait and open another."""

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from random import SystemRandom
from typing import NoReturn

import msgspec

from agent import __version__, crash, frames
from agent.dispatcher import Dispatcher
from agent.errors import TokenRefused
from agent.frames import MessageCancel, MessageSend, Settings, Welcome
from agent.identity import Identity
from agent.journal import Journal
from agent.line import Closed, Line, NoLine, Transport
from agent.outbox import Outbox
from agent.radios.base import Radio, Sim

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
    """Holds the line. `settings` are the gateway's latest."""

    def __init__(
        self,
        identity: Identity,
        journal: Journal,
        radio: Radio,
        dispatcher: Dispatcher,
        timing: Timing,
        transport: Transport,
    ) -> None:
        self._identity = identity
        self._journal = journal
        self._radio = radio
        self._dispatcher = dispatcher
        self._timing = timing
        self._transport = transport
        self._outbox = Outbox(journal, timing.repeat_after)
        self._next_wait = timing.first_wait
        self._settings_changed = asyncio.Event()
        self._told_sims: list[Sim] = []
        self.settings = Settings()

    async def run(self) -> NoReturn:
        """Connect again and again. Raises TokenRefused when that cannot help."""
        while True:
            wait = await self._connect_once() * SystemRandom().uniform(0.5, 1.5)
            _end_if_asked_to()
            log.info("Trying again in %.1f s", wait)
            await asyncio.sleep(wait)

    async def _connect_once(self) -> float:
        """Hold one line; returns the seconds to wait before the next try."""
        began_at = time.monotonic()
        try:
            async with self._transport.open(self._identity) as line:
                await self._hold(line)
        except NoLine as error:
            log.warning("%s", error)
            return self._double_wait()
        except Closed as closed:
            log.info("Connection closed: %s", closed.reason)
            if time.monotonic() - began_at >= self._timing.stable_after:
                self._next_wait = self._timing.first_wait
            return max(self._wait_after(closed.reason), closed.wait)

    async def _hold(self, line: Line) -> NoReturn:
        """Talk until the line ends. Raises what ended it: Closed or NoLine."""
        end: BaseException = AssertionError("a talk ends with its line")
        try:
            await self._talk(line)
        except* (Closed, NoLine) as ends:
            end = ends.exceptions[0]
        raise end

    def _wait_after(self, reason: str) -> float:
        if reason == "invalid_token":
            raise TokenRefused(
                f"The gateway does not know this phone any more ({reason}): pair it again."
            )
        if reason == "tenant_inactive":
            log.warning("The account is suspended (%s): the queue is kept, nothing is sent", reason)
            self._dispatcher.pause()
            return self._timing.suspended_wait
        if reason == "too_many_sockets":
            return self._timing.longest_wait
        return self._double_wait()

    def _double_wait(self) -> float:
        wait = self._next_wait
        self._next_wait = min(wait * 2, self._timing.longest_wait)
        return wait

    async def _talk(self, line: Line) -> NoReturn:
        """Everything between the opening and the end. Raises Closed or NoLine, or a group of it."""
        welcome = await self._introduce(line)
        log.info("Connected to %s as %s", self._identity.url, welcome.name)
        self._apply(welcome.settings)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send_heartbeats(line))
            tasks.create_task(self._outbox.run(line))
            while True:
                # A task each, so that frames that come together share a trip to the disk. Their
                # order is kept: each is handed to the journal before the next one starts.
                tasks.create_task(self._handle(line, await self._read(line)))

    async def _introduce(self, line: Line) -> Welcome:
        try:
            async with asyncio.timeout(self._timing.welcome_timeout):
                await line.send([frames.encode(await self._hello())])
                while True:
                    frame = await self._read(line)
                    if isinstance(frame, Welcome):
                        return frame
        except TimeoutError:
            url = self._identity.url
            raise NoLine(f"No connection to {url}: no welcome came", is_unfit=True) from None

    async def _hello(self) -> dict[str, object]:
        self._told_sims = self._radio.sims()
        fields = {
            "protocol": frames.PROTOCOL_VERSION,
            "app": {"name": "agent", "version": __version__},
            "model": self._radio.model,
            "sims": self._told_sims,
            "capabilities": self._radio.capabilities,
            "holding": await self._journal.read(self._journal.holding, HOLDING_LIMIT),
        }
        return frames.frame("hello", fields)

    async def _send_heartbeats(self, line: Line) -> None:
        while True:
            self._settings_changed.clear()
            if self._radio.sims() != self._told_sims:  # a modem was plugged in, or is in a network
                await line.send([frames.encode(await self._hello())])
            queue = await self._journal.read(self._journal.count_holding)
            fields = msgspec.to_builtins(self._radio.status()) | {"queue": queue}
            await line.send([frames.encode(frames.frame("heartbeat", fields))])
            with suppress(TimeoutError):
                async with asyncio.timeout(self.settings.heartbeat_seconds):
                    await self._settings_changed.wait()

    async def _read(self, line: Line) -> frames.GatewayFrame | None:
        """The next frame; None if it is one that this version does not know."""
        raw = await line.receive()
        try:
            return frames.decode(raw)
        except msgspec.DecodeError as error:
            log.warning("Ignored a frame: %s", error)
            return None

    async def _handle(self, line: Line, frame: frames.GatewayFrame | None) -> None:
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
            case frames.SettingsChanged(settings=settings) | Welcome(settings=settings):
                self._apply(settings)
            case frames.Pull():
                await line.send([frames.encode({"type": "pull"})])

    async def _take(self, offer: MessageSend) -> None:
        if await self._journal.write(self._journal.store, offer):
            crash.reach("stored")
            log.info("%s to %s is stored", offer.attempt_id, offer.to)
            self._dispatcher.wake()
        else:
            log.info("%s was offered again", offer.attempt_id)

    def _apply(self, settings: Settings) -> None:
        if settings != self.settings:  # over HTTP they come with every heartbeat's answer
            self.settings = settings
            self._settings_changed.set()
        self._dispatcher.resume(settings)


def _end_if_asked_to() -> None:
    """Raise CancelledError when this task was cancelled: a TaskGroup loses that (before Python
    3.13) when one of its tasks fails at the same moment, as they do when the line closes."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
