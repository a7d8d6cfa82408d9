"""The event streams that are open in this process: how the phone hears that there is work.

A stream costs no thread, and no query but its part of a batch as often as a heartbeat. All streams
of a phone share a station, which is the hub's `Socket`: it is woken where there may be work, looks
whether the phone could take any, and tells every stream. The app opens a second stream at times
and goes into a loop of reconnects when the older one is closed, so none ever is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from math import inf

import msgspec
import structlog
from django.conf import settings
from django.db import Error as DatabaseError

from devices.hub import hub, run
from integrations.phones.smsgate.services.presence import News, renew_streams
from integrations.phones.smsgate.versions import Feature, has
from integrations.phones.smsgate.wire_ids import wire_message_id
from messaging.services.leases import Preview, preview_lease

log = structlog.get_logger(__name__)

KEEPALIVE_SECONDS = 15.0
# The app breaks off a fetch that is under way when it is woken again.
REST_SECONDS = 1.0
REMIND_SECONDS = 30.0
# Dead ones stay until TCP gives them up, which takes a quarter of an hour. So many are never alive.
MOST_STREAMS = 20
JOIN_SECONDS = 10.0

KEEPALIVE = b":keepalive\n\n"
MESSAGE_ENQUEUED = b"event: MessageEnqueued\ndata: {}\n\n"  # without data it would be dropped
SETTINGS_UPDATED = b"event: SettingsUpdated\ndata: {}\n\n"
WEBHOOKS_UPDATED = b"event: WebhooksUpdated\ndata: {}\n\n"


@dataclass(frozen=True, slots=True)
class Listener:
    """Whose stream it is; `version` is that of the phone's app."""

    tenant_id: int
    device_id: int
    token_id: int
    version: str


class Stream:
    """One answer to `GET /events`. Equal events that it has not sent yet become one."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, None] = {}
        self._news = asyncio.Event()
        self._is_over = False

    def say(self, event: bytes) -> None:
        self._waiting[event] = None
        self._news.set()

    def end(self) -> None:
        self._is_over = True
        self._news.set()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Until it is ended: events as they come, and a comment where none does."""
        yield KEEPALIVE
        while not self._is_over:
            try:
                async with asyncio.timeout(KEEPALIVE_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                yield KEEPALIVE
                continue
            self._news.clear()
            events, self._waiting = self._waiting, {}
            if events:
                yield b"".join(events)


class Station:
    """All streams of one phone in this process."""

    def __init__(self, listener: Listener) -> None:
        self.tenant_id, self.device_id = listener.tenant_id, listener.device_id
        self.token_id, self.version = listener.token_id, listener.version
        self.streams: dict[Stream, None] = {}  # oldest first
        self.renewed_at = -inf
        self._is_woken = False
        self._looking: asyncio.Task[None] | None = None
        self._again: asyncio.TimerHandle | None = None
        self._told: int | None = None
        self._told_at = -inf
        self._canceled: frozenset[str] = frozenset()

    def wake(self) -> None:
        """Look whether there is work, now or as soon as the look that is under way is over."""
        self._is_woken = True
        if self.streams and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look())

    async def refuse(self, reason: str) -> None:
        """End all streams: the phone asks again, and is told why."""
        for stream in self.streams:
            stream.end()

    def say(self, event: bytes) -> None:
        for stream in self.streams:
            stream.say(event)

    def add(self, stream: Stream) -> None:
        """One more; of too many the oldest is dead, and ends."""
        if len(self.streams) >= MOST_STREAMS:
            oldest = next(iter(self.streams))
            del self.streams[oldest]
            oldest.end()
        self.streams[stream] = None

    def remove(self, stream: Stream) -> None:
        """Forget a stream, and with the last one what was to be done later."""
        self.streams.pop(stream, None)
        if not self.streams:
            self._come_back_in(None)

    async def _look(self) -> None:
        while self._is_woken and self.streams:
            self._is_woken = False
            try:
                preview = await run(preview_lease, device_id=self.device_id)
            except DatabaseError as error:  # the hub comes back in seconds
                log.warning("could not look for work", device=self.device_id, error=str(error))
                return
            self._come_back_in(preview.again_in_seconds)
            if self._tell(preview):
                await asyncio.sleep(REST_SECONDS)

    def _tell(self, preview: Preview) -> bool:
        """Tell what is new, and now and then what was not fetched; whether that was anything."""
        now = time.monotonic()
        is_old = preview.first == self._told and now - self._told_at < REMIND_SECONDS
        has_work = preview.first is not None and not is_old
        if has_work:
            self._told, self._told_at = preview.first, now
            self.say(MESSAGE_ENQUEUED)
        knows_cancelling = has(self.version, Feature.CANCELLING)
        canceled = frozenset(preview.cancels if knows_cancelling else ())
        fresh, self._canceled = canceled - self._canceled, canceled
        for attempt_id in sorted(fresh):
            self.say(_message_canceled(attempt_id))
        return has_work or bool(fresh)

    def _come_back_in(self, seconds: float | None) -> None:
        """Look again when the pause of a SIM is over; None = not by the clock."""
        if self._again is not None:
            self._again.cancel()
        loop = asyncio.get_running_loop()
        self._again = None if seconds is None else loop.call_later(seconds, self.wake)


