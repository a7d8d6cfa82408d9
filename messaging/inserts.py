"""The one multi-row INSERT of outbound messages with their first events.

The ORM's `bulk_create` costs several times what PostgreSQL does for a row, and this is the hot
path: columns go over as arrays, in one prepared statement for one message or ten thousand.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from django.db import connection

from accounts.models import Tenant


class NewMessage(NamedTuple):
    """The columns in which outbound messages differ."""

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


_INSERT = """
WITH message AS (
    INSERT INTO messaging_message
           (tenant_id, direction, origin, created_at, sender, attempt, leases, error_code, error,
            phone_key, public_id, status, recipient, text, encoding, segments, lane, expires_at,
            device_id, is_pinned, is_test, sim_slot, send_at, ref, callback, metadata)
    SELECT %s, 'outbound', %s, %s, '', 1, 0, '', '', '', new.*
      FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::int[], %s::int[],
                  %s::timestamptz[], %s::bigint[], %s::bool[], %s::bool[], %s::int[],
                  %s::timestamptz[], %s::text[], %s::text[], %s::jsonb[]) AS new
    RETURNING id, tenant_id, status, created_at
)
INSERT INTO messaging_messageevent (tenant_id, message_id, kind, key, received_at, detail)
SELECT tenant_id, id, status, status, created_at, '{}' FROM message
"""


def insert_messages(
    *, tenant: Tenant, origin: str, created_at: datetime, rows: Sequence[NewMessage]
) -> None:
    """Store `rows` and an event for each, whose kind and key are the message's first status."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [tenant.pk, origin, created_at, *columns])


def as_json(metadata: dict[str, object] | None) -> str:
    """Free JSON as text for a jsonb array."""
    return msgspec.json.encode(metadata).decode() if metadata else "{}"
