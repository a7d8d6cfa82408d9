"""The event streams of one process."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from django.db import connections

from accounts.services.tenants import suspend_tenant
from devices.hub import run
from devices.models import Device
from devices.services.devices import revoke_device
from devices.tests.factories import token_of
from integrations.phones.smsgate import streams
from integrations.phones.smsgate.models import PairedApp
from integrations.phones.smsgate.streams import KEEPALIVE, MESSAGE_ENQUEUED, Listener, Stations
from integrations.phones.smsgate.tests.factories import PairedAppFactory
from messaging.models import Message
from messaging.services.leases import lease_messages
from messaging.services.outbound import cancel_message
from messaging.tests.factories import MessageFactory, in_bulk
from messaging.tests.phones import queue_for

SECONDS = 10


class Reader:
    """One open stream, as its phone reads it."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces

    async def next(self) -> bytes:
        """The next piece, which must come in time."""
        async with asyncio.timeout(SECONDS):
            return await anext(self._pieces)

    async def is_over(self) -> bool:
        """Whether the gateway ends it in time."""
        try:
            return await self.next() == b"never"
        except StopAsyncIteration:
            return True

    async def leave(self) -> None:
        await self._pieces.aclose()


@pytest.fixture
async def phone(transactional_db, settings, monkeypatch):
    """A paired phone; the hub looks around all the time."""
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    settings.DEVICE_POLL_SECONDS = 0.05
    return await run(PairedAppFactory)


@pytest.fixture
async def open_stream(phone):
    """A function that opens a stream and reads what comes at once; all are closed at the end."""
    stations, opened = Stations(), []
    await run(token_of, device=phone.device)
    token = await run(phone.device.tokens.get)

    async def open_one(version: str = "1.68.0") -> Reader:
        listener = Listener(phone.device.tenant_id, phone.device_id, token.pk, version)
        reader = Reader(stations.listen(listener))
        opened.append(reader)
        assert await reader.next() == KEEPALIVE
        return reader

    yield open_one
    for reader in opened:
        await reader.leave()
    assert stations._stations == {}


async def test_work_is_told_to_all_streams_of_the_phone(phone, open_stream):
    readers = [await open_stream() for _ in range(2)]
    await queue_for(phone.device)
    assert [await reader.next() for reader in readers] == [MESSAGE_ENQUEUED] * 2


async def test_what_was_told_is_told_again_only_after_a_while(phone, open_stream, monkeypatch):
    monkeypatch.setattr(streams, "KEEPALIVE_SECONDS", 0.5)
    monkeypatch.setattr(streams, "REST_SECONDS", 0.01)
    reader = await open_stream()
    await queue_for(phone.device)
    assert await reader.next() == MESSAGE_ENQUEUED
    assert await reader.next() == KEEPALIVE  # though the hub has woken it ten times
    monkeypatch.setattr(streams, "REMIND_SECONDS", 0.1)
    assert await reader.next() == MESSAGE_ENQUEUED


async def test_phone_whose_window_is_full_is_left_alone(phone, open_stream, monkeypatch):
    monkeypatch.setattr(streams, "KEEPALIVE_SECONDS", 0.5)
    await run(in_bulk, count=30, device=phone.device)
    lease = await run(lease_messages, device_id=phone.device_id)
    assert len(lease.offers) == 20
    reader = await open_stream()
    assert [await reader.next() for _ in range(2)] == [KEEPALIVE] * 2
    await run(Message.objects.filter(status="leased").update, status="sent")
    assert await reader.next() == MESSAGE_ENQUEUED


async def test_phone_is_called_when_its_pause_is_over(phone, open_stream):
    await run(phone.device.sims.update, min_gap_ms=700)
    await run(in_bulk, count=2, device=phone.device)
    assert len((await run(lease_messages, device_id=phone.device_id)).offers) == 1
    reader = await open_stream()
    assert await reader.next() == MESSAGE_ENQUEUED


@pytest.mark.parametrize(("version", "is_told"), [("1.67.0", True), ("1.66.1", False)])
async def test_cancelled_message_is_told_to_apps_that_know_it(
    phone, open_stream, monkeypatch, version, is_told
):
    monkeypatch.setattr(streams, "KEEPALIVE_SECONDS", 1.0)
    message = await run(MessageFactory, device=phone.device, accepted=True)
    reader = await open_stream(version)
    await run(cancel_message, message=message)
    data = b'data: {"messageId":"' + message.attempt_id.replace(".", "-").encode() + b'"}'
    told = b"event: MessageCancelled\n" + data + b"\n\n"
    assert await reader.next() == (told if is_told else KEEPALIVE)


async def test_open_stream_is_known_within_a_second(phone, open_stream):
    await run(Device.objects.update, last_seen_at=None, is_online=False, contact_seconds=900)
    await open_stream()
    async with asyncio.timeout(SECONDS):
        while (await run(PairedApp.objects.get)).stream_seen_at is None:
            await asyncio.sleep(0.05)
        while (device := await run(Device.objects.get)).last_seen_at is None:
            await asyncio.sleep(0.05)
    assert (device.is_online, device.contact_seconds) == (True, None)


async def end_phone(device: Device) -> None:
    await run(revoke_device, device=device, actor=None)


async def end_account(device: Device) -> None:
    await run(suspend_tenant, tenant=device.tenant, actor=None, reason="unpaid")


@pytest.mark.parametrize("end", [end_phone, end_account])
async def test_streams_end_with_the_phone_or_its_account(phone, open_stream, end):
    readers = [await open_stream() for _ in range(2)]
    await end(phone.device)
    assert [await reader.is_over() for reader in readers] == [True, True]


async def test_of_a_great_many_streams_the_oldest_is_dead(phone, open_stream):
    readers = [await open_stream() for _ in range(streams.MOST_STREAMS + 1)]
    assert await readers[0].is_over() is True
    await queue_for(phone.device)
    told = [await reader.next() for reader in readers[1:]]
    assert told == [MESSAGE_ENQUEUED] * streams.MOST_STREAMS
