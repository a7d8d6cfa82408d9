"""The private PostgreSQL: one data folder, one unix socket, no network."""

import os
import shutil
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from gateway_site.embedded.binaries import POSTGRES_MAJOR, postgres_binary
from gateway_site.embedded.errors import StartError
from gateway_site.embedded.privileges import Account, run_as, server_account
from gateway_site.embedded.process import Pause, Program, run_to_end
from gateway_site.embedded.sockets import make_private_folder, socket_folder

DATABASE = "gateway"
_SOCKET = ".s.PGSQL.5432"
# SIGINT is PostgreSQL's fast shutdown: https://www.postgresql.org/docs/18/server-shutdown.html
_FAST_SHUTDOWN = signal.SIGINT
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "synchronous_commit": "on",
    "log_checkpoints": "off",
}
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Postgres:
    """The server whose data is in ``data_dir/postgres``.

    Not ``durable``: it does not wait for the disk, so its data may die with the machine.
    """

    data_dir: Path
    durable: bool = True
    name: str = "postgres"

    @property
    def folder(self) -> Path:
        return self.data_dir / "postgres"

    @property
    def sockets(self) -> Path:
        return socket_folder(self.data_dir, self.name, _SOCKET)

    @property
    def url(self) -> str:
        """As django-environ reads a unix socket: its folder in the path, before the database."""
        return f"postgres://postgres@/{quote(str(self.sockets))}/{DATABASE}"

    def prepare(self, pause: Pause = time.sleep) -> None:
        """Make the data folder and an empty database, or clear a crash's traces from an old one."""
        account = server_account(self.folder)
        make_private_folder(self.sockets, account.uid, account.gid)
        if self.folder.exists():
            self._require_same_version()
            self._clear_stale_locks(pause)
        else:
            self._create(account, pause)

    def program(self) -> Program:
        """The server in the foreground, logging to stderr."""
        settings = _SETTINGS | ({} if self.durable else _NOT_DURABLE)
        settings["unix_socket_directories"] = str(self.sockets)
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        argv = [str(postgres_binary("postgres")), "-D", str(self.folder), *options]
        return self._program(self.name, server_account(self.folder), argv, self.folder)

    def is_ready(self, pid: int) -> bool:
        """Whether the server with this process id takes connections.

        postmaster.pid has the process id in line 1 and the status in line 8.
        """
        lines = self._pid_file_lines()
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _create(self, account: Account, pause: Pause) -> None:
        """initdb in a folder beside, renamed when complete: a crash leaves no half of one."""
        fresh = self.folder.with_name(f"{self.folder.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        make_private_folder(fresh, account.uid, account.gid)
        # The built-in C.UTF-8 needs no locale of the system, yet knows upper case beyond ASCII.
        initdb = [str(postgres_binary("initdb")), "-D", str(fresh), "-A", "trust", "-U", "postgres"]
        initdb += ["-E", "UTF8", "--locale=C", "--locale-provider=builtin"]
        initdb += ["--builtin-locale=C.UTF-8", "--no-instructions"]
        if not self.durable:
            initdb.append("--no-sync")
        run_to_end(self._program("initdb", account, initdb, fresh), pause)
        single = [str(postgres_binary("postgres")), "--single", "-D", str(fresh)]
        single += ["-c", "exit_on_error=on", "postgres"]
        create = self._program("create database", account, single, fresh)
        run_to_end(create, pause, stdin_text=f"CREATE DATABASE {DATABASE}\n")
        fresh.rename(self.folder)

    def _program(self, name: str, account: Account, argv: Sequence[str], folder: Path) -> Program:
        return Program(
            name=name,
            argv=run_as(
                account,
                argv,
                reaching=[folder / "base", self.sockets / _SOCKET],
                orphan_signal=_FAST_SHUTDOWN,
            ),
            env={"LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath)},
            stop_signal=_FAST_SHUTDOWN,
            stop_seconds=20,
            orphan_signal=_FAST_SHUTDOWN,
        )

    def _require_same_version(self) -> None:
        found = (self.folder / "PG_VERSION").read_text().strip()
        if found != POSTGRES_MAJOR:
            raise StartError(
                f"{self.folder} was written by PostgreSQL {found}, this is {POSTGRES_MAJOR}: "
                "dump it with the old version, or choose another DATA_DIR."
            )

    def _clear_stale_locks(self, pause: Pause) -> None:
        """Wait for the server of a supervisor that was killed; drop the lock files of a dead one.

        PostgreSQL itself takes the lock of a dead server for a live one when another process has
        got the same id since, which is usual in containers. Its shared memory still guards the
        data against a second server.
        """
        if not Path("/proc/self").exists():
            return
        deadline = time.monotonic() + 20
        while (pid := self._running_postmaster()) is not None:
            if time.monotonic() > deadline:
                raise StartError(
                    f"PostgreSQL still runs in {self.folder} as process {pid}: stop it."
                )
            os.kill(pid, _FAST_SHUTDOWN)
            pause(0.2)
        for stale in (self.folder / "postmaster.pid", self.sockets / f"{_SOCKET}.lock"):
            stale.unlink(missing_ok=True)

    def _running_postmaster(self) -> int | None:
        """The process that postmaster.pid names, if it is a server in this data folder.

        A server's working directory is its data folder; a zombie has none.
        """
        lines = self._pid_file_lines()
        try:
            pid = int(lines[0])
            return pid if Path(f"/proc/{pid}/cwd").readlink() == self.folder.resolve() else None
        except (IndexError, ValueError, OSError):
            return None

    def _pid_file_lines(self) -> list[str]:
        try:
            return (self.folder / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []
