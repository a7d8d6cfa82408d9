"""What libgammu is asked, and what it says: all that blocks, to be run in one thread.

libgammu drives modems and old phones over a serial port (https://wammu.eu/docs/manual/).
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gammu

from agent.errors import AgentError
from agent.radios.base import Failed, FailureCode, OutgoingText, Sim, Status
from agent.radios.segments import fits_gsm7
from agent.radios.worker import NotConnected

READ_SECONDS = 15.0  # a look has more, but for all that it does
MAX_IN_MEMORY = 2000  # of SIM and phone; ends a phone that counts for ever
NO_ENTRY = (gammu.ERR_EMPTY, gammu.ERR_INVALIDLOCATION)
# The line to the modem is lost. In the middle of a send that leaves open what became of it.
LOST = (
    gammu.ERR_TIMEOUT,
    gammu.ERR_NOTCONNECTED,
    *(getattr(gammu, name) for name in dir(gammu) if name.startswith("ERR_DEVICE")),
)

# What an error proves about a text that was handed over; all others leave it open.
FAILURES: dict[type[Exception], FailureCode] = {
    gammu.ERR_NOSIM: "no_sim",
    gammu.ERR_SECURITYERROR: "no_sim",  # PIN needed
    gammu.ERR_NOSERVICE: "no_service",
    gammu.ERR_PHONEOFF: "radio_off",
    gammu.ERR_GETTING_SMSC: "rejected",
    gammu.ERR_EMPTYSMSC: "rejected",
    gammu.ERR_NOTSUPPORTED: "rejected",
    gammu.ERR_INVALIDDATA: "rejected",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Config:
    """Where gammu's own configuration is: "" looks in the usual places, section 0 is [gammu]."""

    path: str
    section: int = 0

    def read(self) -> Any:
        """A state machine that is not connected yet. Raises AgentError."""
        machine = gammu.StateMachine()
        try:
            if self.path:
                machine.ReadConfig(self.section, 0, str(Path(self.path).expanduser()))
            else:
                machine.ReadConfig(self.section)
        except gammu.GSMError as error:
            where = self.path or "~/.gammurc or /etc/gammurc"
            raise AgentError(
                f"Cannot read section {self.section} of gammu's configuration {where}: "
                f"{explain(error)}"
            ) from error
        return machine


@dataclass
class Phone:
    """A connected modem; `pushed` are messages that it told by itself and did not store."""

    machine: Any
    pushed: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Look:
    """One look at the modem: the messages in its inboxes, linked to texts, and how it is.

    Each text is its parts in order, as python-gammu's dictionaries.
    """

    texts: list[list[dict[str, Any]]]
    pushed: list[dict[str, Any]]
    sim: Sim
    status: Status
    model: str


def connect(config: Config) -> Phone:
    """Open the port and greet the modem; takes seconds. Raises gammu.GSMError, AgentError."""
    machine = config.read()
    machine.Init()
    phone = Phone(machine)

    def take(_: Any, kind: str, message: Any) -> None:
        if kind == "SMS" and isinstance(message, dict) and message.get("Number"):
            phone.pushed.append(message)

    with suppress(gammu.GSMError):  # most modems send status reports only to who asks for them
        machine.SetIncomingCallback(take)
        machine.SetIncomingSMS(True)
    return phone


def is_broken(error: Exception) -> bool:
    """Does the connection have to be made anew? After answers like "no such entry" it has not."""
    return isinstance(error, LOST) or not isinstance(error, gammu.GSMError)


def explain(error: Exception) -> str:
    """gammu's words and the name of its error."""
    if isinstance(error, NotConnected) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    details = error.args[0] if error.args else ""
    if isinstance(details, dict):
        return f"{details.get('Text', '').rstrip('.')} ({type(error).__name__})"
    return str(error) or type(error).__name__


def failure_of(error: Exception) -> Failed:
    """What an error at sending one part says about it."""
    reason = f"gammu: {explain(error)}"
    if isinstance(error, NotConnected):
        return Failed("radio_off", reason)
    if is_broken(error):
        return Failed("unknown", reason)
    code = next((code for kind, code in FAILURES.items() if isinstance(error, kind)), None)
    return Failed(code or "generic_failure", reason)


def encode(message: OutgoingText, with_report: bool) -> list[dict[str, Any]]:
    """The parts of a text, ready for SendSMS.

    gammu numbers long texts by the clock, so two in one second would get the same number, and a
    phone that receives both mixes their parts: the number is made from the attempt instead.
    """
    is_unicode = not fits_gsm7(message.text)
    entry = {"ID": "ConcatenatedTextLong", "Buffer": message.text}
    parts: list[dict[str, Any]] = gammu.EncodeSMS(
        {"Class": -1, "Unicode": is_unicode, "Entries": [entry]}
    )
    number = sum(message.attempt_id.encode()) * 31 % 256
    for index, part in enumerate(parts, start=1):
        part["SMSC"] = {"Location": 1}  # the one on the SIM card
        part["Number"] = message.to
        part["Type"] = "Status_Report" if with_report else "Submit"
        if len(parts) > 1:
            part["UDH"]["ID8bit"] = number
            part["UDH"]["Text"] = bytes((5, 0, 3, number, len(parts), index))
    return parts


