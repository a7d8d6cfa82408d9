"""A private PostgreSQL or Redis that a test may kill and start again."""

import os
import shutil
import signal
from pathlib import Path

from gateway_site.embedded.process import Process
from gateway_site.embedded.servers import Server, start_server


class KillableServer:
    """One server, running or not. `folder` holds its data."""

    def __init__(self, server: Server, folder: Path, logs: Path) -> None:
        self.url = server.url
        self._server = server
        self._folder = folder
        self._logs = logs
        self._process: Process | None = None

    def start(self) -> None:
        """Start it and return when it answers; from the main thread (see Process)."""
        self._process = start_server(self._server, self._logs)

    def kill(self) -> None:
        """SIGKILL to the server and to all its processes."""
        if self._process is not None:
            self._process.kill_group()
            self._process.stop()
            self._process = None

    def forget(self) -> None:
        """Delete what a killed server has on its disk."""
        assert self._process is None, "kill it first"
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.exit_code is None

    def freeze(self) -> None:
        """SIGSTOP: it keeps its sockets open and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, number)
