"""How work finds its phone: nudges through Redis, and what repairs those that get lost."""

import asyncio
from time import monotonic

import pytest

from accounts.redis import connection as redis
from devices import wakeup
from devices.hub import run
from devices.tests.factories import DeviceFactory
from messaging.models import Message, MessageEvent
from messaging.tests.factories import MessageFactory, in_bulk
from messaging.tests.phones import SentLog, queue_for

NEVER = 3600.0


@pytest.fixture(autouse=True)
def _nudges_only(settings):
    """Unless a test says otherwise, nobody looks around for lost nudges."""
    settings.DEVICE_POLL_SECONDS = NEVER


@pytest.fixture
def _sent_from_elsewhere(monkeypatch):
    """As in a process that holds no sockets: Redis is the only way to them."""
    monkeypatch.setattr(wakeup, "wake_here", None)


@pytest.fixture
def device(transactional_db):
    return DeviceFactory()


@pytest.mark.usefixtures("_sent_from_elsewhere")
async def test_nudge_reaches_the_socket(connect, device):
    socket = await connect(device)
    await socket.settle()
    message = await queue_for(device)
    assert (await socket.hear())["attempt_id"] == message.attempt_id


@pytest.mark.usefixtures("_sent_from_elsewhere")
async def test_lost_nudge_is_repaired_by_the_poll(connect, device, settings):
    settings.DEVICE_POLL_SECONDS = 0.1
    socket = await connect(device)
    await socket.settle()
    redis().flushdb()  # the group is gone, so the nudge leads nowhere
    message = await queue_for(device)
    assert (await socket.hear())["attempt_id"] == message.attempt_id


@pytest.mark.usefixtures("_sent_from_elsewhere")
async def test_heartbeat_renews_what_redis_forgot(connect, device):
    socket = await connect(device)
    await socket.settle()
    redis().flushdb()
    await socket.settle()
    message = await queue_for(device)
    assert (await socket.hear())["attempt_id"] == message.attempt_id


async def test_process_that_holds_the_socket_needs_no_redis(connect, device):
    socket = await connect(device)
    await socket.settle()
    redis().flushdb()
    message = await queue_for(device)
    assert (await socket.hear())["attempt_id"] == message.attempt_id


async def test_pull_is_answered_with_what_is_due(connect, device):
    socket = await connect(device)
    await socket.settle()
    message = await run(MessageFactory, tenant=device.tenant, device=device)
    await socket.tell({"type": "pull"})
    assert (await socket.hear())["attempt_id"] == message.attempt_id


# Over HTTP both may be told of a message, and a phone's journal makes one of it.
@pytest.mark.parametrize("connect", ["socket"], indirect=True)
async def test_two_sockets_of_one_phone_share_the_messages(connect, device):
    sockets = [await connect(device), await connect(device)]
    for socket in sockets:
        await socket.settle()
    sent = SentLog(expected=50)
    radios = [asyncio.create_task(socket.send_everything(sent)) for socket in sockets]
    for _ in range(50):
        await queue_for(device)
    await sent.complete()
    for radio in radios:
        radio.cancel()
    await asyncio.gather(*radios, return_exceptions=True)
    assert len(set(sent.attempt_ids)) == len(sent.attempt_ids) == 50
    assert await run(MessageEvent.objects.filter(kind="leased").count) == 50


async def test_sent_message_makes_room_for_the_next(connect, device, settings):
    settings.DEVICE_WINDOW_PER_SIM = 1
    messages = await run(in_bulk, count=3, device=device)
    socket = await connect(device)
    for message in messages:
        assert (await socket.hear())["attempt_id"] == message.attempt_id
        await socket.report("accepted", message)
        assert await socket.is_silent()
        await socket.report("sent", message)
    assert await run(Message.objects.filter(status="sent").count) == 3


async def test_gap_is_kept_without_being_asked(connect, device):
    await run(device.sims.update, min_gap_ms=400)
    messages = await run(in_bulk, count=3, device=device)
    socket = await connect(device)
    heard, times = [], []
    for _ in messages:
        heard.append((await socket.hear())["attempt_id"])
        times.append(monotonic())
    assert heard == [message.attempt_id for message in messages]
    assert min(times[1] - times[0], times[2] - times[1]) > 0.3
