"""One gateway: its servers and processes, as `manage.py up` starts them, and how they end."""

import os
import socket
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from gateway_site.embedded.children import Children
from gateway_site.embedded.config import BASE_DIR, Config
from gateway_site.embedded.postgres import DATABASE, Postgres
from gateway_site.embedded.process import Program, run_to_end
from gateway_site.embedded.readiness import ask_readiness
from gateway_site.embedded.redis import Redis
from tests.crash.account import Account
from tests.crash.child import Child
from tests.crash.server import KillableServer
from tests.crash.waiting import until

HOST = "127.0.0.1"
POLL_SECONDS, LEASE_SECONDS, HEARTBEAT_SECONDS = 2.0, 2, 2
SILENT_SECONDS = 3 * HEARTBEAT_SECONDS  # after which the gateway closes a socket
_FAST = {
    "DEVICE_POLL_SECONDS": str(POLL_SECONDS),
    "DEVICE_HEARTBEAT_SECONDS": str(HEARTBEAT_SECONDS),
    "LEASE_SECONDS": str(LEASE_SECONDS),
    "API_REQUESTS_PER_MINUTE": "1000000",
    "LOG_LEVEL": "WARNING",
}
_ACCOUNTS = 60


class Gateway:
    """PostgreSQL, Redis, two web processes, both workers and beat, all in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.folder, self.faults, self.logs = folder, folder / "faults", folder / "logs"
        self.faults.mkdir()
        self.logs.mkdir()
        postgres, redis = Postgres(folder, durable=False), Redis(folder, durable=False)
        self.database_sockets = postgres.sockets
        self.postgres = KillableServer(postgres, postgres.folder, self.logs)
        self.redis = KillableServer(redis, redis.folder, self.logs)
        self.env = self._environment()
        config = Config(folder, HOST, self.port, self.env["PUBLIC_URL"], 2, False)
        self._programs = Children(config, self.env)
        self.web = Child(self._programs.web(), self.logs)
        self.worker = Child(self._programs.worker(), self.logs)
        self.webhooks = Child(self._programs.webhooks(), self.logs)
        self.beat = Child(self._programs.beat(), self.logs)
        self._accounts: list[Account] = []

    def start(self) -> None:
        """Start everything; returns when it is ready."""
        self.postgres.start()
        self.redis.start()
        run_to_end(self._programs.manage("migrate"))
        for child in (self.web, self.worker, self.webhooks, self.beat):
            child.start()
        argv = [sys.executable, "-m", "tests.crash.account", str(_ACCOUNTS)]
        printed = run_to_end(Program("account", argv, self.env, BASE_DIR))
        self._accounts = msgspec.json.decode(printed, type=list[Account])
        self.wait_until_ready()

    def kill(self) -> None:
        """End everything at once."""
        for part in (
            self.beat,
            self.webhooks,
            self.worker,
            self.web,
            self.redis,
            self.postgres,
        ):
            part.kill()

    def wait_until_ready(self, port: int | None = None, seconds: float = 90.0) -> None:
        """Wait for what `/readyz` looks at: database, Redis, and a task that went all the way.

        A worker that has ended by itself is started again, as the gateway's supervisor, systemd
        and compose all do: Celery's workers may give up when Redis goes away while they reconnect.
        """

        def is_ready() -> bool:
            for child in (self.worker, self.webhooks, self.beat):
                if child.has_ended:
                    child.start()
            return ask_readiness(HOST, port or self.port).is_ready

        until(is_ready, "GET /readyz is 200", seconds, every=0.2)

    def account(self) -> Account:
        """A tenant that no other test has."""
        return self._accounts.pop()

    def another_web(self, **variables: str) -> tuple[Child, int]:
        """Two more web processes with other variables, and their port."""
        port = free_port()
        config = replace(self._programs.config, port=port)
        programs = Children(config, self.env | variables)
        return Child(programs.web(), self._second_folder()), port

    def another_worker(self, **variables: str) -> Child:
        """A second one of the same, perhaps with other variables."""
        programs = Children(self._programs.config, self.env | variables)
        return Child(programs.worker(), self._second_folder())

    def another_webhooks(self, **variables: str) -> Child:
        """A second worker that delivers, perhaps with other variables."""
        programs = Children(self._programs.config, self.env | variables)
        return Child(programs.webhooks(), self._second_folder())

    def another_beat(self) -> Child:
        """A second one, with a schedule file of its own."""
        folder = self._second_folder()
        programs = replace(self._programs, config=replace(self._programs.config, data_dir=folder))
        return Child(programs.beat(), folder)

    def ask_to_die(self, step: str) -> None:
        """Have the first process that comes to `step` kill itself."""
        (self.faults / step).touch()

    def is_asked_to_die(self, step: str) -> bool:
        """Whether no process has come to `step` yet."""
        return (self.faults / step).exists()

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the gateway's database."""
        address = {"host": str(self.database_sockets), "user": "postgres", "dbname": DATABASE}
        with psycopg.connect(**address) as connection:
            return connection.execute(sql, values).fetchall()

    def _environment(self) -> dict[str, str]:
        ours = {"SECRET_KEY", "KEY_PEPPER", "ENCRYPTION_KEYS"}  # made in `folder`, for all alike
        surrounding = {name: value for name, value in os.environ.items() if name not in ours}
        return {
            **surrounding,
            **_FAST,
            "DJANGO_SETTINGS_MODULE": "tests.crash.settings",
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.redis.url,
            "DATA_DIR": str(self.folder),
            "PORT": str(self.port),
            "PUBLIC_URL": f"http://{HOST}:{self.port}",
            "CRASH_FAULTS": str(self.faults),
        }

    def _second_folder(self) -> Path:
        folder = self.folder / "second"
        folder.mkdir(exist_ok=True)
        return folder


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
