"""The simulated phone as a process, and its radio's log: the truth about what was sent."""

import os
import sys
from pathlib import Path

import msgspec

from agent import identity
from agent.radios.sent_log import FILE_NAME, SentLine
from gateway_site.embedded.config import BASE_DIR
from gateway_site.embedded.process import Program
from tests.crash.account import Account
from tests.crash.child import Child
from tests.crash.gateway import HOST
from tests.crash.waiting import until


class Phone:
    """A paired phone. `port` is the gateway's, or that of a wire to it."""

    def __init__(self, account: Account, folder: Path, port: int) -> None:
        self.folder = folder
        folder.mkdir()
        known = identity.Identity(
            url=f"http://{HOST}:{port}",
            socket_url=f"ws://{HOST}:{port}/ws/device",
            token=account.device_token,
            device_id=account.device_id,
            name="Crash test",
        )
        identity.save(folder, known)
        self._child: Child | None = None

    def start(self, *, crash_at: str = "") -> None:
        """`python -m agent run`; with `crash_at` it dies at that step of its first message."""
        fast = ["--delay-ms", "5", "--report-delay-ms", "5"]
        options = ["run", "--data-dir", str(self.folder), "--radio", "simulated", *fast]
        self._start(["agent", *options], {"AGENT_CRASH_AT": crash_at})

    def start_impatient(self) -> None:
        """The same agent, for tests in which the gateway closes its socket again and again."""
        self._start(["tests.crash.impatient_phone", str(self.folder)], {})

    def kill(self) -> None:
        """SIGKILL."""
        if self._child is not None:
            self._child.kill()

    def wait_for_death(self) -> None:
        """Wait until it has died at the step that it was told to die at."""
        assert self._child is not None
        self._child.wait_for_death(137)

    def wait_until_connected(self, times: int = 1) -> None:
        """Wait until it was welcomed so many times, in all its lives."""
        until(lambda: self.connections() >= times, f"connection {times} of the phone")

    def connections(self) -> int:
        """How often it was welcomed by the gateway."""
        return self._log().count("Connected to")

    def disconnections(self) -> int:
        """How often a connection of it was closed."""
        return self._log().count("Connection closed")

    def lines(self) -> list[SentLine]:
        """What left the phone, oldest first."""
        path = self.folder / FILE_NAME
        whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
        return [msgspec.json.decode(line, type=SentLine) for line in whole.splitlines()]

    def wait_for_more(self, texts: int, seconds: float = 60.0) -> None:
        """Wait until so many more texts have left it."""
        enough = len(self.lines()) + texts
        until(lambda: len(self.lines()) >= enough, f"{texts} more texts leave", seconds)

    def _start(self, arguments: list[str], variables: dict[str, str]) -> None:
        program = Program(
            "phone", [sys.executable, "-m", *arguments], {**os.environ, **variables}, BASE_DIR
        )
        self._child = Child(program, self.folder)
        self._child.start()

    def _log(self) -> str:
        return (self.folder / "phone.log").read_text() if self._child is not None else ""
