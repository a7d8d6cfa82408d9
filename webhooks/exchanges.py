"""One HTTP exchange: its clock, how much it may still read, its sockets, and how it fails."""

import socket
import ssl
import time
from dataclasses import dataclass, field
from typing import Any, Literal

FailureKind = Literal[
    "refused_address", "dns", "connect", "tls", "timeout", "protocol", "too_large"
]


class ExchangeFailed(Exception):
    """No answer came of it. `message` is a sentence that the tenant may read.

    `address` is the IP address dialled last (empty if none), `duration_ms` the time it all took.
    """

    def __init__(
        self, kind: FailureKind, message: str, *, address: str = "", duration_ms: int = 0
    ) -> None:
        self.kind: FailureKind = kind
        self.message = message
        self.address = address
        self.duration_ms = duration_ms
        super().__init__(message)


@dataclass(slots=True)
class Exchange:
    """What the connection and its sockets share; one for each call, used by one thread."""

    deadline_seconds: float
    byte_limit: int
    address: str = ""
    bytes_read: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def duration_ms(self) -> int:
        return round((time.monotonic() - self.started) * 1000)

    def remaining(self, at_most: float = float("inf")) -> float:
        """Seconds until the deadline, or `at_most`; always more than 0.

        Raises ExchangeFailed (`timeout`) when there are none left.
        """
        left = self.started + self.deadline_seconds - time.monotonic()
        if left <= 0:
            raise self.timed_out()
        return min(left, at_most)

    def room(self, wanted: int) -> int:
        """How many of `wanted` bytes may still be read; at least 1.

        Raises ExchangeFailed (`too_large`) when the limit is reached.
        """
        if self.bytes_read >= self.byte_limit:
            raise self.failure("too_large", "The receiver's answer is too long.")
        return min(wanted, self.byte_limit - self.bytes_read)

    def failure(self, kind: FailureKind, message: str) -> ExchangeFailed:
        """The exception for what went wrong just now."""
        return ExchangeFailed(kind, message, address=self.address, duration_ms=self.duration_ms)

    def timed_out(self) -> ExchangeFailed:
        """The exception for the end of the time allowed."""
        return self.failure(
            "timeout", f"The receiver took longer than {self.deadline_seconds:g} seconds."
        )


class BoundedSocket(socket.socket):
    """A socket whose operations all end by the deadline of its exchange, and that counts bytes.

    A plain timeout starts anew with every read, so that a byte a second holds a request for ever.
    http.client reads through `recv_into` alone (`makefile`) and writes with `sendall`.
    """

    exchange: Exchange

    def recv_into(self, buffer: Any, nbytes: int | None = 0, flags: int = 0) -> int:
        room = self.exchange.room(nbytes or len(buffer))
        self.settimeout(self.exchange.remaining())
        try:
            count = super().recv_into(buffer, room, flags)
        except TimeoutError:
            raise self.exchange.timed_out() from None
        self.exchange.bytes_read += count
        return count

    def sendall(self, data: Any, flags: int = 0) -> None:
        self.settimeout(self.exchange.remaining())
        try:
            super().sendall(data, flags)
        except TimeoutError:
            raise self.exchange.timed_out() from None

    def send(self, data: Any, flags: int = 0) -> int:
        # What `sendall` of a TLS socket calls, again and again.
        self.settimeout(self.exchange.remaining())
        return super().send(data, flags)


class BoundedTlsSocket(BoundedSocket, ssl.SSLSocket):
    """The same with TLS; made by an SSLContext, which is told of this class."""
