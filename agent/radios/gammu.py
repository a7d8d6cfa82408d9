"""A modem or old phone on a serial port, through libgammu: one SIM slot.

Each call of libgammu blocks and none may run beside another, so all go through one thread.
"""

import asyncio
import hashlib
import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agent import crash
from agent.errors import AgentError
from agent.radios.base import (
    NUMBER,
    EventHandler,
    Failed,
    Finding,
    IncomingText,
    Outcome,
    OutgoingText,
    Radio,
    Sent,
    Sim,
    Status,
)
from agent.radios.handed import HandedTexts
from agent.radios.options import option
from agent.radios.reports import verdict_of
from agent.radios.worker import NotBegun, Worker

try:
    from agent.radios import gammu_findings, gammu_phone
    from agent.radios.gammu_phone import Look, Phone
except ImportError as error:  # the library is an extra
    raise AgentError(
        "The radio gammu needs python-gammu: pip install 'sms-gateway-agent[gammu]' "
        f"or pip install python-gammu ({error})."
    ) from error

OPEN_SECONDS = 20.0
PARTS_PATIENCE_SECONDS = 900.0  # then a long text is told without the parts that never came
GAP = "[…]"  # in their place

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GammuOptions:
    """Where gammu's configuration is, and how to use the modem."""

    gammu_config: str = option("", "gammu's configuration file, else ~/.gammurc or /etc/gammurc")
    gammu_section: int = option(0, "its section: 0 is [gammu], 1 is [gammu1] …")
    poll_seconds: float = option(5.0, "how often to look for texts and delivery reports")
    send_seconds: float = option(90.0, "how long the modem may take for one text")
    answer_seconds: float = option(60.0, "how long it may take for anything else")
    delivery_reports: bool = option(True, "ask the network for delivery reports")
    keep_copies: bool = option(False, "keep what was sent in the modem's own folder as well")


