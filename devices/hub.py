"""The phones that are connected to this process.

One receive loop for nudges and one timer for the whole process, never one per socket: an idle phone
costs its socket and nothing else. Redis may vanish: the timer still finds due work in PostgreSQL,
and every heartbeat renews the membership that a restarted Redis has forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import structlog
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings

from accounts.upward import listeners
from devices import wakeup
from devices.services.presence import refused_tokens
from devices.wakeup import group_of

log = structlog.get_logger(__name__)

# A phone's frames wait for this, so a Redis that hangs must not hold them up.
RENEW_SECONDS = 0.5
# A cancellation that is swallowed while Redis is asked is followed by another so soon: before the
# supervisor, or systemd, would lose patience with a process that does not end.
RECEIVE_SECONDS = 8.0


class Socket(Protocol):
    """What the hub needs of a phone's connection."""

    tenant_id: int
    device_id: int
    token_id: int

    def wake(self) -> None:
        """There may be work for this phone."""

    async def refuse(self, reason: str) -> None:
        """Close with an error code as the reason."""


async def run(service: Callable[..., Any], **kwargs: Any) -> Any:
    """The one bridge from async to the services: on a thread of its own, with its own connection.

    (`thread_sensitive=True`, the default, would put all calls of the process on one thread.)
    """
    return await database_sync_to_async(service, thread_sensitive=False)(**kwargs)


class SocketHub:
    """Which sockets are open here; wakes them, and closes those that may not stay."""

    def __init__(self) -> None:
        self._sockets: dict[int, set[Socket]] = {}
        self._channel = ""
        self._tasks: list[asyncio.Task[None]] = []
        self._closing: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def join(self, socket: Socket) -> bool:
        """Add a socket; False when its phone has too many already."""
        if not self.has_room(socket.device_id):
            return False
        self._sockets.setdefault(socket.device_id, set()).add(socket)
        self._start()
        await self.renew(socket)
        return True

    def has_room(self, device_id: int) -> bool:
        """Whether one more of that phone's may join."""
        return len(self._sockets.get(device_id, ())) < settings.DEVICE_MAX_SOCKETS

    def leave(self, socket: Socket) -> None:
        """Forget a socket; its group membership in Redis expires or leads nowhere."""
        mine = self._sockets.get(socket.device_id, set())
        mine.discard(socket)
        if not mine:
            self._sockets.pop(socket.device_id, None)

    def wake_from_thread(self, device_ids: set[int]) -> None:
        """Wake these devices' sockets, if they are here; may be called on any thread."""
        if self._loop is not None and not self._sockets.keys().isdisjoint(device_ids):
            self._loop.call_soon_threadsafe(self._wake, device_ids)

    def _wake(self, device_ids: Iterable[int]) -> None:
        for device_id in device_ids:
            for socket in list(self._sockets.get(device_id, ())):
                socket.wake()

    async def renew(self, socket: Socket) -> None:
        """(Re)join the phone's group, which Redis forgets after a day or a restart."""
        if not self._channel:
            return
        try:
            async with asyncio.timeout(RENEW_SECONDS):
                await get_channel_layer().group_add(
                    group_of(socket.tenant_id, socket.device_id), self._channel
                )
        except Exception as error:  # no Redis: the timer does the work, the next heartbeat retries
            log.warning("no nudges for a phone", device=socket.device_id, error=repr(error))

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop or any(task.done() for task in self._tasks):
            self._loop, self._channel = loop, ""
            self._tasks = [
                asyncio.create_task(self._receive_nudges()),
                asyncio.create_task(self._look_around()),
            ]

    async def _receive_nudges(self) -> None:
        layer = get_channel_layer()
        while True:
            try:
                self._channel = await layer.new_channel()
                for sockets in list(self._sockets.values()):
                    await self.renew(next(iter(sockets)))
                while True:
                    self._wake(await _next_nudge(layer, self._channel))
            except Exception as error:
                _end_if_asked_to(error)
                log.warning("nudges are off", error=repr(error))
                await asyncio.sleep(1)

    async def _look_around(self) -> None:
        while True:
            await asyncio.sleep(settings.DEVICE_POLL_SECONDS)
            try:
                await self._close_refused()
                await self._wake_due()
            except Exception as error:
                _end_if_asked_to(error)
                log.warning("could not look for due work", error=repr(error))

    async def _wake_due(self) -> None:
        device_ids = list(self._sockets)
        for find in listeners("DEVICE_WORK_FINDERS") if device_ids else ():
            self._wake(await run(find, device_ids=device_ids))

    async def _close_refused(self) -> None:
        sockets = [socket for mine in self._sockets.values() for socket in mine]
        token_ids = list({socket.token_id for socket in sockets})
        refused = await run(refused_tokens, token_ids=token_ids) if token_ids else {}
        for socket in sockets:
            if socket.token_id in refused:
                # Beside the others: a phone that has gone to sleep lets a close wait for seconds.
                task = asyncio.create_task(socket.refuse(refused[socket.token_id]))
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)


async def _next_nudge(layer: Any, channel: str) -> list[int]:
    """The device of the next nudge; nothing when none comes for a while."""
    try:
        async with asyncio.timeout(RECEIVE_SECONDS):
            message = await layer.receive(channel)
    except TimeoutError as error:
        _end_if_asked_to(error)
        return []
    return [message["device_id"]]


def _end_if_asked_to(error: Exception) -> None:
    """Raise CancelledError when this task was cancelled and something turned that into `error`.

    What is below channels-redis does, while it connects; nothing would ever end then.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from error


hub = SocketHub()
wakeup.wake_here = hub.wake_from_thread
