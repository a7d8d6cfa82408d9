"""Receivers on loopback for tests: well-behaved ones, and ones that behave as a function says.

    with Receiver(Reply(503), Reply(200, b"ok")) as receiver:
        ...  # something posts to receiver.url, twice
    assert receiver.requests[0].body == b"{}"

`settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]` lets the gateway reach them.
"""

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

# What ends a test whose other side hangs; no test waits for it.
PATIENCE_SECONDS = 10.0

Behaviour = Callable[[socket.socket], None]
"""What a receiver does with a connection once it has read the request; then it closes it."""


@dataclass(frozen=True)
class Request:
    """What a receiver got; the names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """An ordinary answer; `Content-Length` and `Connection` come by themselves."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, connection: socket.socket) -> None:
        headers = {"Content-Length": len(self.body), "Connection": "close", **self.headers}
        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        head = f"HTTP/1.1 {self.status} Whatever\r\n{''.join(lines)}\r\n"
        connection.sendall(head.encode("latin-1") + self.body)


class Receiver:
    """A server on a port of its own. It uses its replies in turn, and the last one for ever.

    `requests` holds every request whose answer has arrived. With `is_deaf`, requests are not
    understood: the reply comes after their first bytes.
    """

    def __init__(
        self,
        *replies: Behaviour,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        is_deaf: bool = False,
    ) -> None:
        self.requests: list[Request] = []
        self._replies = list(replies) or [Reply()]
        self._host, self._tls, self._is_deaf = host, tls, is_deaf
        self._listener = _listener(host)
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._listen)]
        self._connections: list[socket.socket] = []

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}/hook"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept, which close does not
        self._threads[0].join(PATIENCE_SECONDS)
        self._listener.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                thread = threading.Thread(target=self._serve, args=[connection])
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        # A client that hangs up in the middle is what many tests are about.
        with connection, contextlib.suppress(OSError):
            connection.settimeout(PATIENCE_SECONDS)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._connections.append(connection)
            with connection:
                if self._is_deaf:
                    connection.recv(65_536)
                else:
                    self.requests.append(_read_request(connection))
                replies = self._replies
                reply = replies.pop(0) if len(replies) > 1 else replies[0]
                reply(connection)


class Trap:
    """Listens, and counts who connects. Nothing should."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._listener = _listener(host)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._hits = 0

    def hits(self) -> int:
        """How many connections were made until now, whether or not they went on to say anything."""
        # The kernel queues a connection before `connect` returns, so there is nothing to wait for.
        with contextlib.suppress(BlockingIOError):
            while True:
                self._listener.accept()[0].close()
                self._hits += 1
        return self._hits

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()


class Names:
    """A name server for tests: a resolver that knows `answers` alone, and notes what is asked."""

    def __init__(self, answers: Mapping[str, list[str]]) -> None:
        self.answers = dict(answers)
        self.asked: list[str] = []

    def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        if host not in self.answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return self.answers[host]


def raw(data: bytes) -> Behaviour:
    """Sends `data` as it is."""
    return lambda connection: connection.sendall(data)


def hang(connection: socket.socket) -> None:
    """Says nothing until the client hangs up."""
    connection.recv(1)


def drip(start: bytes, drop: bytes, *, seconds: float = 0.02) -> Behaviour:
    """Sends `start`, and then `drop` again and again, `seconds` apart; 0 is as fast as it goes."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(start)
        while not select.select([connection], [], [], seconds)[0]:
            connection.sendall(drop)

    return behave


def _listener(host: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, 0), family=family, backlog=128)


def _read_request(connection: socket.socket) -> Request:
    with connection.makefile("rb") as stream:
        if not (first := stream.readline().decode("latin-1").split()):
            raise ConnectionError("the client hung up")
        headers = {}
        while line := stream.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", 0)))
    return Request(method=first[0], path=first[1], headers=headers, body=body)