class GammuRadio(Radio):
    """See the module's docstring."""

    kind = "modem"
    options = GammuOptions

    def __init__(self, data_dir: Path, options: GammuOptions = GammuOptions()) -> None:
        self._options = options
        config = gammu_phone.Config(options.gammu_config, options.gammu_section)
        config.read()
        self._modem: Worker[Phone] = Worker(
            lambda: gammu_phone.connect(config), gammu_phone.is_broken
        )
        self._handed = HandedTexts(data_dir)
        self._sim, self._status = Sim(1), Status()
        self._incomplete_since: dict[str, float] = {}  # by key, on the monotonic clock
        self._trouble = ""
        if options.delivery_reports:
            self.capabilities = ("delivery_reports",)

    @classmethod
    async def examine(cls, data_dir: Path, options: GammuOptions) -> list[Finding]:
        """Read the configuration, open the port, ask SIM card and network."""
        config = gammu_phone.Config(options.gammu_config, options.gammu_section)
        return await asyncio.to_thread(gammu_findings.findings_on, config)

    async def open(self) -> None:
        """Connect, if the modem is there."""
        await self._look(min(OPEN_SECONDS, self._options.answer_seconds))

    async def aclose(self) -> None:
        """Let go of the port and the file."""
        self._modem.close()
        await self._handed.aclose()

    def sims(self) -> list[Sim]:
        """The one SIM card."""
        return [self._sim]

    def status(self) -> Status:
        """As at the last look."""
        return self._status

    # Sending

    async def send(self, message: OutgoingText) -> Outcome:
        """Send part by part; each part's reference is on the disk before the next one leaves."""
        if message.sim != 1:
            return Failed("no_sim", "a modem has one SIM card, in slot 1")
        if not NUMBER.fullmatch(message.to):
            return Failed("invalid_number", f"{message.to!r} is not a phone number")
        parts = gammu_phone.encode(message, self._options.delivery_reports)
        await self._handed.write(self._handed.begin, message, len(parts))
        deadline = time.monotonic() + self._options.send_seconds
        for index, part in enumerate(parts, start=1):
            if failed := await self._send_part(message, index, part, deadline):
                if index == 1 or failed.code == "unknown":
                    return failed
                left = f"{index - 1} of {len(parts)} parts left"
                return Failed("generic_failure", f"{left}, then: {failed.reason}")
        return Sent(len(parts))

    async def _send_part(
        self, message: OutgoingText, index: int, part: dict[str, Any], deadline: float
    ) -> Failed | None:
        seconds = deadline - time.monotonic()
        if seconds <= 0:
            return Failed("no_service", "no time was left for this part")
        try:
            reference = await self._modem.call(gammu_phone.send_part(part), seconds)
        except NotBegun as error:
            return Failed("no_service", str(error))
        except TimeoutError as error:
            return Failed("unknown", str(error))
        except Exception as error:  # whatever libgammu says; it has one error for each case
            return gammu_phone.failure_of(error)
        crash.reach("handed_over")
        await self._handed.write(self._handed.confirm, message.attempt_id, index, reference)
        if self._options.keep_copies:
            await self._keep_copy(part)
        return None

    async def _keep_copy(self, part: dict[str, Any]) -> None:
        try:
            await self._modem.call(gammu_phone.keep_copy(part), self._options.answer_seconds)
        except Exception as error:  # a full folder must not make a sent text fail
            log.warning("No copy was kept: %s", gammu_phone.explain(error))

    async def was_sent(self, attempt_id: str) -> int | None:
        """The modem keeps no list; what it confirmed part by part is in the own file."""
        return await self._handed.read(self._handed.parts_sent, attempt_id)

    # Receiving

    async def run(self, on_event: EventHandler) -> None:
        """Look again and again; a modem that is unplugged may come back."""
        while True:
            if look := await self._look(self._options.answer_seconds):
                for message in look.pushed:
                    if message["Type"] == "Status_Report":
                        await self._take_report([message], on_event, is_stored=False)
                for parts in look.texts:
                    await self._take(parts, on_event)
            await asyncio.sleep(self._options.poll_seconds)

    async def _look(self, seconds: float) -> Look | None:
        try:
            look = await self._modem.call(gammu_phone.look, seconds)
        except Exception as error:  # the same trouble is told once, and the next look tries again
            trouble = gammu_phone.explain(error)
            if trouble != self._trouble:
                log.warning("The modem cannot be asked: %s", trouble)
            self._trouble, self._status = trouble, Status()
            return None
        if self._trouble:
            log.info("The modem answers again")
        self._trouble = ""
        self._sim, self._status, self.model = look.sim, look.status, look.model or self.model
        return look

    async def _take(self, parts: list[dict[str, Any]], on_event: EventHandler) -> None:
        first = parts[0]
        if first["Type"] == "Status_Report":
            await self._take_report(parts, on_event, is_stored=True)
        elif first["Coding"] == "8bit":
            log.warning("Dropped a message without text from %s (an MMS notice?)", first["Number"])
            await self._delete(parts)
        elif self._is_complete(parts):
            await on_event(self._incoming(parts))
            self._incomplete_since.pop(_key(parts[:1]), None)
            await self._delete(parts)

    def _is_complete(self, parts: list[dict[str, Any]]) -> bool:
        if len(parts) >= parts[0]["UDH"]["AllParts"]:  # -1 for a text of one part
            return True
        since = self._incomplete_since.setdefault(_key(parts[:1]), time.monotonic())
        return time.monotonic() - since >= PARTS_PATIENCE_SECONDS

    def _incoming(self, parts: list[dict[str, Any]]) -> IncomingText:
        texts = {part["UDH"]["PartNumber"]: part["Text"] for part in parts}
        count = parts[0]["UDH"]["AllParts"]
        whole = "".join(texts.get(n, GAP) for n in range(1, count + 1))
        return IncomingText(
            sender=parts[0]["Number"] or "unknown",
            text=whole if count > 1 else parts[0]["Text"],
            sim=1,
            received_at=gammu_phone.moment(parts[0]["DateTime"]),
            provider_key=_key(parts),
            to=self._sim.number,
        )

    async def _take_report(
        self, parts: list[dict[str, Any]], on_event: EventHandler, is_stored: bool
    ) -> None:
        message = parts[0]
        verdict = verdict_of(message["DeliveryStatus"])
        reference, number = message["MessageReference"], message["Number"]
        report = await self._handed.read(self._handed.match, 1, reference, number)
        is_told = report is not None and verdict != "waiting"
        if report is not None and is_told:
            reason = f"the network's status is 0x{message['DeliveryStatus']:02x}"
            is_good = verdict == "delivered"
            await on_event(replace(report, delivered=is_good, reason=None if is_good else reason))
        if is_stored:
            await self._delete(parts)
        if report is not None and is_told:
            await self._handed.write(self._handed.mark_reported, report)

    async def _delete(self, parts: list[dict[str, Any]]) -> None:
        try:
            await self._modem.call(gammu_phone.delete(parts), self._options.answer_seconds)
        except Exception as error:  # told again at the next look, and then recognised
            log.warning("A message was not deleted: %s", gammu_phone.explain(error))


def _key(parts: list[dict[str, Any]]) -> str:
    """The same whenever this text is read: from what the network said, not where it is stored.

    Only without the network's time the place has to tell two equal texts apart.
    """
    content = [
        (part["Number"], str(part["DateTime"] or part["Location"]), part["Text"]) for part in parts
    ]
    return "gammu-" + hashlib.sha256(repr(content).encode(errors="replace")).hexdigest()[:32]