class Stations:
    """The stations of this process, by token, and the one task that renews them."""

    def __init__(self) -> None:
        self._stations: dict[int, Station] = {}
        self._renewing: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def listen(self, listener: Listener) -> AsyncIterator[bytes]:
        """The content of one stream, until its client leaves or may not stay."""
        stream = Stream()
        station = self._station_of(listener)
        station.add(stream)
        try:
            if len(station.streams) == 1:
                await hub.join(station)
            async for piece in stream.pieces():
                yield piece
        finally:
            station.remove(stream)
            if not station.streams and self._stations.get(listener.token_id) is station:
                del self._stations[listener.token_id]
                hub.leave(station)

    def _station_of(self, listener: Listener) -> Station:
        station = self._stations.get(listener.token_id)
        if station is None:
            station = self._stations[listener.token_id] = Station(listener)
        station.version = listener.version  # the app may be a newer one
        loop = asyncio.get_running_loop()
        if self._renewing is None or self._renewing.done() or self._loop is not loop:
            self._loop, self._renewing = loop, asyncio.create_task(self._renew())
        return station

    async def _renew(self) -> None:
        """Each second those whose time has come, together: the new ones, and after a heartbeat."""
        while self._stations:
            oldest = time.monotonic() - settings.DEVICE_HEARTBEAT_SECONDS
            due = [each for each in self._stations.values() if each.renewed_at <= oldest]
            try:
                await self._renew_some(due)
            except Exception as error:  # whatever it is, the next round does it
                log.warning("streams not renewed", streams=len(due), error=repr(error))
            await asyncio.sleep(REST_SECONDS)

    async def _renew_some(self, due: list[Station]) -> None:
        if not due:
            return
        device_ids = [station.device_id for station in due]
        news: dict[int, News] = await run(renew_streams, device_ids=device_ids)
        old = [station for station in due if station.renewed_at > -inf]
        for station in due:
            station.renewed_at = time.monotonic()
            mine = news.get(station.device_id)
            if mine is not None and mine.settings:
                station.say(SETTINGS_UPDATED)
            if mine is not None and mine.webhooks:
                station.say(WEBHOOKS_UPDATED)
        with suppress(TimeoutError):
            async with asyncio.timeout(JOIN_SECONDS):
                for station in old:  # the new ones have joined just now
                    await hub.renew(station)


def _message_canceled(attempt_id: str) -> bytes:
    data = msgspec.json.encode({"messageId": wire_message_id(attempt_id)})
    return b"event: MessageCancelled\ndata: " + data + b"\n\n"


stations = Stations()
