"""Who listens: reads for whoever publishes, made for the case that it is nobody."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple, Protocol, Self

import msgspec
from django.db import connection

from messaging.models import Message
from webhooks.models import Endpoint

# What a message's own callback hears of.
CALLBACK_EVENTS = frozenset(
    {"message.sent", "message.delivered", "message.failed", "message.expired"}
)
# SQL, as in messaging/services/leases.py: this runs for most of what happens to a message.
_SUBSCRIBERS = """
SELECT id, tenant_id, url, events, format, state, options FROM webhooks_endpoint
 WHERE tenant_id = ANY(%(tenants)s) AND kind = 'endpoint' AND url <> ''
   AND events && %(events)s::varchar[]
"""
_HEARD = """
SELECT id FROM messaging_message AS message
 WHERE id = ANY(%(messages)s)
   AND ((callback <> '' AND %(calls_back)s)
     OR EXISTS (SELECT FROM webhooks_endpoint
                 WHERE tenant_id = message.tenant_id AND kind = 'endpoint' AND url <> ''
                   AND events && %(events)s::varchar[]))
"""
# The tenant's latest message to each number; the ref of that one or none.
_REFS = """
SELECT asked.tenant_id, asked.number, latest.ref
  FROM unnest(%(tenants)s::bigint[], %(numbers)s::text[]) AS asked(tenant_id, number)
 CROSS JOIN LATERAL (
       SELECT ref FROM messaging_message
        WHERE tenant_id = asked.tenant_id AND recipient = asked.number AND direction = 'outbound'
        ORDER BY public_id DESC LIMIT 1) AS latest
 WHERE latest.ref <> ''
"""


class Happening(Protocol):
    """What the lower apps publish."""

    @property
    def name(self) -> str: ...
    @property
    def tenant_id(self) -> int: ...


class Listener(NamedTuple):
    """What a publisher needs to know of an endpoint, or of a host's row."""

    endpoint_id: int
    tenant_id: int
    url: str
    events: Collection[str]
    format: str
    state: str
    options: str  # as JSON

    @classmethod
    def of(cls, endpoint: Endpoint) -> Self:
        return cls(
            endpoint.pk,
            endpoint.tenant_id,
            endpoint.url,
            endpoint.events,
            endpoint.format,
            endpoint.state,
            msgspec.json.encode(endpoint.options).decode(),
        )


def subscribers(happenings: Sequence[Happening]) -> list[Listener]:
    """The endpoints that may hear some of `happenings`: one query."""
    with connection.cursor() as cursor:
        cursor.execute(
            _SUBSCRIBERS,
            {
                "tenants": list({happening.tenant_id for happening in happenings}),
                "events": sorted({happening.name for happening in happenings}),
            },
        )
        return [Listener(*row) for row in cursor.fetchall()]


def heard_messages(ids: Collection[int], *, events: Iterable[str]) -> dict[int, Message]:
    """Those of the messages that somebody hears of, with tenant, phone, SIM; one query if none."""
    names = set(events)
    with connection.cursor() as cursor:
        cursor.execute(
            _HEARD,
            {
                "messages": list(ids),
                "events": sorted(names),
                "calls_back": not CALLBACK_EVENTS.isdisjoint(names),
            },
        )
        heard = [message_id for (message_id,) in cursor.fetchall()]
    if not heard:
        return {}
    return Message.objects.select_related("tenant", "device", "sim").in_bulk(heard)


def latest_refs(pairs: Collection[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """(tenant, number) -> the ref of the tenant's latest message to it, where it has one."""
    if not pairs:
        return {}
    tenants, numbers = zip(*pairs, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_REFS, {"tenants": list(tenants), "numbers": list(numbers)})
        return {(tenant, number): ref for tenant, number, ref in cursor.fetchall()}
