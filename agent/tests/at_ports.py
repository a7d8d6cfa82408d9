"""Where a scripted modem is plugged in: what a driver opens as its serial port."""

import os
import pty
import select
import socket
import tty
from typing import Protocol


class Port(Protocol):
    """Where the modem is plugged in."""

    path: str

    def read(self) -> bytes:
        """What was said to the modem; empty if nothing for a while."""

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class Terminal:
    """A pseudo terminal, which looks like a serial port."""

    def __init__(self) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)

    def read(self) -> bytes:
        """See Port."""
        return (
            os.read(self._master, 1000) if select.select([self._master], [], [], 0.05)[0] else b""
        )

    def write(self, data: bytes) -> None:
        """See Port."""
        os.write(self._master, data)

    def close(self) -> None:
        """Give both ends back."""
        os.close(self._slave)
        os.close(self._master)


class AbstractSocket:
    """A socket that ModemManager's test interface takes as a port, and opens several times."""

    def __init__(self, name: str) -> None:
        self.path = f"abstract:{name}"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind("\0" + self.path)
        self._listener.listen()
        self._line: socket.socket | None = None

    def read(self) -> bytes:
        """See Port."""
        heard = select.select([self._line or self._listener], [], [], 0.05)[0]
        if not heard:
            return b""
        if self._line is None:
            self._line, _ = self._listener.accept()
            return b""
        data = self._line.recv(1000)
        if not data:
            self._hang_up()
        return data

    def write(self, data: bytes) -> None:
        """See Port; what nobody listens to is lost."""
        if self._line:
            self._line.sendall(data)

    def close(self) -> None:
        """Stop listening."""
        self._hang_up()
        self._listener.close()

    def _hang_up(self) -> None:
        if self._line:
            self._line.close()
        self._line = None
