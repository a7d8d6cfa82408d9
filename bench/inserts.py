"""Floor C: message rows straight through psycopg, 1,000 with each INSERT."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import psycopg
from django.db import connection

from accounts.ids import new_id
from bench.database import empty_tables, postmaster_pid
from bench.load import Run, metered
from bench.requests import BATCH, message
from devices.models import Device

CONNECTIONS = 2
# What the gateway stores for such a message; tables and indexes are the same.
_COLUMNS = """
    public_id, recipient, text, tenant_id, device_id, direction, status, origin, created_at,
    sender, encoding, segments, ref, callback, metadata, is_test, lane, is_pinned, attempt,
    leases, expires_at, error_code, error, phone_key
"""
_ROW = """(%s, %s, %s, {tenant}, {device}, 'outbound', 'queued', 'api', now(),
    '', 'gsm7', 1, '', '', '{{}}', false, 1, false, 1,
    0, now() + interval '1 day', '', '', '')"""


def run(device: Device, seconds: float) -> Run:
    """Messages of `device`'s tenant on two connections; a latency for each statement."""
    empty_tables()
    row = _ROW.format(tenant=device.tenant_id, device=device.pk)
    statement = f"INSERT INTO messaging_message ({_COLUMNS}) VALUES {','.join([row] * BATCH)}"
    return metered(lambda: _insert(statement, seconds), {"postgres": postmaster_pid()})


def _insert(statement: str, seconds: float) -> Run:
    latencies: list[float] = []
    batches = count()
    barrier = threading.Barrier(CONNECTIONS)
    started = time.perf_counter()

    def work() -> None:
        with _connect() as database:
            barrier.wait()
            while time.perf_counter() - started < seconds:
                begun = time.perf_counter()
                parameters = _parameters(next(batches) * BATCH)
                database.execute(statement.encode(), parameters, prepare=True)
                latencies.append(time.perf_counter() - begun)

    _run_in_threads(work)
    return Run(latencies, time.perf_counter() - started)


def _parameters(first: int) -> list[object]:
    messages = (message(number) for number in range(first, first + BATCH))
    return [value for each in messages for value in (new_id(), each["to"], each["text"])]


def _run_in_threads(work: Callable[[], None]) -> None:
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for future in [pool.submit(work) for _ in range(CONNECTIONS)]:
            future.result()


def _connect() -> "psycopg.Connection[tuple[object, ...]]":
    """A connection of our own to Django's database; each statement is its own transaction."""
    database = connection.settings_dict
    return psycopg.connect(
        host=database["HOST"],
        port=database["PORT"] or None,
        user=database["USER"],
        password=database["PASSWORD"],
        dbname=database["NAME"],
        autocommit=True,
    )
