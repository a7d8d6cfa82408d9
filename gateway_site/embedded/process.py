"""One child process in a process group of its own, which cannot outlive its parent."""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gateway_site.embedded.errors import StartError, StopRequested

Pause = Callable[[float], None]

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
# Loaded here, because between fork and exec nothing may be imported or loaded.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Program:
    """What to start and how to stop it.

    ``env`` is the whole environment. ``orphan_signal`` is what the kernel sends when the parent
    dies without stopping its children (Linux only); a program with children of its own needs one
    that it can handle.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path = Path("/")
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    orphan_signal: signal.Signals = signal.SIGKILL


class Process:
    """A running Program. Start it from the main thread: the kernel's "parent" is that thread."""

    def __init__(
        self,
        program: Program,
        *,
        stdout: IO[bytes],
        stderr: IO[bytes] | None = None,
        stdin: IO[bytes] | None = None,
    ) -> None:
        """Start ``program``; stderr goes where stdout goes and stdin is empty unless given."""
        self.program = program
        self.started_at = time.monotonic()
        self._popen = subprocess.Popen(  # noqa: S603 - every argv is built in this package, no shell
            program.argv,
            env=program.env,
            cwd=program.cwd,
            stdin=stdin or subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr or subprocess.STDOUT,
            process_group=0,
            preexec_fn=die_with_parent(program.orphan_signal),
        )
        self.pid = self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs, else its exit code (negative: the signal that ended it)."""
        return self._popen.poll()

    def stop(self, pause: Pause = time.sleep) -> None:
        """Ask it to stop, wait up to ``stop_seconds``, then kill what is left of its group.

        A StopRequested out of ``pause`` (the second Ctrl-C) ends the wait at once.
        """
        if self.exit_code is None:
            self._popen.send_signal(self.program.stop_signal)
        deadline = time.monotonic() + self.program.stop_seconds
        with suppress(StopRequested):
            while self.exit_code is None and time.monotonic() < deadline:
                pause(0.02)
        self.kill_group()
        self._popen.wait()

    def kill_group(self) -> None:
        """SIGKILL to the whole process group, so that no grandchild keeps a port or a file."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def die_with_parent(orphan_signal: signal.Signals) -> Callable[[], None] | None:
    """A ``preexec_fn`` that has the kernel send ``orphan_signal`` when this process dies.

    See prctl(2), PR_SET_PDEATHSIG. None where the kernel has no such thing.
    """
    if _libc is None:
        return None
    libc, parent = _libc, os.getpid()

    def set_parent_death_signal() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(orphan_signal), 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and prctl
            os._exit(1)

    return set_parent_death_signal


def run_to_end(program: Program, pause: Pause = time.sleep, stdin_text: str = "") -> str:
    """Run ``program`` and return its stdout; stop it when ``pause`` raises.

    Raises StartError with the last lines of its output when it ends with a code other than 0.
    """
    with (
        tempfile.TemporaryFile() as stdin,
        tempfile.TemporaryFile() as stdout,
        tempfile.TemporaryFile() as stderr,
    ):
        stdin.write(stdin_text.encode())
        stdin.seek(0)
        process = Process(program, stdin=stdin, stdout=stdout, stderr=stderr)
        try:
            while process.exit_code is None:
                pause(0.02)
        finally:
            process.stop()
        output, complaints = _text(stdout), _text(stderr)
    if process.exit_code != 0:
        raise StartError(
            f"{program.name} failed with code {process.exit_code}:\n{tail(complaints or output)}"
        )
    return output


def tail(text: str, lines: int = 12) -> str:
    """The last ``lines`` lines of ``text``, indented for the terminal."""
    return "\n".join(f"    {line}" for line in text.rstrip().splitlines()[-lines:])


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
