"""The multi-row INSERTs: outbound messages with their first events, and events of a phone.

The ORM's `bulk_create` costs several times what PostgreSQL does for a row, and this is the hot
path. Columns in which all rows agree, which are most of them, go over once; the others as arrays.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from django.db import connection
from django.utils import timezone

from accounts.models import Tenant


class NewMessage(NamedTuple):
    """The columns in which outbound messages may differ."""

    public_id: uuid.UUID
    status: str
    recipient: str
    text: str
    encoding: str
    segments: int
    lane: int
    expires_at: datetime
    device_id: int | None = None
    is_pinned: bool = False
    is_test: bool = False
    sim_slot: int | None = None
    send_at: datetime | None = None
    ref: str = ""
    callback: str = ""
    metadata: str = "{}"


_TYPES = {
    "public_id": "uuid",
    "status": "text",
    "recipient": "text",
    "text": "text",
    "encoding": "text",
    "segments": "int",
    "lane": "int",
    "expires_at": "timestamptz",
    "device_id": "bigint",
    "is_pinned": "bool",
    "is_test": "bool",
    "sim_slot": "int",
    "send_at": "timestamptz",
    "ref": "text",
    "callback": "text",
    "metadata": "jsonb",
}
_INSERT = """
WITH message AS (
    INSERT INTO messaging_message
           (tenant_id, direction, origin, created_at, sender, attempt, leases, error_code, error,
            phone_key, {names})
    SELECT %s, 'outbound', %s, %s, '', 1, 0, '', '', '', {values}
      FROM {source}
    RETURNING id, tenant_id, status, created_at
)
INSERT INTO messaging_messageevent (tenant_id, message_id, kind, key, received_at, detail)
SELECT tenant_id, id, status, status, created_at, '{{}}' FROM message
"""


def insert_messages(
    *, tenant: Tenant, origin: str, created_at: datetime, rows: Sequence[NewMessage]
) -> None:
    """Store `rows` and an event for each, whose kind and key are the message's first status."""
    columns = dict(zip(NewMessage._fields, zip(*rows, strict=True), strict=True))
    varying = [name for name, column in columns.items() if len(rows) > 1 and _varies(column)]
    same = [name for name in columns if name not in varying]
    with connection.cursor() as cursor:
        cursor.execute(
            _statement(same, varying),
            [
                *(tenant.pk, origin, created_at),
                *(columns[name][0] for name in same),
                *(list(columns[name]) for name in varying),
            ],
        )


class NewEvent(NamedTuple):
    """One event of a message; `key` is the same in every repeat of it."""

    message_id: int
    kind: str
    key: str
    occurred_at: datetime | None = None
    detail: str = "{}"


_INSERT_EVENTS = """
INSERT INTO messaging_messageevent
       (tenant_id, device_id, received_at, message_id, kind, key, occurred_at, detail)
SELECT %s, %s, %s, new.*
  FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::timestamptz[], %s::jsonb[]) AS new
    ON CONFLICT (message_id, key) DO NOTHING
RETURNING message_id, key
"""


def append_events(
    *, tenant_id: int, device_id: int, events: Sequence[NewEvent]
) -> set[tuple[int, str]]:
    """Store what happened on a device of the tenant; the (message, key) pairs that are new."""
    if not events:
        return set()
    columns = [list(column) for column in zip(*events, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_EVENTS, [tenant_id, device_id, timezone.now(), *columns])
        return set(cursor.fetchall())


def as_json(metadata: dict[str, Any] | None) -> str:
    """Free JSON as text for a jsonb column."""
    return msgspec.json.encode(metadata).decode() if metadata else "{}"


def _varies(column: tuple[Any, ...]) -> bool:
    first = column[0]
    return column.count(first) != len(column)


def _statement(same: list[str], varying: list[str]) -> str:
    """The INSERT with scalars for the columns in `same`, then arrays for those in `varying`."""
    scalars = [f"%s::{_TYPES[name]}" for name in same]
    arrays = ", ".join(f"%s::{_TYPES[name]}[]" for name in varying)
    return _INSERT.format(
        names=", ".join(same + varying),
        values=", ".join(scalars + [f"new.{name}" for name in varying]),
        source=f"unnest({arrays}) AS new({', '.join(varying)})" if varying else "(SELECT) AS one",
    )
