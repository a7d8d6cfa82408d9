"""Modems that ModemManager looks after, through its program `mmcli`: one modem is one SIM slot."""

import asyncio
import hashlib
import logging
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from agent import crash
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
from agent.radios.handed import Handed, HandedTexts, is_same_number
from agent.radios.mmcli import Mmcli, Modem, ModemError, Sms, failure_of
from agent.radios.modem_findings import findings_on
from agent.radios.options import option
from agent.radios.programs import ProgramMissing
from agent.radios.reports import verdict_of_word
from agent.radios.segments import count_segments

OLD_SECONDS = 600.0  # by then a sent text has long been reported, and its SMS object may go

log = logging.getLogger(__name__)
Trouble = (ModemError, ProgramMissing, TimeoutError)


@dataclass(frozen=True)
class ModemManagerOptions:
    """How to use ModemManager."""

    mmcli: str = option("mmcli", "ModemManager's program")
    poll_seconds: float = option(5.0, "how often to look for texts and delivery reports")
    send_seconds: float = option(90.0, "how long a modem may take for one text")
    delivery_reports: bool = option(True, "ask the network for delivery reports")
    sent_box_seconds: float = option(15.0, "after a crash, how long to wait for a text's end")


class ModemManagerRadio(Radio):
    """Slots are given to modems when they are first seen, and kept (by IMEI) for ever."""

    kind = "modem"
    options = ModemManagerOptions

    def __init__(
        self, data_dir: Path, options: ModemManagerOptions = ModemManagerOptions()
    ) -> None:
        self._options = options
        self._data_dir = data_dir
        self._mmcli = Mmcli(options.mmcli)
        self._handed = HandedTexts(data_dir)
        self._modems: dict[int, Modem] = {}  # by slot
        self._troubles: dict[str, str] = {}
        self._sending: Counter[int] = Counter()  # texts that are leaving, by slot
        if options.delivery_reports:
            self.capabilities = ("delivery_reports",)

    @classmethod
    async def examine(cls, data_dir: Path, options: ModemManagerOptions) -> list[Finding]:
        """Ask for the modems, and each how it is."""
        return await findings_on(options.mmcli)

    async def open(self) -> None:
        """See which modems are there."""
        await self._look_at_modems()

    async def aclose(self) -> None:
        """Close the own file; ModemManager keeps the modems."""
        await self._handed.aclose()

    def sims(self) -> list[Sim]:
        """One for each modem that is plugged in."""
        return [Sim(slot, m.number, m.carrier) for slot, m in sorted(self._modems.items())]

    def status(self) -> Status:
        """The best modem's signal; a modem has no battery."""
        known = [m.signal_percent for m in self._modems.values() if m.signal_percent is not None]
        return Status(signal=min(4, round(max(known) / 25)) if known else None)

    # Sending

    async def send(self, message: OutgoingText) -> Outcome:
        """Create, remember, send. An error before the sending proves that nothing left."""
        if not NUMBER.fullmatch(message.to):
            return Failed("invalid_number", f"{message.to!r} is not a phone number")
        modem = self._modems.get(message.sim)
        try:
            if modem is None:
                await self._look_at_modems()
                modem = self._modems.get(message.sim)
            if modem is None:
                return Failed("radio_off", f"no modem is plugged in as slot {message.sim}")
            modem = await self._mmcli.modem(modem.path)
            if modem.obstacle:
                return modem.obstacle
            path = await self._mmcli.create(
                modem.path, message, self._options.delivery_reports, self._data_dir
            )
        except Trouble as error:
            return failure_of(str(error), is_handed=False)
        parts = count_segments(message.text)
        await self._handed.write(self._handed.begin, message, parts, path)
        self._sending[message.sim] += 1
        try:
            return await self._submit(message, modem, path, parts)
        finally:
            self._sending[message.sim] -= 1

    async def _submit(self, message: OutgoingText, modem: Modem, path: str, parts: int) -> Outcome:
        try:
            await self._mmcli.send(path, self._options.send_seconds)
        except ModemError as error:
            failed = failure_of(str(error), is_handed=True)
            if failed.code == "unknown":
                raise  # the object may still become "sent": was_sent looks
            with suppress(*Trouble):
                await self._mmcli.delete(modem.path, path)
            if parts > 1:  # the first parts may have left
                return Failed("generic_failure", failed.reason)
            return failed
        crash.reach("handed_over")
        with suppress(*Trouble):  # it is sent; without its reference only the report is lost
            await self._note_references(message.attempt_id, await self._mmcli.sms(path), parts)
        return Sent(parts)

    async def _note_references(self, attempt_id: str, sms: Sms, parts: int) -> None:
        """ModemManager tells the last part's only; the SIM counts up by one from part to part."""
        for part in range(1, parts + 1):
            reference = (sms.reference - (parts - part)) % 256
            await self._handed.write(self._handed.confirm, attempt_id, part, reference)

    async def was_sent(self, attempt_id: str) -> int | None:
        """Ask for the SMS object that was made for it; "sent" proves that all parts left.

        Any other state proves nothing as long as ModemManager may still be sending, so this waits a
        while for it. After a restart of ModemManager the object is gone, and nobody knows.
        """
        handed = await self._handed.read(self._handed.find, attempt_id)
        if handed is None:
            return None
        deadline = time.monotonic() + self._options.sent_box_seconds
        while True:
            try:
                sms = await self._mmcli.sms(handed.handle)
            except Trouble:
                return None
            if sms.kind != "submit" or sms.text != handed.text:
                return None  # another text has got its path since
            if not is_same_number(sms.number, handed.recipient):
                return None
            if sms.state == "sent":
                await self._note_references(attempt_id, sms, handed.parts)
                return handed.parts
            if time.monotonic() >= deadline:
                return None
            await asyncio.sleep(0.5)

    # Receiving

    async def run(self, on_event: EventHandler) -> None:
        """Look at all modems again and again; one that breaks off does not stop the others."""
        while True:
            await self._look_at_modems()
            for slot, modem in sorted(self._modems.items()):
                trouble = await self._take_all(slot, modem, on_event)
                self._tell_trouble(f"Texts of {modem.name or modem.path}", trouble)
            await asyncio.sleep(self._options.poll_seconds)

    async def _take_all(self, slot: int, modem: Modem, on_event: EventHandler) -> str:
        """Take what is on one modem; returns the last trouble. One text does not stop the next."""
        trouble = ""
        try:
            paths = await self._mmcli.sms_paths(modem.path)
        except Trouble as error:
            return str(error)
        for path in paths:
            try:
                await self._take(await self._mmcli.sms(path), slot, modem, on_event)
            except Trouble as error:
                trouble = str(error)
        return trouble

    async def _take(self, sms: Sms, slot: int, modem: Modem, on_event: EventHandler) -> None:
        """Store what came in, then delete it: a full SIM card receives nothing more."""
        if sms.kind == "submit":
            handed = await self._handed.read(self._handed.find_handle, sms.path)
            if handed and _is_over(sms, handed):
                await self._mmcli.delete(modem.path, sms.path)
        elif sms.state != "received":
            return  # parts are still coming
        elif sms.kind == "status-report":
            await self._take_report(sms, slot, modem, on_event)
        elif sms.kind in ("deliver", "cdma-deliver"):
            if sms.is_binary:
                log.warning("Dropped a message without text from %s (an MMS notice?)", sms.number)
            else:
                await on_event(_incoming(sms, slot, modem))
            await self._mmcli.delete(modem.path, sms.path)

    async def _take_report(self, sms: Sms, slot: int, modem: Modem, on_event: EventHandler) -> None:
        if self._sending[slot]:
            return  # it may be on a part whose reference is not known yet: at the next look
        verdict = verdict_of_word(sms.delivery_state)
        report = await self._handed.read(self._handed.match, slot, sms.reference, sms.number)
        if report and verdict != "waiting":
            reason = None if verdict == "delivered" else f"the network says {sms.delivery_state}"
            await on_event(replace(report, delivered=verdict == "delivered", reason=reason))
        await self._mmcli.delete(modem.path, sms.path)
        if report and verdict != "waiting":
            await self._handed.write(self._handed.mark_reported, report)

    async def _look_at_modems(self) -> None:
        try:
            modems = await self._mmcli.modems()
        except Trouble as error:
            self._tell_trouble("ModemManager", str(error))
            if not isinstance(error, ModemError):
                return  # mmcli itself hangs or is gone: keep what was known
            modems = []
        else:
            self._tell_trouble("ModemManager", "" if modems else "it sees no modem")
        self._modems = {
            await self._handed.write(self._handed.slot_of, m.identifier): m for m in modems
        }
        for modem in modems:
            if modem.state == "disabled":
                await self._switch_on(modem)
        names = {modem.name for modem in modems if modem.name}
        self.model = ", ".join(sorted(names)) or self.model

    async def _switch_on(self, modem: Modem) -> None:
        try:
            await self._mmcli.enable(modem.path)
        except Trouble as error:
            self._tell_trouble(f"Switching on {modem.name or modem.path}", str(error))

    def _tell_trouble(self, what: str, trouble: str) -> None:
        """Once, not with every look."""
        if trouble and trouble != self._troubles.get(what):
            log.warning("%s: %s", what, trouble)
        self._troubles[what] = trouble


def _is_over(sms: Sms, handed: Handed) -> bool:
    return sms.state == "sent" and time.time() - handed.handed_at > OLD_SECONDS


def _incoming(sms: Sms, slot: int, modem: Modem) -> IncomingText:
    """The key is made from what stays: paths change whenever ModemManager starts.

    Only without the network's time the path has to tell two equal texts apart.
    """
    moment = sms.timestamp or sms.path
    content = "\0".join((modem.identifier, sms.number, moment, sms.text))
    return IncomingText(
        sender=sms.number or "unknown",
        text=sms.text,
        sim=slot,
        received_at=sms.received_at,
        provider_key="mm-" + hashlib.sha256(content.encode(errors="replace")).hexdigest()[:32],
        to=modem.number,
    )
