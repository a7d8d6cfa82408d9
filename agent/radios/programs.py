"""Other programs as a radio's hands: one call, one answer, never longer than its seconds."""

import asyncio
import os
import shutil
import signal
from contextlib import suppress
from dataclasses import dataclass

from agent.errors import AgentError


class ProgramMissing(AgentError):
    """The program is not installed, or not in PATH."""


@dataclass(frozen=True)
class Answer:
    """What a program printed, and its exit code. Bytes that are no UTF-8 are replaced."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The last line that says what went wrong, for people."""
        lines = (self.err.strip() or self.out.strip()).splitlines()
        return lines[-1] if lines else f"it ended with code {self.code} and said nothing"


def is_installed(program: str) -> bool:
    """Is it in PATH, or an executable file of this name?"""
    return shutil.which(program) is not None


async def call(*command: str, seconds: float, stdin: str = "") -> Answer:
    """Run one program to its end. Raises ProgramMissing, or TimeoutError after killing it.

    It gets a session of its own: Ctrl-C in the terminal is for the agent, and must not break off a
    send half-way.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise ProgramMissing(f"Cannot start {command[0]}: {error.strerror}.") from error
    try:
        async with asyncio.timeout(seconds):
            out, err = await process.communicate(stdin.encode(errors="replace"))
    except TimeoutError:
        raise TimeoutError(f"{command[0]} gave no answer within {seconds:g} s") from None
    finally:
        if process.returncode is None:
            # With its children: Termux's programs are scripts, and what they start holds the pipes.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    assert process.returncode is not None  # noqa: S101 - communicate() waited for it
    return Answer(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))
