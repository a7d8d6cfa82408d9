"""One at a time across all processes."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def advisory_lock(name: str) -> Iterator[bool]:
    """Hold PostgreSQL's advisory lock `name`; yields False at once when someone else has it."""
    number = zlib.crc32(name.encode())
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
        (is_mine,) = cursor.fetchone() or (False,)
        try:
            yield is_mine
        finally:
            if is_mine and not connection.needs_rollback and connection.is_usable():
                cursor.execute("SELECT pg_advisory_unlock(%s)", [number])
