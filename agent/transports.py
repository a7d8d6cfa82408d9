"""Which kind of line to open: the socket, HTTP, or what works."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agent.http_line import HttpTransport
from agent.identity import Identity
from agent.line import Closed, Line, NoLine, Transport
from agent.socket_line import SocketTransport

log = logging.getLogger(__name__)


class AutoTransport:
    """The socket; HTTP when no socket comes to be although somebody is there, as with a proxy that
    does not know WebSockets. Then the socket is tried again now and then."""

    def __init__(self, *, tries: int = 3, socket_again_seconds: float = 600.0) -> None:
        self._socket, self._http = SocketTransport(), HttpTransport()
        self._tries, self._socket_again_seconds = tries, socket_again_seconds
        self._failures = 0  # of the socket, since it worked
        self._http_until = 0.0

    @asynccontextmanager
    async def open(self, identity: Identity) -> AsyncIterator[Line]:
        left = self._http_until - time.monotonic()
        if left > 0:
            async with self._http.open(identity) as line:
                loop = asyncio.get_running_loop()
                timer = loop.call_later(left, line.close, Closed("time to try the socket again"))
                try:
                    yield line
                finally:
                    timer.cancel()
            return
        try:
            async with self._socket.open(identity) as socket:
                yield socket
        except NoLine as error:
            if error.is_unfit:
                self._note_failure()
            raise
        except Closed:
            self._failures = 0
            raise

    def _note_failure(self) -> None:
        self._failures += 1
        if self._failures >= self._tries:
            log.warning("No WebSocket gets through: using HTTP for a while")
            self._http_until = time.monotonic() + self._socket_again_seconds


# The choices of `--transport`.
TRANSPORTS: dict[str, type[Transport]] = {
    "auto": AutoTransport,
    "socket": SocketTransport,
    "http": HttpTransport,
}