def send_part(part: dict[str, Any]) -> Callable[[Phone], int]:
    """Work for the thread: send it and return the reference that the modem gave it."""

    def work(phone: Phone) -> int:
        return int(phone.machine.SendSMS(part))

    return work


def keep_copy(part: dict[str, Any]) -> Callable[[Phone], None]:
    """Work for the thread: put a sent part into the modem's own folder of sent messages."""

    def work(phone: Phone) -> None:
        phone.machine.AddSMS({**part, "Type": "Submit", "State": "Sent", "Folder": 2})

    return work


def delete(parts: list[dict[str, Any]]) -> Callable[[Phone], None]:
    """Work for the thread: remove the parts of one text."""

    def work(phone: Phone) -> None:
        for part in parts:
            with suppress(*NO_ENTRY):
                phone.machine.DeleteSMS(0, part["Location"])

    return work


def look(phone: Phone) -> Look:
    """Work for the thread: read everything."""
    with suppress(gammu.GSMError):
        phone.machine.ReadDevice(False)  # lets the modem say what it wants to say
    singles = [message for message in _all_messages(phone.machine) if _is_received(message[0])]
    linked = gammu.LinkSMS(singles) if singles else []
    pushed, phone.pushed = phone.pushed, []
    return Look(
        texts=[_in_order(parts) for parts in linked],
        pushed=pushed,
        sim=_sim(phone.machine),
        status=_status(phone.machine),
        model=" ".join(filter(None, (_ask(phone.machine.GetManufacturer), _model(phone.machine)))),
    )


def lock_of(phone: Phone) -> str | None:
    """Work for the thread: what the SIM card asks for, such as "PIN"; None if nothing."""
    lock: str | None = _ask(phone.machine.GetSecurityStatus)
    return lock


def moment(value: datetime | None) -> datetime:
    """A time of gammu; without an offset it is this machine's. Now, if the modem has none."""
    return value.astimezone(UTC) if value else datetime.now(UTC)


def _all_messages(machine: Any) -> list[list[dict[str, Any]]]:
    """What can be read in a while; the rest comes when these are told and deleted."""
    found: list[list[dict[str, Any]]] = []
    deadline = time.monotonic() + READ_SECONDS
    try:
        message = machine.GetNextSMS(Folder=0, Start=True)
        while len(found) < MAX_IN_MEMORY and time.monotonic() < deadline:
            found.append(message)
            message = machine.GetNextSMS(Folder=0, Location=message[0]["Location"])
    except gammu.ERR_EMPTY:
        pass
    except gammu.GSMError:
        if not found:  # else one that cannot be read does not hold up those before it
            raise
    return found


def _is_received(message: dict[str, Any]) -> bool:
    """Not a copy of something sent: those have the type Status_Report as well."""
    return bool(message["InboxFolder"]) and message["Type"] in ("Deliver", "Status_Report")


def _in_order(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(parts, key=lambda part: part["UDH"]["PartNumber"])


def _sim(machine: Any) -> Sim:
    network = _ask(machine.GetNetworkInfo) or {}
    carrier = network.get("NetworkName") or network.get("NetworkCode")
    entries = (_ask(machine.GetMemory, "ON", 1) or {}).get("Entries", [])
    numbers = [e["Value"] for e in entries if e["Type"].startswith("Number_") and e.get("Value")]
    return Sim(1, numbers[0] if numbers else None, carrier or None)


def _status(machine: Any) -> Status:
    percent = (_ask(machine.GetSignalQuality) or {}).get("SignalPercent", -1)
    battery = _ask(machine.GetBatteryCharge) or {}
    state = battery.get("ChargeState", "BatteryNotConnected")
    level = battery.get("BatteryPercent", -1)
    has_battery = state != "BatteryNotConnected" and 0 <= level <= 100
    return Status(
        battery=level if has_battery else None,
        charging=state != "BatteryPowered" if has_battery else None,
        signal=min(4, round(percent / 25)) if percent >= 0 else None,
    )


def _model(machine: Any) -> str | None:
    model = _ask(machine.GetModel)
    return model[1] if model else None


def _ask(question: Callable[..., Any], *arguments: Any) -> Any:
    """None where the modem does not know this question."""
    try:
        return question(*arguments)
    except gammu.GSMError as error:
        if is_broken(error):
            raise
        return None
