"""One program of the gateway that a test may kill and start again."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from gateway_site.embedded.process import Process, Program
from tests.crash.waiting import until


class Child:
    """A program, running or not. Its output, of all its lives, goes to `log`."""

    def __init__(self, program: Program, logs: Path) -> None:
        self.program = program
        self.log = logs / f"{program.name}.log"
        self.process: Process | None = None

    def start(self) -> None:
        """Start it, from the main thread (see Process)."""
        with self.log.open("ab") as output:
            self.process = Process(self.program, stdout=output)

    @property
    def exit_code(self) -> int | None:
        """None while it runs, else its code (negative: the signal that ended it)."""
        assert self.process is not None, f"{self.program.name} was not started"
        return self.process.exit_code

    @property
    def has_ended(self) -> bool:
        """Whether it was started and is gone without having been stopped or killed here."""
        return self.process is not None and self.process.exit_code is not None

    def kill(self) -> None:
        """SIGKILL to it and to all its own children; returns when they are gone."""
        if self.process is not None:
            self.process.kill_group()
            self.process.stop()
            self.process = None

    def wait_for_death(self, code: int) -> None:
        """Wait until it has ended by itself, with `code`, and clear up."""
        until(lambda: self.exit_code is not None, f"the death of {self.program.name}")
        assert self.exit_code == code
        self.kill()

    def workers(self) -> list[int]:
        """Ids of the processes that uvicorn has started, oldest first. Linux only."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [pid for pid in map(int, children.split()) if _is_worker(pid)]

    def stop(self) -> None:
        """The gentle end, as a supervisor would do it."""
        if self.process is not None:
            self.process.stop()
            self.process = None


def kill_process(pid: int) -> None:
    """SIGKILL to one process, which may just have died."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _is_worker(pid: int) -> bool:
    """multiprocessing also starts a resource tracker."""
    with suppress(OSError):
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False
