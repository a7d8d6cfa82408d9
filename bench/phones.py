"""Scripted phones on real sockets (docs/device-protocol.md), with nothing behind them."""

import json
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bench.connection import Connection
from bench.errors import BenchError

_HELLO = {
    "protocol": 1,
    "app": {"name": "bench", "version": "1"},
    "model": "Bench",
    "sims": [{"slot": 1}],
    "capabilities": [],
    "holding": [],
}


class Phone:
    """One phone's socket. The frames go to `on_message`, as (recipient, time of arrival)."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    @classmethod
    async def join(cls, connection: Connection, token: str) -> "Phone":
        """Upgrade an open HTTP connection and say hello; returns when welcomed."""
        host, port = connection.socket.getpeername()
        connection.socket.setblocking(False)
        phone = cls(
            await connect(
                f"ws://{host}:{port}/ws/device",
                sock=connection.socket,
                additional_headers={"Authorization": f"Bearer {token}"},
                compression=None,
                ping_interval=None,
                open_timeout=30,
            )
        )
        await phone._tell("hello", **_HELLO)
        await phone._hear("welcome")
        return phone

    async def beat(self) -> None:
        """Send a heartbeat and wait for its ack."""
        await self._tell("heartbeat", battery=80, charging=True, network="wifi", signal=4, queue=0)
        await self._hear("ack")

    async def take(self, on_message: Callable[[str, float], object]) -> None:
        """Take every message, and report it accepted, sent and delivered at once; until closed."""
        with suppress(ConnectionClosed):
            while True:
                text = await self._socket.recv()
                arrived_at = time.perf_counter()
                frame = json.loads(text)
                if frame["type"] == "message.send":
                    on_message(frame["to"], arrived_at)
                    for fact in ("message.accepted", "message.sent", "message.delivered"):
                        await self._tell(fact, attempt_id=frame["attempt_id"])

    async def bring(self, sender: str, text: str) -> None:
        """Report an inbound text; the ack goes to `take`."""
        await self._tell("message.received", **{"from": sender, "text": text})

    async def leave(self) -> None:
        await self._socket.close()

    async def _tell(self, kind: str, **fields: Any) -> None:
        frame = {"type": kind, "id": str(uuid.uuid4()), **fields}
        await self._socket.send(json.dumps(frame))

    async def _hear(self, kind: str) -> None:
        frame = json.loads(await self._socket.recv())
        if frame["type"] != kind:
            raise BenchError(f"A phone expected {kind} and got {frame}.")
