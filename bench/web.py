"""Production's web server, started on a free port with production's own command."""

import os
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from bench.connection import Connection
from bench.errors import BenchError
from bench.processes import command_of, tree
from gateway_site.embedded.children import Children
from gateway_site.embedded.config import Config
from gateway_site.embedded.process import Process, Program, tail

APPLICATION = "gateway_site.asgi:application"
_START_SECONDS = 30.0
_PROBE = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@dataclass(frozen=True)
class Site:
    """What to serve, and on how many processes and threads."""

    name: str = "gateway"
    application: str = APPLICATION
    settings: str = "gateway_site.settings"
    processes: int = 2
    http_threads: int | None = None  # None: as configured


GATEWAY = Site()
FLOOR_A = Site("floor-a", application="bench.floor_apps:empty_json")
FLOOR_B = Site("floor-b", settings="bench.floor_settings")


@dataclass(frozen=True)
class WebServer:
    """A running site; `workers` are the processes that take connections."""

    port: int
    pid: int
    workers: tuple[int, ...]

    def connect(self, count: int) -> list[Connection]:
        """`count` connections, the same number for each worker.

        Workers accept from one shared socket, and one that sleeps may be passed over for long. So
        the others are stopped while one gets its share; a probe proves that it has it.
        """
        connections: list[Connection] = []
        for number, worker in enumerate(self.workers):
            share = (count + number) // len(self.workers)
            with _stopped([pid for pid in self.workers if pid != worker]):
                connections += [_probed(self.port) for _ in range(share)]
        return connections


@contextmanager
def running(site: Site) -> Iterator[WebServer]:
    """Start `site` and wait for all its workers; stop it at the end.

    Raises BenchError with the end of its log when it does not start.
    """
    port = _free_port()
    log = Path(os.environ["DATA_DIR"], f"bench-{site.name}.log")
    with log.open("wb") as output:
        process = Process(_program(site, port), stdout=output)
    try:
        yield WebServer(port, process.pid, _wait_for_workers(site, process, port, log))
    finally:
        process.stop()


def config_of(port: int, *, processes: int = 1) -> Config:
    """The supervisor's configuration with which production's processes are started here."""
    return Config(
        data_dir=Path(os.environ["DATA_DIR"]),
        host="127.0.0.1",
        port=port,
        public_url=f"http://127.0.0.1:{port}",
        web_processes=processes,
        demo_phone=False,
    )


def _program(site: Site, port: int) -> Program:
    config = config_of(port, processes=site.processes)
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": site.settings,
        "PORT": str(port),
        "PUBLIC_URL": config.public_url,
        "API_REQUESTS_PER_MINUTE": "1000000000",
    }
    if site.http_threads is not None:
        env["HTTP_THREADS"] = str(site.http_threads)
    program = Children(config, env).web()
    argv = [site.application if word == APPLICATION else word for word in program.argv]
    return replace(program, argv=argv)


def _wait_for_workers(site: Site, process: Process, port: int, log: Path) -> tuple[int, ...]:
    """The workers' process ids, as soon as each of them has answered."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.exit_code is None:
        workers = _workers(site, process.pid)
        if len(workers) == site.processes and _answers(port):
            server = WebServer(port, process.pid, workers)
            for connection in server.connect(len(workers)):
                connection.close()
            return workers
        time.sleep(0.05)
    raise BenchError(f"{site.name} did not start:\n{tail(log.read_text(errors='replace'))}")


def _workers(site: Site, root: int) -> tuple[int, ...]:
    """uvicorn serves in its own process when one is enough, else in spawned ones."""
    if site.processes == 1:
        return (root,)
    return tuple(pid for pid in tree(root) if "spawn_main" in command_of(pid))


def _answers(port: int) -> bool:
    with suppress(OSError):
        _probed(port).close()
        return True
    return False


def _probed(port: int) -> Connection:
    connection = Connection(port)
    connection.exchange(_PROBE)
    return connection


@contextmanager
def _stopped(pids: Sequence[int]) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
