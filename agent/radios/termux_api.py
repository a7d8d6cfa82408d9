"""The programs of Termux:API: one call each, and what their JSON says.

A missing permission is told as {"error": "Please grant …"} with exit code 0; without the app
Termux:API the programs wait for ever.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agent.radios.base import Status
from agent.radios.programs import Answer, call

CALL_SECONDS = 20.0


class TermuxError(Exception):
    """Termux:API refused; the text is its own."""


@dataclass(frozen=True)
class Row:
    """One text in Android's inbox. `received` is the phone's local time, without a zone."""

    id: int
    sender: str
    text: str
    received: str

    @property
    def received_at(self) -> datetime:
        """When the phone received it; now, if it does not say."""
        try:
            return datetime.fromisoformat(self.received).astimezone(UTC)
        except ValueError:
            return datetime.now(UTC)


async def send(number: str, text: str, slot: int | None, seconds: float) -> None:
    """Hand one text to Android, through the SIM in `slot` (from 0) or the default one.

    The text goes through standard input: as an argument the shell script would echo it, and its
    `echo` reads backslashes and a leading -n in its own way. Raises TermuxError if Android did
    certainly not get it, TimeoutError if nobody knows.
    """
    which = () if slot is None else ("-s", str(slot))
    answer = await call("termux-sms-send", "-n", number, *which, stdin=text, seconds=seconds)
    if answer.out.strip() or answer.code != 0:  # it says nothing when all is well
        raise TermuxError(_error_in(answer) or answer.complaint)


async def inbox(limit: int, offset: int) -> list[Row]:
    """A page of the inbox, the newest page first, by options that old versions know too."""
    page = ("-l", str(limit), "-o", str(offset))
    rows = await _json("termux-sms-list", "-t", "inbox", *page)
    return [
        Row(int(row["_id"]), row.get("number") or "", row.get("body") or "", row["received"])
        for row in rows
        if row.get("type", "inbox") == "inbox"
    ]


async def status() -> Status:
    """The battery."""
    told = await _json("termux-battery-status")
    level = told.get("percentage")
    return Status(
        battery=level if isinstance(level, int) and 0 <= level <= 100 else None,
        charging=told.get("plugged", "UNPLUGGED") != "UNPLUGGED",
    )


async def telephony() -> dict[str, Any]:
    """What `termux-telephony-deviceinfo` says: sim_state, sim_operator_name, network_type …

    (`termux-telephony-cellinfo` would give the signal, but wants to know where the phone is.)
    """
    told: dict[str, Any] = await _json("termux-telephony-deviceinfo")
    return told


async def _json(*command: str) -> Any:
    answer = await call(*command, seconds=CALL_SECONDS)
    if error := _error_in(answer):
        raise TermuxError(error)
    try:
        return json.loads(answer.out, strict=False)
    except ValueError:
        raise TermuxError(f"{command[0]} did not answer in JSON: {answer.complaint}") from None


def _error_in(answer: Answer) -> str | None:
    try:
        told = json.loads(answer.out, strict=False)
    except ValueError:
        return None
    error = told.get("error") or told.get("API_ERROR") if isinstance(told, dict) else None
    return str(error) if error else None
