"""One kept-alive HTTP/1.1 connection that does no more than a load test needs."""

import re
import socket
import time

from bench.errors import BenchError

TIMEOUT_SECONDS = 30.0
_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_READ_BYTES = 262_144


class Connection:
    """Sends prebuilt requests and finds the end of answers, which need a Content-Length."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent_at = 0.0
        self._received = b""
        self._body_start = self._end = 0

    def send(self, request: bytes) -> None:
        """Write a whole request; `sent_at` is the time (perf_counter) just before."""
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bytes | None:
        """Read once; the body of the answer, or None when more of it has to come.

        Raises BenchError unless the status is 2xx.
        """
        chunk = self.socket.recv(_READ_BYTES)
        if not chunk:
            raise BenchError("The server closed a connection.")
        received = self._received = self._received + chunk if self._received else chunk
        if not self._end and not self._measure(received):
            return None
        if len(received) < self._end:
            return None
        body = received[self._body_start :]
        self._received, self._end = b"", 0
        if not received.startswith(b"HTTP/1.1 2"):
            status = received.partition(b"\r\n")[0].decode()
            raise BenchError(f"{status}\n{body.decode(errors='replace')}")
        return body

    def exchange(self, request: bytes) -> bytes:
        """Send a request, wait for its answer and return the body."""
        self.send(request)
        while (body := self.receive()) is None:
            pass
        return body

    def close(self) -> None:
        self.socket.close()

    def _measure(self, received: bytes) -> bool:
        """Find out where the body starts and ends; False when the head is not complete yet."""
        head_end = received.find(b"\r\n\r\n")
        if head_end < 0:
            return False
        length = _CONTENT_LENGTH.search(received, 0, head_end)
        if length is None:
            raise BenchError(f"An answer without Content-Length:\n{received.decode()}")
        self._body_start = head_end + 4
        self._end = self._body_start + int(length[1])
        return True
