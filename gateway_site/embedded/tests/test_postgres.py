import os
import shutil
from contextlib import closing, contextmanager
from pathlib import Path

import environ
import psycopg
import pytest

from gateway_site.embedded.errors import StartError
from gateway_site.embedded.postgres import Postgres
from gateway_site.embedded.privileges import is_reachable, server_account
from gateway_site.embedded.servers import start_server


@contextmanager
def running(server: Postgres):
    process = start_server(server, server.data_dir / "logs")
    try:
        yield process
    finally:
        process.stop()


def query(server: Postgres, sql: str):
    """The first row's first column, over the address that Django gets from the URL."""
    django = environ.Env.db_url_config(server.url)
    address = {"host": django["HOST"], "dbname": django["NAME"], "user": django["USER"]}
    with closing(psycopg.connect(**address, autocommit=True)) as connection:
        cursor = connection.execute(sql)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def test_postgres_started_twice_keeps_its_data(data_dir: Path):
    server = Postgres(data_dir, durable=False)
    with running(server):
        query(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    with running(server):
        assert query(server, "SELECT answer FROM kept") == 42


def test_postgres_is_durable_unless_told_otherwise_and_folds_case_beyond_ascii(data_dir: Path):
    server = Postgres(data_dir)
    with running(server):
        assert query(server, "SHOW fsync") == "on"
        assert query(server, "SHOW synchronous_commit") == "on"
        assert query(server, "SHOW listen_addresses") == ""
        assert query(server, "SELECT upper('é')") == "É"


def test_postgres_stopped_ends_with_code_0_and_leaves_no_lock(data_dir: Path):
    server = Postgres(data_dir, durable=False)
    with running(server) as process:
        pass
    assert process.exit_code == 0
    assert not (server.folder / "postmaster.pid").exists()


def test_postgres_killed_starts_again_though_its_process_id_was_reused(data_dir: Path):
    server = Postgres(data_dir, durable=False)
    process = start_server(server, data_dir / "logs")
    process.kill_group()
    process.stop()
    lock = server.folder / "postmaster.pid"
    lines = lock.read_text().splitlines()
    lock.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    with running(server):
        assert query(server, "SELECT 1") == 1


def test_postgres_waits_for_the_server_of_a_killed_supervisor(data_dir: Path):
    server = Postgres(data_dir, durable=False)
    earlier = start_server(server, data_dir / "logs")
    with running(server) as process:
        assert query(server, "SELECT 1") == 1
        assert earlier.exit_code == 0
        assert process.exit_code is None


def test_postgres_in_a_long_folder_has_its_socket_in_a_short_one(data_dir: Path):
    deep = data_dir / ("d" * 120)
    (deep / "logs").mkdir(parents=True)
    server = Postgres(deep, durable=False)
    try:
        with running(server):
            assert not server.sockets.is_relative_to(deep)
            assert server.sockets.stat().st_mode & 0o777 == 0o700
            assert query(server, "SELECT 1") == 1
    finally:
        shutil.rmtree(server.sockets)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_postgres_of_root_runs_as_somebody_else_in_a_folder_that_bars_everybody(data_dir: Path):
    server = Postgres(data_dir, durable=False)
    with running(server) as process:
        account = server_account(server.folder)
        assert account.uid == Path(f"/proc/{process.pid}").stat().st_uid != 0
        assert not is_reachable(server.folder, account)
        assert query(server, "SELECT 1") == 1


def test_postgres_data_of_another_version_is_refused_in_one_sentence(data_dir: Path):
    server = Postgres(data_dir)
    server.folder.mkdir()
    (server.folder / "PG_VERSION").write_text("16\n")
    with pytest.raises(StartError, match="was written by PostgreSQL 16, this is 18"):
        server.prepare()


def test_postgres_that_cannot_start_shows_the_end_of_its_log(data_dir: Path):
    server = Postgres(data_dir, durable=False)
    server.prepare()
    with (server.folder / "postgresql.conf").open("a") as configuration:
        configuration.write("no_such_setting = 1\n")
    with pytest.raises(StartError, match="unrecognized configuration parameter"):
        start_server(server, data_dir / "logs")
