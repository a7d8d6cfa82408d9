"""The Android phone on which the agent itself runs, through Termux:API.

Android says neither whether it sent a text nor whether it was delivered: "sent" means here that the
text was handed over to Android, and `delivered` never comes (no `delivery_reports` capability).
"""

import asyncio
import logging
import time
from dataclasses import dataclass
from pathlib import Path

from agent import crash
from agent.radios import termux_api
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
from agent.radios.options import option
from agent.radios.programs import ProgramMissing
from agent.radios.termux_api import Row, TermuxError
from agent.radios.termux_findings import findings_on
from agent.radios.termux_inbox import TermuxInbox

STATUS_SECONDS = 60.0

log = logging.getLogger(__name__)
Trouble = (TermuxError, ProgramMissing, TimeoutError)


@dataclass(frozen=True)
class TermuxOptions:
    """How to use the phone."""

    sims: int = option(1, "number of SIM cards; with one, Android's default for SMS is used")
    poll_seconds: float = option(10.0, "how often to look into the inbox")
    send_seconds: float = option(30.0, "how long Android may take to accept one text")


class TermuxRadio(Radio):
    """See the module's docstring."""

    kind = "android"
    model = "Android phone with Termux"
    options = TermuxOptions

    def __init__(self, data_dir: Path, options: TermuxOptions = TermuxOptions()) -> None:
        self._options = options
        self._inbox = TermuxInbox(data_dir)
        self._carrier: str | None = None
        self._status = Status()
        self._status_at = float("-inf")
        self._trouble = ""

    @classmethod
    async def examine(cls, data_dir: Path, options: TermuxOptions) -> list[Finding]:
        """Call each program once, except the one that sends."""
        return await findings_on()

    async def open(self) -> None:
        """Ask for the carrier's name and the battery."""
        try:
            told = await termux_api.telephony()
            self._carrier = told.get("sim_operator_name") or told.get("network_operator_name")
        except Trouble as error:  # only nice to have, and needs a permission of its own
            log.info("The carrier's name is not known: %s", error)
        await self._refresh_status()

    async def aclose(self) -> None:
        """Close the own file."""
        await self._inbox.aclose()

    def sims(self) -> list[Sim]:
        """As many as asked for; Android's name of the carrier is that of the default one."""
        slots = range(1, self._options.sims + 1)
        return [Sim(slot, carrier=(self._carrier or None) if slot == 1 else None) for slot in slots]

    def status(self) -> Status:
        """The battery, as asked for within the last minute or so."""
        return self._status

    async def send(self, message: OutgoingText) -> Outcome:
        """Hand it over. With an answer in time, that is all that can be known."""
        if message.sim > self._options.sims:
            return Failed("no_sim", f"there is no SIM in slot {message.sim}; see --sims")
        if not NUMBER.fullmatch(message.to):
            return Failed("invalid_number", f"{message.to!r} is not a phone number")
        if not message.text.strip():
            return Failed("rejected", "Android sends no empty text")
        slot = message.sim - 1 if self._options.sims > 1 else None  # Android counts from 0
        try:
            await termux_api.send(message.to, message.text, slot, self._options.send_seconds)
        except ProgramMissing as error:
            return Failed("radio_off", str(error))
        except TermuxError as error:
            may_not = "permission" in str(error)
            return Failed("no_permission" if may_not else "generic_failure", f"Termux:API: {error}")
        crash.reach("handed_over")
        return Sent()

    async def was_sent(self, attempt_id: str) -> int | None:
        """None. Android's sent box knows no attempts, and an equal text in it proves nothing."""
        return None

    async def run(self, on_event: EventHandler) -> None:
        """Look into the inbox again and again; the texts stay in it, they are the owner's."""
        while True:
            try:
                await self._refresh_status()
                for row in await self._inbox.new_rows():
                    await on_event(self._incoming(row))
                    await self._inbox.take(row)
                self._trouble = ""
            except Trouble as error:
                if str(error) != self._trouble:
                    log.warning("The inbox cannot be read: %s", error)
                self._trouble = str(error)
            await asyncio.sleep(self._options.poll_seconds)

    async def _refresh_status(self) -> None:
        if time.monotonic() - self._status_at < STATUS_SECONDS:
            return
        self._status_at = time.monotonic()
        try:
            self._status = await termux_api.status()
        except Trouble:
            self._status = Status()

    def _incoming(self, row: Row) -> IncomingText:
        moment = row.received_at
        return IncomingText(
            sender=row.sender or "unknown",
            text=row.text,
            sim=1 if self._options.sims == 1 else None,  # Termux:API does not tell which
            received_at=moment,
            provider_key=f"termux-{row.id}-{int(moment.timestamp())}",
        )
