"""The private servers together: those that the environment does not name, started and ready."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from gateway_site.embedded.errors import StartError
from gateway_site.embedded.postgres import Postgres
from gateway_site.embedded.process import Pause, Process, Program, tail
from gateway_site.embedded.redis import Redis

_START_SECONDS = 60.0


class Server(Protocol):
    """What Postgres and Redis have in common."""

    @property
    def name(self) -> str: ...
    @property
    def url(self) -> str: ...
    def prepare(self, pause: Pause = time.sleep) -> None: ...
    def program(self) -> Program: ...
    def is_ready(self, pid: int) -> bool: ...


def private_servers(
    variables: Mapping[str, str], data_dir: Path, *, durable: bool = True
) -> dict[str, Server]:
    """The servers to start by their variable; a variable that is set needs no server."""
    servers: dict[str, Server] = {
        "DATABASE_URL": Postgres(data_dir, durable),
        "REDIS_URL": Redis(data_dir, durable),
    }
    return {variable: server for variable, server in servers.items() if not variables.get(variable)}


def start_server(server: Server, logs: Path, pause: Pause = time.sleep) -> Process:
    """Prepare and start ``server``, logging to ``logs/<name>.log``; return when it is ready.

    Raises StartError with the end of its log when it does not within 60 s, and whatever ``pause``
    raises; either way nothing is left running.
    """
    server.prepare(pause)
    log = logs / f"{server.name}.log"
    with log.open("ab") as output:
        process = Process(server.program(), stdout=output)
    deadline = time.monotonic() + _START_SECONDS
    try:
        while not server.is_ready(process.pid):
            if process.exit_code is not None or time.monotonic() > deadline:
                log_end = tail(log.read_text(errors="replace"))
                raise StartError(f"{server.name} did not start. The end of {log}:\n{log_end}")
            pause(0.02)
    except BaseException:
        process.stop()
        raise
    return process
