"""One HTTP request at a time: the standard library's client, on a thread of its own."""

import asyncio
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any

from agent import __version__

MAX_ANSWER_BYTES = 8_000_000


@dataclass(frozen=True)
class Request:
    """`body` makes a POST of it. `seconds` is how long each step of the exchange may take."""

    url: str
    seconds: float
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """`retry_after` in seconds, 0 when the answer has none."""

    status: int
    body: bytes
    retry_after: float = 0


class Exchange:
    """One request, which another thread may break off."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._socket: socket.socket | None = None
        self._is_broken_off = False

    def run(self) -> Answer:
        """The answer, whatever its status. Raises OSError, with a text, when there is none."""
        request = self._request
        call = urllib.request.Request(  # noqa: S310 - callers take care that it is http or https
            request.url,
            data=request.body,
            headers={"User-Agent": f"agent/{__version__}", **request.headers},
        )
        opener = urllib.request.build_opener(_NoRedirect, _Http(self._note), _Https(self._note))
        try:
            with opener.open(call, timeout=request.seconds) as answer:
                return Answer(answer.status, answer.read(MAX_ANSWER_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                return _answer_of(error)
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise OSError(str(reason) or type(reason).__name__) from error

    def break_off(self) -> None:
        """Let `run` end now; the other side sees the connection end."""
        self._is_broken_off = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _note(self, opened: socket.socket) -> None:
        self._socket = opened
        if self._is_broken_off:
            raise OSError("broken off")


async def exchange_aside(request: Request) -> Answer:
    """The answer to `request`, without holding up the event loop; broken off when cancelled.

    Not on a pool's thread: those are waited for when the program ends.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Answer] = loop.create_future()
    exchange = Exchange(request)

    def settle(answer: Answer | OSError) -> None:
        if outcome.done():
            return
        if isinstance(answer, OSError):
            outcome.set_exception(answer)
        else:
            outcome.set_result(answer)

    def work() -> None:
        answer: Answer | OSError
        try:
            answer = exchange.run()
        except OSError as error:
            answer = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, answer)

    threading.Thread(target=work, name="http", daemon=True).start()
    try:
        return await outcome
    finally:
        exchange.break_off()


def _answer_of(error: urllib.error.HTTPError) -> Answer:
    wait = error.headers.get("Retry-After", "")
    return Answer(error.code, error.read(MAX_ANSWER_BYTES), float(wait) if wait.isdecimal() else 0)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A followed redirect turns POST into GET, and the answer to that would mislead."""

    def redirect_request(self, *arguments: Any, **options: Any) -> None:
        """None: let the redirect be an answer."""


class _Http(urllib.request.HTTPHandler):
    """Tells of the sockets that it opens."""

    def __init__(self, note: Callable[[socket.socket], None]) -> None:
        super().__init__()
        self._tell = note

    def http_open(self, request: urllib.request.Request) -> HTTPResponse:
        return self.do_open(partial(_connection, HTTPConnection, self._tell), request)


class _Https(urllib.request.HTTPSHandler):
    """Likewise."""

    def __init__(self, note: Callable[[socket.socket], None]) -> None:
        super().__init__()
        self._tell = note

    def https_open(self, request: urllib.request.Request) -> HTTPResponse:
        return self.do_open(partial(_connection, HTTPSConnection, self._tell), request)


def _connection(
    kind: type[HTTPConnection], tell: Callable[[socket.socket], None], *where: Any, **options: Any
) -> HTTPConnection:
    """A connection that tells of its socket as soon as that is open."""
    connection = kind(*where, **options)
    connect = connection.connect

    def connect_and_tell() -> None:
        connect()
        tell(connection.sock)

    connection.connect = connect_and_tell  # type: ignore[method-assign]  # on this one alone
    return connection
