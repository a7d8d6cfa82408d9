"""Waking phones: "there is work", without content, to whichever process holds the phone's socket.

A nudge may be lost at any time: each process also asks PostgreSQL every few seconds (hub.py).
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable

import redis
import structlog
from channels.layers import get_channel_layer

log = structlog.get_logger(__name__)

REST_SECONDS = 0.01


def group_of(tenant_id: int, device_id: int) -> str:
    """The Channels group of a device's sockets."""
    return f"device.{tenant_id}.{device_id}"


def nudge(devices: Iterable[tuple[int, int]]) -> None:
    """Wake the sockets of `devices`, pairs of (tenant id, device id); returns at once.

    Call it from `transaction.on_commit(…, robust=True)`.
    """
    devices = set(devices)
    if wake_here is not None:
        wake_here({device_id for _, device_id in devices})
    _nudger.add(devices)


# Wakes the sockets that this process holds, without the way through Redis; set by hub.py.
wake_here: Callable[[set[int]], None] | None = None


class _Nudger:
    """One thread for each process: requests never wait for Redis, and equal nudges become one.

    Between two rounds it rests for a moment, so that a burst of commits becomes a few nudges; a
    nudge after a quiet moment leaves at once.
    """

    def __init__(self) -> None:
        self._pending: set[tuple[int, int]] = set()
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, devices: Iterable[tuple[int, int]]) -> None:
        with self._condition:
            self._pending.update(devices)
            # A fork (Celery's prefork pool) copies the object but not its thread.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="nudger", daemon=True)
                self._thread.start()
            self._condition.notify()

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            while True:
                with self._condition:
                    while not self._pending:
                        self._condition.wait()
                    devices, self._pending = self._pending, set()
                try:
                    self._send(runner, devices)
                except Exception as error:  # whatever Redis answers: the poll repairs it
                    log.warning("nudges lost", phones=len(devices), error=repr(error))
                time.sleep(REST_SECONDS)

    @staticmethod
    def _send(runner: asyncio.Runner, devices: set[tuple[int, int]]) -> None:
        """Once more on a broken connection: the pool holds those of before a restart of Redis."""
        try:
            runner.run(_send(devices))
        except (OSError, redis.RedisError):
            runner.run(_send(devices))


async def _send(devices: set[tuple[int, int]]) -> None:
    layer = get_channel_layer()
    for tenant_id, device_id in devices:
        await layer.group_send(
            group_of(tenant_id, device_id), {"type": "pull", "device_id": device_id}
        )


_nudger = _Nudger()
