"""A tenant's web server: takes webhooks, notes when each began to arrive, and answers late."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_HEAD = re.compile(rb"POST (?P<path>\S+) .*?\r\ncontent-length: *(?P<length>\d+)", re.I | re.S)
_ANSWER = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"

# (path, body, perf_counter when the first byte was there)
OnDelivery = Callable[[str, dict[str, Any], float], object]


class Receiver:
    """Listens on a free port of loopback while it is entered; every path is an endpoint.

    `delay` are the seconds until an answer; a path in `dead` never gets one.
    """

    def __init__(self, on_delivery: OnDelivery, *, delay: float = 0.0) -> None:
        self.delay = delay
        self.dead: set[str] = set()
        self.counts: Counter[str] = Counter()
        self._on_delivery = on_delivery

    async def __aenter__(self) -> "Receiver":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1000)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}{path}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Cancelled where it waits, when the measurement is over.
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            first = await reader.read(1)
            arrived_at = time.perf_counter()
            head = first + await reader.readuntil(b"\r\n\r\n")
            found = _HEAD.match(head)
            if found:
                path = found["path"].decode()
                body = json.loads(await reader.readexactly(int(found["length"])))
                self.counts[path] += 1
                self._on_delivery(path, body, arrived_at)
                await asyncio.sleep(3600 if path in self.dead else self.delay)
                writer.write(_ANSWER)
                await writer.drain()
        writer.close()
