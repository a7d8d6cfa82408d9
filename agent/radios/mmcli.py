"""ModemManager's command line program: its calls, and what its JSON says (`man mmcli`, 1.12 on).

All values are strings, and "--" stands for "not known". A control character (U+001F) may stand in a
string as it is, so the JSON is read leniently.
"""

import json
import re
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.radios.base import Failed, FailureCode, OutgoingText
from agent.radios.programs import Answer, call

CALL_SECONDS = 30.0
SMS_PATH = re.compile(r"/org/freedesktop/ModemManager1/SMS/\d+")
WITH_TEXT_SINCE = (1, 22)  # `--messaging-create-sms-with-text`
NO_CONTACT = "cannot talk to the modem: "

# The end of a D-Bus error's name (…ModemManager1.Error.MobileEquipment.<this>), and what it proves.
FAILURES: dict[str, FailureCode] = {
    "NoNetwork": "no_service",
    "SimBusy": "no_service",
    "SimNotInserted": "no_sim",
    "SimPin": "no_sim",
    "SimPuk": "no_sim",
    "SimFailure": "no_sim",
    "SimWrong": "no_sim",
    "PhSimPin": "no_sim",
    "WrongState": "radio_off",
    "NotAllowed": "rejected",
    "NotSupported": "rejected",
    "Unsupported": "rejected",
    "Unauthorized": "rejected",
    "InvalidPduParameter": "rejected",
    "InvalidTextParameter": "rejected",
    "SmscAddressUnknown": "rejected",
    "InvalidArgs": "rejected",
}
# What the network answered instead of taking a text (3GPP TS 24.011, table 8.4): it did not leave.
CAUSE = re.compile(r"Unknown message error: (\d+)")
CAUSES: dict[int, FailureCode] = {
    1: "invalid_number",  # unassigned
    **dict.fromkeys((8, 10, 21, 27, 28, 29, 30, 50, 69), "rejected"),  # barred, not subscribed …
    **dict.fromkeys((38, 41, 42, 47), "no_service"),  # out of order, temporary, congested …
    **dict.fromkeys((95, 96, 97, 98, 99), "rejected"),  # it did not understand the message
}
UNSURE = re.compile(r"[Tt]imeout|timed out|NoReply|Aborted|Cancelled|disconnected")


class ModemError(Exception):
    """mmcli ended with an error; the text is its own."""


@dataclass(frozen=True)
class Modem:
    """One modem as ModemManager sees it. `identifier` stays the same when it is plugged again."""

    path: str
    identifier: str
    name: str
    state: str
    state_reason: str
    number: str | None
    carrier: str | None
    registration: str
    signal_percent: int | None

    @property
    def obstacle(self) -> Failed | None:
        """Why it cannot send now, None if it can."""
        if self.state == "locked":
            return Failed("no_sim", "the SIM card is locked: it asks for a PIN or PUK")
        if self.state == "failed" and "sim" in self.state_reason:
            return Failed("no_sim", f"the modem sees no usable SIM card ({self.state_reason})")
        if self.state in ("searching", "enabled") or self.registration in ("denied", "idle"):
            return Failed("no_service", f"the modem is not in a network ({self.state})")
        if self.state not in ("registered", "connecting", "connected", "disconnecting"):
            return Failed("radio_off", f"the modem is {self.state or 'in an unknown state'}")
        return None


@dataclass(frozen=True)
class Sms:
    """One SMS object. `kind` is deliver, submit, status-report …; `state` received, sent …"""

    path: str
    kind: str
    state: str
    number: str
    text: str
    timestamp: str
    reference: int
    delivery_state: str
    is_binary: bool = False  # an MMS notice, say

    @property
    def received_at(self) -> datetime:
        """When the network took it; now, if it does not say. Offsets come as +08 or +08:00."""
        try:
            moment = datetime.fromisoformat(self.timestamp)
        except ValueError:
            return datetime.now(UTC)
        return moment.astimezone(UTC)  # without an offset: this machine's time


