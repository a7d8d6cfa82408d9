"""A proxy on the way to a server that cuts connections where a test wants it."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import Enum, auto
from pathlib import Path
from types import TracebackType

CHUNK_BYTES = 65_536


class Verdict(Enum):
    """What to do about some bytes, which may hold several frames or a part of one."""

    PASS = auto()
    CUT_BEFORE = auto()  # they get lost with the connection
    CUT_AFTER = auto()  # they arrive, and what would answer them does not


# (whether the bytes come from the client, the bytes, the connection's number) -> what to do
Judge = Callable[[bool, bytes, int], Verdict]


class Wire:
    """A context: passes on what comes to `listener` to a new connection from `dial`, and back.

    `judge` decides about all that goes through, at first to let it pass. `cuts` counts the
    connections that were cut.
    """

    def __init__(self, listener: socket.socket, dial: Callable[[], socket.socket]) -> None:
        self.judge: Judge = lambda is_from_client, chunk, number: Verdict.PASS
        self.cuts = 0
        self._silent = 0  # connections with lower numbers carry nothing any more
        self._listener = listener
        self._dial = dial
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def silence(self) -> None:
        """Have the connections of now carry nothing more, not even their end.

        So it is for a gateway when a phone has changed its network.
        """
        self._silent = len(self._sockets)

    @property
    def path(self) -> Path:
        """Where a unix listener listens."""
        return Path(self._listener.getsockname())

    @property
    def port(self) -> int:
        """Where a TCP listener listens."""
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> "Wire":
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _hang_up(self._listener)
        self._listener.close()
        for thread in self._threads:  # grows no more after the first one, which accepts
            for end in list(self._sockets):
                _hang_up(end)
            thread.join()
        for end in self._sockets:
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = self._dial()
            except OSError:
                client.close()
                continue
            number = len(self._sockets)
            self._sockets += [client, server]
            self._start(self._pass_on, client, server, True, number)
            self._start(self._pass_on, server, client, False, number)

    def _pass_on(
        self, source: socket.socket, target: socket.socket, is_from_client: bool, number: int
    ) -> None:
        with suppress(OSError):
            while chunk := source.recv(CHUNK_BYTES):
                if number < self._silent:
                    continue
                verdict = self._ask(is_from_client, chunk, number)
                if verdict is not Verdict.CUT_BEFORE:
                    target.sendall(chunk)
                if verdict is not Verdict.PASS:
                    break
        if number >= self._silent:
            _hang_up(source)
            _hang_up(target)

    def _ask(self, is_from_client: bool, chunk: bytes, number: int) -> Verdict:
        """One judgement at a time, so that it may look at `cuts`."""
        with self._lock:
            verdict = self.judge(is_from_client, chunk, number)
            self.cuts += verdict is not Verdict.PASS
        return verdict

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()


def tcp_wire(host: str, port: int) -> Wire:
    """A wire to a port, on a free port."""
    return Wire(socket.create_server((host, 0)), lambda: socket.create_connection((host, port)))


def unix_wire(path: Path, target: Path) -> Wire:
    """A wire to the unix socket `target`, at `path`."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def dial() -> socket.socket:
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(str(target))
        except OSError:
            server.close()
            raise
        return server

    return Wire(listener, dial)


def _hang_up(end: socket.socket) -> None:
    """End both directions; whoever waits on the socket wakes up."""
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
