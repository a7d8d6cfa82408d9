"""What carries frames between the phone and the gateway: a line, of one kind or another."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from agent.identity import Identity


class Closed(Exception):
    """The line is closed. `reason` is the protocol's word (docs/device-protocol.md, "Closing").

    `wait`: the seconds after which the gateway wants to hear from the phone again, if it said so.
    """

    def __init__(self, reason: str, wait: float = 0) -> None:
        super().__init__(reason)
        self.reason, self.wait = reason, wait


class NoLine(Exception):
    """No line came to be. `is_unfit`: somebody is there but does not answer as a gateway would, so
    that a line of another kind may be worth a try."""

    def __init__(self, message: str, *, is_unfit: bool = False) -> None:
        super().__init__(message)
        self.is_unfit = is_unfit


class Line(Protocol):
    """An open line. Whatever it does may raise Closed, or NoLine if it never worked."""

    async def send(self, frames: Sequence[str]) -> None:
        """Hand frames to the gateway, in this order."""

    async def receive(self) -> str | bytes:
        """The gateway's next frame."""


class Transport(Protocol):
    """A way to open lines."""

    def open(self, identity: Identity) -> AbstractAsyncContextManager[Line]:
        """A line, closed at the end of the context. Raises NoLine, or Closed for a refusal."""