class Mmcli:
    """Each method is one call of the program. Raises ModemError, TimeoutError, ProgramMissing."""

    def __init__(self, program: str) -> None:
        self._program = program

    async def version(self) -> tuple[int, ...]:
        """Such as (1, 20, 4)."""
        answer = await self._run("--version")
        found = re.search(r"\d+(\.\d+)+", answer.out)
        return tuple(int(number) for number in found[0].split(".")) if found else ()

    async def modems(self) -> list[Modem]:
        """All that are there; one that goes away meanwhile is left out."""
        found = []
        for path in (await self._json("-L"))["modem-list"]:
            with suppress(ModemError):
                found.append(await self.modem(path))
        return found

    async def modem(self, path: str) -> Modem:
        """Ask one modem how it is. Raises ModemError if it is gone."""
        told = (await self._json("-m", path))["modem"]
        generic, network = told["generic"], told.get("3gpp", {})
        quality = _known(generic.get("signal-quality", {}).get("value"))
        numbers = generic.get("own-numbers") or []
        carrier = _known(network.get("operator-name")) or _known(network.get("operator-code"))
        return Modem(
            path=path,
            identifier=_known(generic.get("equipment-identifier"))
            or _known(generic.get("device-identifier"))
            or path,
            name=" ".join(
                filter(None, (_known(generic.get("manufacturer")), _known(generic.get("model"))))
            ),
            state=_known(generic.get("state")),
            state_reason=_known(generic.get("state-failed-reason")),
            number=numbers[0] if numbers else None,
            carrier=carrier or None,
            registration=_known(network.get("registration-state")),
            signal_percent=int(quality) if quality.isdigit() else None,
        )

    async def enable(self, path: str) -> None:
        """Switch the radio on; ModemManager leaves it off until somebody asks."""
        await self._run("-m", path, "--enable")

    async def sms_paths(self, modem_path: str) -> list[str]:
        """The SMS objects of a modem, oldest first."""
        listed = await self._json("-m", modem_path, "--messaging-list-sms")
        paths: list[str] = listed["modem.messaging.sms"]
        return sorted(paths, key=lambda path: int(path.rpartition("/")[2]))

    async def sms(self, path: str) -> Sms:
        """Read one. Raises ModemError if it is gone."""
        told = (await self._json("-s", path))["sms"]
        content, properties = told["content"], told["properties"]
        text = content.get("text", "--")
        # A text of two dashes is shown as none is; then there is no other content either.
        is_binary = text == "--" and bool(_known(content.get("data")))
        return Sms(
            path=path,
            kind=_known(properties.get("pdu-type")),
            state=_known(properties.get("state")),
            number=_known(content.get("number")),
            text="" if is_binary else text,
            timestamp=_known(properties.get("timestamp")),
            reference=int(_known(properties.get("message-reference")) or 0),  # 0 is shown as "--"
            delivery_state=_known(properties.get("delivery-state")),
            is_binary=is_binary,
        )

    async def create(
        self, modem_path: str, message: OutgoingText, with_report: bool, folder: Path
    ) -> str:
        """Make an SMS object, which sends nothing yet; returns its path.

        The text goes through a file in `folder`, so that other users do not see it in the list of
        processes. ModemManager before 1.22 takes it from the command line only, in quotes that
        cannot be escaped.
        """
        wish = f"number='{message.to}',delivery-report-request='{'yes' if with_report else 'no'}'"
        create = ("-m", modem_path, "--messaging-create-sms")
        if await self.version() >= WITH_TEXT_SINCE:
            with tempfile.NamedTemporaryFile(dir=folder, prefix="text-") as file:  # mode 0600
                file.write(message.text.encode())
                file.flush()
                answer = await self._run(
                    "-J", *create[:2], f"{create[2]}={wish}",
                    f"--messaging-create-sms-with-text={file.name}",
                )  # fmt: skip
        else:
            quote = "'" if "'" not in message.text else '"'
            if quote in message.text:
                raise ModemError(
                    "InvalidArgs: both kinds of quotes need ModemManager 1.22 or newer"
                )
            answer = await self._run(
                *create[:2], f"{create[2]}={wish},text={quote}{message.text}{quote}"
            )
        path = SMS_PATH.search(answer.out)
        if path is None:
            raise ModemError(answer.complaint)
        return path[0]

    async def send(self, path: str, seconds: float) -> None:
        """Send an SMS object. A TimeoutError leaves open whether ModemManager still sends it."""
        wait = f"--timeout={max(1, int(seconds))}"
        await self._run("-s", path, "--send", wait, seconds=seconds + 1)

    async def delete(self, modem_path: str, path: str) -> None:
        """Remove an SMS object, from the SIM card too."""
        await self._run("-m", modem_path, f"--messaging-delete-sms={path}")

    async def _json(self, *arguments: str) -> Any:
        answer = await self._run("-J", *arguments)
        try:
            return json.loads(answer.out, strict=False)
        except ValueError:
            raise ModemError(f"mmcli did not answer in JSON: {answer.complaint}") from None

    async def _run(self, *arguments: str, seconds: float = CALL_SECONDS) -> Answer:
        answer = await call(self._program, *arguments, seconds=seconds)
        if answer.code != 0:
            raise ModemError(answer.complaint)
        return answer


def failure_of(complaint: str, is_handed: bool) -> Failed:
    """What an error of mmcli says about a text; `is_handed`: it came from the sending itself.

    Before that, everything proves "not sent". After it, only what the modem knows for sure does.
    """
    name = re.search(r"Error\.(?:\w+\.)*(\w+)", complaint)
    reason = f"ModemManager: {complaint}"
    if name and name[1] in FAILURES:
        return Failed(FAILURES[name[1]], reason)
    if (cause := CAUSE.search(complaint)) and int(cause[1]) in CAUSES:
        return Failed(CAUSES[int(cause[1])], reason)
    if complaint.startswith("InvalidArgs"):
        return Failed("rejected", reason)
    if not is_handed or "modem not enabled" in complaint:
        return Failed("radio_off", reason)
    return Failed("unknown" if UNSURE.search(complaint) else "generic_failure", reason)


def _known(value: str | None) -> str:
    return "" if value is None or value == "--" else value
