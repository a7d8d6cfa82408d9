"""`agent doctor`: what is there, what is missing, and what to do about it. Sends nothing."""

import asyncio
import sqlite3
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from pathlib import Path
from typing import TextIO, TypeAlias

from agent import __version__, identity, journal
from agent.errors import AgentError
from agent.http_line import HttpTransport
from agent.identity import Identity
from agent.line import Closed, NoLine
from agent.radios.base import Finding
from agent.socket_line import SocketTransport

TIMEOUT_SECONDS = 10.0
REFUSAL_SECONDS = 2.0  # a socket that will be refused is closed at once
MAX_SKEW_SECONDS = 120.0
PAIR_AGAIN = "Pair again, with a new code from the gateway."
SET_CLOCK = "Set the clock: sudo timedatectl set-ntp true; on a phone: automatic date and time."


Examine: TypeAlias = Callable[[], Awaitable[list[Finding]]]


async def examine(data_dir: Path, radio: Examine, screen: TextIO) -> bool:
    """Print a line for each finding; True if all are good. `radio` is asked last."""
    findings = _findings_on_folder(data_dir)
    try:
        findings += await _findings_on_gateway(identity.load(data_dir))
    except AgentError as error:
        findings.append(Finding(False, str(error)))
    findings += await _findings_on_radio(data_dir, radio)
    for finding in findings:
        screen.write(f"{'✓' if finding.is_good else '✗'} {finding.text}\n")
        if finding.advice:
            screen.write(f"    {finding.advice}\n")
    return all(finding.is_good for finding in findings)


def _findings_on_folder(data_dir: Path) -> list[Finding]:
    try:
        identity.prepare_folder(data_dir)
    except AgentError as error:
        return [Finding(False, str(error), "Give it to this user, or choose another: --data-dir.")]
    return [Finding(True, f"The data folder {data_dir} can be written.")]


async def _findings_on_radio(data_dir: Path, radio: Examine) -> list[Finding]:
    """A radio that runs is left alone: two programs at one port disturb each other."""
    if _is_running(data_dir):
        text = "The agent is running with this folder, so the radio was not asked."
        return [Finding(True, text, "Stop the agent to have it examined.")]
    try:
        return await radio()
    except AgentError as error:
        return [Finding(False, str(error))]


def _is_running(data_dir: Path) -> bool:
    """Does an agent hold the journal?"""
    path = data_dir / journal.FILE_NAME
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(path, timeout=0)) as database:
            database.execute("SELECT count(*) FROM attempt")
    except sqlite3.DatabaseError as error:  # locked, or damaged, which the agent will say
        return "locked" in str(error)
    return False


async def _findings_on_gateway(me: Identity) -> list[Finding]:
    asked_at = time.time()
    try:
        date = await asyncio.to_thread(_ask_date, me.url)
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        advice = "Is the address right, and is this machine on the network?"
        return [Finding(False, f"The gateway {me.url} cannot be reached: {reason}.", advice)]
    found = [Finding(True, f"The gateway {me.url} answers.")]
    if date is not None:
        skew = (asked_at + time.time()) / 2 - date
        is_right = abs(skew) <= MAX_SKEW_SECONDS
        away = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the gateway's"
        text = "This machine's clock is right." if is_right else f"This machine's clock is {away}."
        found.append(Finding(is_right, text, "" if is_right else SET_CLOCK))
    return [*found, await _finding_on_token(me)]


def _ask_date(url: str) -> float | None:
    """The gateway's clock in Unix seconds, from the Date header of whatever it answers."""
    request = urllib.request.Request(  # noqa: S310 - pairing checked that it is http or https
        f"{url.rstrip('/')}/livez", headers={"User-Agent": f"agent/{__version__}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - as above
            date = answer.headers.get("Date")
    except urllib.error.HTTPError as error:
        with error:
            date = error.headers.get("Date")
    return parsedate_to_datetime(date).timestamp() if date else None


async def _finding_on_token(me: Identity) -> Finding:
    """Open a line as the phone, and leave without a word: a second one is allowed."""
    try:
        await _knock_at_socket(me)
        return Finding(True, f"The gateway knows this phone as {me.name or me.device_id}.")
    except Closed as closed:
        return _refusal(closed.reason)
    except (NoLine, TimeoutError) as error:
        no_socket = str(error) or f"No answer from {me.socket_url}"
    try:
        async with HttpTransport().open(me) as line:
            await line.knock()
    except Closed as closed:
        return _refusal(closed.reason)
    except NoLine:
        advice = "A proxy in front of the gateway must pass WebSockets on."
        return Finding(False, f"{no_socket}.", advice)
    text = f"The gateway knows this phone as {me.name or me.device_id}, but over HTTP alone."
    return Finding(True, text, "That works. A proxy in front of it passes no WebSockets on.")


async def _knock_at_socket(me: Identity) -> None:
    """Raises Closed when the phone is refused; NoLine or TimeoutError when there is no socket."""
    async with asyncio.timeout(TIMEOUT_SECONDS), SocketTransport().open(me) as line:
        with suppress(TimeoutError):
            async with asyncio.timeout(REFUSAL_SECONDS):
                await line.receive()


def _refusal(reason: str) -> Finding:
    if reason == "invalid_token":
        return Finding(False, "The gateway does not know this phone.", PAIR_AGAIN)
    if reason == "tenant_inactive":
        advice = "Ask whoever runs the gateway."
        return Finding(False, "The account on the gateway is suspended.", advice)
    return Finding(False, f"The gateway closed the connection: {reason}.")
