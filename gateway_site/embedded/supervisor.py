"""Keeps programs running until a stop signal: restarts what dies, stops all in reverse order."""

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from gateway_site.embedded.process import Process, Program
from gateway_site.embedded.servers import Server, start_server
from gateway_site.embedded.signals import StopSignal

Say = Callable[[str], None]

FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 30.0
# A program that has run this long was fine: its next death is the first one again.
_SETTLED_SECONDS = 60.0
_TICK_SECONDS = 0.2


class Supervised:
    """One program: its process while it runs, and when to start it again while it does not."""

    def __init__(self, program: Program, process: Process) -> None:
        self.program = program
        self.process = process
        self.backoff_seconds = FIRST_BACKOFF_SECONDS
        self.restart_at: float | None = None


class Supervisor:
    """A context: what it has started is stopped at its end, the last one first.

    ``say`` gets one line per thing that an operator should know; output of the programs goes to
    ``logs/<name>.log``.
    """

    def __init__(self, logs: Path, say: Say, stop: StopSignal) -> None:
        self.logs = logs
        self.say = say
        self.stop = stop
        self._children: dict[str, Supervised] = {}

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop.clear()
        for child in reversed(self._children.values()):
            child.process.stop(self.stop.pause)

    def start_server(self, server: Server) -> None:
        """Start a private server and return when it is ready; StartError when it cannot."""
        process = start_server(server, self.logs, self.stop.pause)
        self._children[server.name] = Supervised(process.program, process)

    def start(self, program: Program) -> None:
        """Start ``program`` and keep it running."""
        self._children[program.name] = Supervised(program, self._launch(program))

    def restart(self, name: str) -> None:
        """Stop the program called ``name`` and start it again at once."""
        child = self._children[name]
        child.process.stop(self.stop.pause)
        child.process = self._launch(child.program)
        child.restart_at = None

    def log_of(self, name: str) -> Path:
        """Where the output of the program called ``name`` goes."""
        return self.logs / f"{name}.log"

    def pause(self, seconds: float) -> None:
        """Let ``seconds`` pass while tending the programs; StopRequested on a stop signal."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._tend(time.monotonic())
            self.stop.pause(min(left, _TICK_SECONDS))

    def _tend(self, now: float) -> None:
        for child in self._children.values():
            if child.restart_at is None:
                if child.process.exit_code is not None:
                    self._plan_restart(child, now)
            elif now >= child.restart_at:
                child.process = self._launch(child.program)
                child.restart_at = None

    def _plan_restart(self, child: Supervised, now: float) -> None:
        child.process.kill_group()
        if now - child.process.started_at > _SETTLED_SECONDS:
            child.backoff_seconds = FIRST_BACKOFF_SECONDS
        name, code = child.program.name, child.process.exit_code
        self.say(
            f"{name} ended with code {code}; starting it again in {child.backoff_seconds:g} s "
            f"(see {self.log_of(name)})."
        )
        child.restart_at = now + child.backoff_seconds
        child.backoff_seconds = min(child.backoff_seconds * 2, LONGEST_BACKOFF_SECONDS)

    def _launch(self, program: Program) -> Process:
        with self.log_of(program.name).open("ab") as output:
            return Process(program, stdout=output)
