"""What the agent asks of a radio: a phone, a modem, or the simulated phone."""

import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

NUMBER = re.compile(r"\+?[0-9]{1,20}")  # one, and nothing that a program would split

FailureCode = Literal[
    "no_service",
    "radio_off",
    "limit_exceeded",
    "no_sim",
    "no_permission",
    "no_default_app",
    "invalid_number",
    "rejected",
    "expired",
    "generic_failure",
    "undelivered",
    "unknown",
]


class Sim(msgspec.Struct, frozen=True, omit_defaults=True):
    """One SIM card; `slot` counts from 1. Goes into `hello` as it is."""

    slot: int
    number: str | None = None
    carrier: str | None = None


class Status(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the phone is, for `heartbeat`: battery 0-100, signal 0-4; None where nobody knows."""

    battery: int | None = None
    charging: bool | None = None
    network: Literal["wifi", "cellular", "ethernet", "none"] | None = None
    signal: int | None = None


@dataclass(frozen=True)
class OutgoingText:
    """One text to one number through the SIM in slot `sim`."""

    attempt_id: str
    to: str
    text: str
    sim: int


@dataclass(frozen=True)
class Sent:
    """The radio sent all `parts` of the text."""

    parts: int = 1


@dataclass(frozen=True)
class Failed:
    """The radio did not send it, or (generic_failure, unknown) nobody can tell."""

    code: FailureCode
    reason: str


Outcome: TypeAlias = Sent | Failed


@dataclass(frozen=True)
class DeliveryReport:
    """The network's report on one part of a text that was sent; `part` counts from 1."""

    attempt_id: str
    part: int = 1
    parts: int = 1
    delivered: bool = True
    reason: str | None = None

    @property
    def summary(self) -> str:
        """For the log."""
        what = "delivered" if self.delivered else f"not delivered ({self.reason})"
        return f"{self.attempt_id} part {self.part} of {self.parts} {what}"


@dataclass(frozen=True)
class IncomingText:
    """A text that came in. `provider_key` is the same each time the radio tells of this text.

    `sim` is None where the radio does not say which of several SIM cards received it.
    """

    sender: str
    text: str
    sim: int | None
    received_at: datetime
    provider_key: str
    to: str | None = None

    @property
    def summary(self) -> str:
        """For the log, which does not get the text itself."""
        return f"a text from {self.sender} to SIM {self.sim or 'unknown'}"


RadioEvent: TypeAlias = DeliveryReport | IncomingText
EventHandler: TypeAlias = Callable[[RadioEvent], Awaitable[None]]


@dataclass(frozen=True)
class Finding:
    """One line of `agent doctor`: what is so, and, if that is not good, what to do about it."""

    is_good: bool
    text: str
    advice: str = ""


class Radio(ABC):
    """One back-end. The agent calls it from one event loop; blocking work belongs into threads."""

    kind: Literal["android", "modem", "simulated"] = "modem"  # told to the gateway when pairing
    model: str | None = None
    capabilities: tuple[str, ...] = ()  # told to the gateway in `hello`
    parallel_sends = 1  # how many calls of `send` one SIM can take at a time

    options: type[Any]  # a frozen dataclass, see agent.radios.options; becomes command-line options

    @abstractmethod
    def __init__(self, data_dir: Path, options: Any) -> None:
        """Take the options; nothing slow. Raises AgentError if the radio can never work here."""

    @abstractmethod
    async def open(self) -> None:
        """Get to know the radio before anything else is asked, within seconds.

        A modem that is unplugged is no error: it may come back, and until then `send` fails.
        """

    @classmethod
    @abstractmethod
    async def examine(cls, data_dir: Path, options: Any) -> list[Finding]:
        """For `agent doctor`: what is there and what is missing, without sending anything."""

    @abstractmethod
    async def run(self, on_event: EventHandler) -> None:
        """Tell reports and incoming texts until cancelled.

        `on_event` returns once the event is stored durably; only then may it be deleted from the
        SIM or inbox. An event that is told again (after a crash, say) is recognised and dropped.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Let go of the radio; nothing else is called afterwards."""

    @abstractmethod
    async def send(self, message: OutgoingText) -> Outcome:
        """Send one text and return when the radio has said what came of it.

        An exception means that nobody knows: the agent then asks `was_sent`.
        """

    @abstractmethod
    async def was_sent(self, attempt_id: str) -> int | None:
        """Look into the sent box: the number of parts sent, None if the text is not there."""

    @abstractmethod
    def sims(self) -> list[Sim]:
        """The SIM cards that are in, as last seen: this may not wait for the radio."""

    @abstractmethod
    def status(self) -> Status:
        """How the phone is, as last seen."""
