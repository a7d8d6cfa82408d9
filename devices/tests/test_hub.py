"""The phones that are connected to one process."""

import asyncio

import pytest
from django.db import connections

from devices.hub import SocketHub
from devices.tests import listener


class Socket:
    """As much of a phone's connection as the hub needs; nobody has its token."""

    tenant_id, token_id = 1, 0

    def __init__(self, device_id: int, *, closes: bool = True) -> None:
        self.device_id, self._closes = device_id, closes
        self.is_woken, self.is_refused = asyncio.Event(), asyncio.Event()

    def wake(self) -> None:
        self.is_woken.set()

    async def refuse(self, reason: str) -> None:
        """Note it; a phone that has gone to sleep does not answer the closing handshake."""
        self.is_refused.set()
        if not self._closes:
            await asyncio.Event().wait()


@pytest.fixture
async def hub(transactional_db, settings, monkeypatch):
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    settings.DEVICE_POLL_SECONDS = 0.05
    settings.DEVICE_WORK_FINDERS = ["devices.tests.listener.find_due"]
    listener.due.clear()
    hub = SocketHub()
    yield hub
    hub._sockets.clear()  # the process is about to end: nothing is left to look for


async def in_time(*events: asyncio.Event) -> None:
    """Wait until all events have happened."""
    async with asyncio.timeout(10):
        for event in events:
            await event.wait()


async def test_poll_wakes_the_phones_that_have_due_work(hub):
    due, idle = Socket(1), Socket(2)
    for socket in (due, idle):
        await hub.join(socket)
    listener.due.add(1)
    await in_time(due.is_woken)
    assert idle.is_woken.is_set() is False


async def test_all_sockets_of_a_phone_are_woken(hub):
    both = Socket(1), Socket(1)
    for socket in both:
        await hub.join(socket)
    listener.due.add(1)
    await in_time(*(socket.is_woken for socket in both))


async def test_phone_that_left_is_not_woken(hub):
    left, stays = Socket(1), Socket(1)
    for socket in (left, stays):
        await hub.join(socket)
    hub.leave(left)
    listener.due.add(1)
    await in_time(stays.is_woken)
    assert left.is_woken.is_set() is False


async def test_sockets_without_a_valid_token_are_refused(hub):
    socket = Socket(1)
    await hub.join(socket)
    await in_time(socket.is_refused)


async def test_phone_that_does_not_answer_the_close_holds_up_nobody(hub):
    asleep = [Socket(device_id, closes=False) for device_id in (1, 2)]
    awake = Socket(3)
    for socket in (*asleep, awake):
        await hub.join(socket)
    await in_time(*(socket.is_refused for socket in (*asleep, awake)))
    listener.due.add(3)
    await in_time(awake.is_woken)


async def test_a_finder_that_breaks_is_asked_again(hub, settings):
    socket = Socket(1)
    await hub.join(socket)
    listener.due.add("no number")
    await in_time(socket.is_refused)
    listener.due.clear()
    listener.due.add(1)
    await in_time(socket.is_woken)


async def test_a_phone_may_have_so_many_sockets(hub, settings):
    settings.DEVICE_MAX_SOCKETS = 2
    sockets = [Socket(1) for _ in range(3)]
    assert [await hub.join(socket) for socket in sockets] == [True, True, False]
    hub.leave(sockets[0])
    assert await hub.join(sockets[2]) is True
    assert await hub.join(Socket(2)) is True


@pytest.mark.parametrize("steps", range(40))
async def test_hub_ends_with_its_loop_wherever_it_is(hub, monkeypatch, steps):
    monkeypatch.setattr("devices.hub.RECEIVE_SECONDS", 0.2)
    await hub.join(Socket(1))
    for _ in range(steps):
        await asyncio.sleep(0)
    # As the end of a loop does: everything at once, also what the channel layer has begun.
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    _, running = await asyncio.wait(hub._tasks, timeout=5)
    assert running == set()
