"""No page of the log reads a whole table: 20,000 deliveries of two tenants, every filter."""

from collections.abc import Callable, Iterator

import pytest
from django.core import signing
from django.db import connection

from accounts.api.lists import CURSOR_SALT, read_query
from webhooks.api.inputs import DeliveriesQuery
from webhooks.api.lists import page_of_deliveries
from webhooks.models import Delivery, Endpoint, Event
from webhooks.tests.factories import EndpointFactory, HostFactory

pytestmark = pytest.mark.django_db

# The row number decides what each is like; ids are UUIDv7 of one second after another.
_FILL = """
WITH events AS (
    INSERT INTO webhooks_event (public_id, tenant_id, name, key, body, is_private, created_at)
    SELECT (lpad(to_hex(1790000000000 + n * 1000), 12, '0') || '7' || substr(md5(n::text), 1, 3)
            || '8' || substr(md5(n::text), 4, 15))::uuid,
           %(tenant)s,
           CASE WHEN n %% 4000 = 7 THEN 'device.offline'
                WHEN n %% 3 = 0 THEN 'message.received' ELSE 'message.sent' END,
           'event ' || n, '{}', false, to_timestamp(1790000000 + n)
      FROM generate_series(1, 10000) AS n
    RETURNING id, public_id, created_at
)
INSERT INTO webhooks_delivery
       (public_id, tenant_id, event_id, endpoint_id, url, has_own_url, status, attempts, claim,
        crashes, created_at, last_error)
SELECT public_id, %(tenant)s, id,
       CASE WHEN id %% 100 = 3 THEN %(small)s WHEN id %% 10 = 1 THEN %(host)s ELSE %(big)s END,
       'https://example.com/hook', false,
       CASE WHEN id %% 500 = 1 THEN 'failed' WHEN id %% 701 = 1 THEN 'pending' ELSE 'succeeded' END,
       1, 1, 0, created_at, ''
  FROM events
"""
FILTERS = [
    {},
    *({"status": status} for status in ("pending", "succeeded", "failed", "held")),
    *({"event": name} for name in ("message.sent", "device.offline", "contact.unsubscribed")),
    {"event": "device.offline", "status": "failed"},
    {"event": "message.sent", "status": "failed"},
    {"since": "2026-09-21T15:00:00Z"},
    {"until": "2026-09-21T15:00:00Z"},
    {"since": "2026-09-21T15:00:00Z", "until": "2026-09-21T16:00:00Z", "event": "device.offline"},
    {"endpointId": "wkh_0000000000000000000000"},
]
ALSO = [{}, {"status": "failed"}, {"event": "device.offline"}, {"until": "2026-09-21T15:00:00Z"}]


@pytest.fixture
def endpoints() -> list[Endpoint]:
    """A busy and a quiet one of a tenant with 10,000 deliveries; another tenant has as many."""
    pairs = []
    for _ in range(2):
        big = EndpointFactory()
        small, host = EndpointFactory(tenant=big.tenant), HostFactory(tenant=big.tenant)
        pairs.append([big, small])
        with connection.cursor() as cursor:
            keys = {"tenant": big.tenant_id, "big": big.pk, "small": small.pk, "host": host.pk}
            cursor.execute(_FILL, keys)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE webhooks_delivery, webhooks_event, webhooks_endpoint")
    return pairs[0]


def _nodes(plan: dict) -> Iterator[dict]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _tables_read_whole(work: Callable[[], object]) -> list[str]:
    """Of deliveries and events, what the statements of `work` read from beginning to end."""
    found = []

    def explain(execute, sql, values, many, context):
        with connection.connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", values)
            ((plans,),) = cursor.fetchall()
        found.extend(
            node["Relation Name"]
            for node in _nodes(plans[0]["Plan"])
            if node["Node Type"] == "Seq Scan"
        )
        return execute(sql, values, many, context)

    with connection.execute_wrapper(explain):
        work()
    return [table for table in found if table != "webhooks_endpoint"]  # there are six


def test_check_sees_a_read_of_a_whole_table(endpoints):
    assert _tables_read_whole(Event.objects.filter(body="x").count) == ["webhooks_event"]


def test_log_never_reads_a_whole_table(endpoints):
    tenant = endpoints[0].tenant
    of_endpoints = [also | {"endpointId": e.external_id} for e in endpoints for also in ALSO]

    def read_first_and_far_page(parameters: dict[str, str]) -> None:
        _, cursor = page_of_deliveries(tenant, read_query(parameters, DeliveriesQuery))
        if cursor is not None:
            *bound_to, _ = signing.loads(cursor, salt=CURSOR_SALT)
            far_id = Delivery.objects.filter(tenant=tenant).order_by("public_id")[200].public_id
            far = signing.dumps([*bound_to, far_id.hex], salt=CURSOR_SALT)
            query = read_query(parameters | {"cursor": far}, DeliveriesQuery)
            page, _ = page_of_deliveries(tenant, query)
            assert all(delivery.public_id < far_id for delivery in page)

    lists = [*FILTERS, *of_endpoints]
    reads = {
        str(query): _tables_read_whole(lambda query=query: read_first_and_far_page(query))
        for query in lists
    }
    assert reads == {str(query): [] for query in lists}
