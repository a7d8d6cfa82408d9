"""A thing that hangs is given up; what certainly did not happen is told apart from the rest."""

import asyncio
import threading

import pytest

from agent.radios.worker import NotBegun, NotConnected, Worker
from agent.tests.gateway import until


class Port:
    """Something that blocks until `release` is set."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.calls: list[str] = []

    def block(self) -> str:
        self.calls.append("block")
        self.release.wait(10)
        return "late"


def make_worker() -> tuple[Worker[Port], list[Port]]:
    ports: list[Port] = []

    def connect() -> Port:
        ports.append(Port())
        return ports[-1]

    return Worker(connect, lambda error: isinstance(error, OSError)), ports


async def test_calls_share_one_connection() -> None:
    worker, ports = make_worker()
    assert await worker.call(lambda port: 1, 5) == 1
    assert await worker.call(lambda port: 2, 5) == 2
    assert len(ports) == 1
    worker.close()


async def test_broken_connection_is_made_anew_and_another_error_is_not() -> None:
    worker, ports = make_worker()

    def fail(error: Exception) -> None:
        raise error

    with pytest.raises(ValueError):
        await worker.call(lambda port: fail(ValueError()), 5)
    await worker.call(lambda port: None, 5)
    assert len(ports) == 1
    with pytest.raises(OSError):
        await worker.call(lambda port: fail(OSError()), 5)
    await worker.call(lambda port: None, 5)
    assert len(ports) == 2
    worker.close()


async def test_connection_that_cannot_be_made_is_told_apart_and_tried_again() -> None:
    tries: list[str] = []

    def connect() -> Port:
        tries.append("try")
        if len(tries) == 1:
            raise OSError("no such port")
        return Port()

    worker = Worker(connect, lambda error: isinstance(error, OSError))
    with pytest.raises(NotConnected, match="no such port"):
        await worker.call(Port.block, 5)
    assert await worker.call(lambda port: port.calls, 5) == []
    worker.close()


async def test_call_that_hangs_ends_in_time_and_the_next_one_reconnects() -> None:
    worker, ports = make_worker()
    with pytest.raises(TimeoutError):
        await worker.call(Port.block, 0.05)
    assert await worker.call(lambda port: "works", 5) == "works"
    assert len(ports) == 2
    assert ports[0].calls == ["block"]
    ports[0].release.set()
    worker.close()


async def test_call_that_had_to_wait_is_taken_back_and_never_happens() -> None:
    worker, ports = make_worker()
    hanging = asyncio.create_task(worker.call(Port.block, 5))
    await asyncio.sleep(0)
    with pytest.raises(NotBegun):
        await worker.call(lambda port: port.calls.append("never"), 0.05)
    while not ports:  # the thread is on its way
        await asyncio.sleep(0.01)
    ports[0].release.set()
    assert await hanging == "late"
    assert ports[0].calls == ["block"]
    worker.close()


async def test_call_that_waits_behind_a_hanging_one_moves_on() -> None:
    worker, ports = make_worker()
    hanging = asyncio.create_task(worker.call(Port.block, 0.1))
    await asyncio.sleep(0)
    assert await worker.call(lambda port: "works", 5) == "works"
    with pytest.raises(TimeoutError):
        await hanging
    assert len(ports) == 2
    ports[0].release.set()
    worker.close()


async def test_call_that_is_cancelled_before_it_began_never_begins() -> None:
    worker, ports = make_worker()
    blocking = asyncio.create_task(worker.call(Port.block, 5))
    await until(lambda: [port.calls for port in ports] == [["block"]])
    waiting = asyncio.create_task(worker.call(lambda port: port.calls.append("late"), 5))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    ports[0].release.set()
    await blocking
    await worker.call(lambda port: port.calls.append("last"), 5)
    assert ports[0].calls == ["block", "last"]
    worker.close()
