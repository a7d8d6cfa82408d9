"""No list, sweep or send reads the whole table.

30,000 messages of two tenants; every filter, the first page and a far one.
"""

import uuid
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from django.core import signing
from django.db import connection

from accounts.api.lists import CURSOR_SALT, read_query
from accounts.models import Tenant
from devices.models import Device
from devices.tests.factories import DeviceFactory
from messaging.api.inputs import ListQuery
from messaging.api.lists import page_of_messages
from messaging.models import Message
from messaging.phone_log import LogPosition, page_of_log
from messaging.queries import (
    devices_with_due_work,
    queue_depths,
    segments_of_day,
    sticky_devices,
)
from messaging.services import sweeps
from messaging.services.leases import lease_messages

pytestmark = pytest.mark.django_db

# The row number decides what each is like; ids are UUIDv7 of one second after another.
_FILL = """
INSERT INTO messaging_message
       (public_id, tenant_id, device_id, direction, status, origin, created_at, recipient, sender,
        text, encoding, segments, ref, callback, metadata, is_test, lane, is_pinned, attempt,
        leases, expires_at, error_code, error, phone_key)
SELECT (lpad(to_hex(1790000000000 + n * 1000), 12, '0') || '7' || substr(md5(n::text), 1, 3)
        || '8' || substr(md5(n::text), 4, 15))::uuid,
       %(tenant)s, %(device)s,
       CASE WHEN n %% 10 = 0 THEN 'inbound' ELSE 'outbound' END,
       CASE WHEN n %% 10 = 0 THEN 'received' WHEN n %% 1000 = 1 THEN 'queued'
            WHEN n %% 1000 = 2 THEN 'failed' WHEN n %% 3 = 0 THEN 'sent' ELSE 'delivered' END,
       'api', to_timestamp(1790000000 + n), '+65810' || n %% 5000, '+65820' || n %% 5000,
       'Order ' || n || ' is ready', 'gsm7', 1,
       CASE WHEN n %% 2 = 0 THEN 'r' || n %% 900 ELSE '' END, '', '{}', false, 1, false, 1,
       0, to_timestamp(1990000000), '', '', ''
  FROM generate_series(1, 15000) AS n
"""
LISTS = [
    {},
    {"direction": "inbound"},
    {"direction": "outbound"},
    *({"status": s} for s in ("queued", "sent", "delivered", "failed", "expired", "received")),
    {"to": "+658101234"},
    {"to": "+6581111111"},
    {"from": "+658201234"},
    {"from": "Nobody"},
    {"ref": "r18"},
    {"ref": "none"},
    {"deviceId": "dev_0000000000000000000000"},
    {"since": "2026-09-21T00:00:00Z", "until": "2026-09-22T00:00:00Z"},
    {"since": "2999-01-01T00:00:00Z"},
    {"q": "ready"},
    {"q": "12345"},
    {"q": "absent"},
    {"status": "sent", "to": "+658101234", "q": "ready"},
    {"direction": "inbound", "deviceId": "dev_0000000000000000000000", "ref": "r18"},
]


@pytest.fixture
def device() -> Device:
    """One of two phones of two tenants with 15,000 messages each."""
    devices = [DeviceFactory(), DeviceFactory()]
    with connection.cursor() as cursor:
        for device in devices:
            cursor.execute(_FILL, {"tenant": device.tenant_id, "device": device.pk})
        cursor.execute("ANALYZE messaging_message")
        cursor.execute("ANALYZE devices_device")
    return devices[0]


def _nodes(plan: dict) -> Iterator[dict]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _reads_all(plan: dict) -> bool:
    table = ("Seq Scan", "messaging_message")
    return any((node["Node Type"], node.get("Relation Name")) == table for node in _nodes(plan))


def _whole_table_reads(work: Callable[[], object]) -> list[str]:
    """The statements of `work` whose plan has a sequential scan of the messages."""
    found = []

    def explain(execute, sql, values, many, context):
        if '"messaging_message"' in sql or "FROM messaging_message" in sql:
            with connection.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", values)
                ((plans,),) = cursor.fetchall()
            if _reads_all(plans[0]["Plan"]):
                found.append(sql)
        return execute(sql, values, many, context)

    with connection.execute_wrapper(explain):
        work()
    return found


def _read_first_and_far_page(tenant: Tenant, parameters: dict[str, str]) -> None:
    _, cursor = page_of_messages(tenant, read_query(parameters, ListQuery))
    if cursor is not None:
        *bound_to, _ = signing.loads(cursor, salt=CURSOR_SALT)
        far_id = Message.objects.filter(tenant=tenant).order_by("id")[200].public_id
        far = signing.dumps([*bound_to, far_id.hex], salt=CURSOR_SALT)
        page, _ = page_of_messages(tenant, read_query({**parameters, "cursor": far}, ListQuery))
        assert all(message.public_id < far_id for message in page)


def test_check_sees_a_read_of_the_whole_table(device):
    assert len(_whole_table_reads(Message.objects.filter(text="Order 1").count)) == 1


def test_lists_never_read_the_whole_table(device):
    lists = [*LISTS, {"deviceId": device.external_id}]
    reads = {
        str(parameters): _whole_table_reads(
            partial(_read_first_and_far_page, device.tenant, parameters)
        )
        for parameters in lists
    }
    assert reads == {str(parameters): [] for parameters in lists}


@pytest.mark.parametrize(
    "work",
    [
        sweeps.queue_scheduled,
        sweeps.return_expired_leases,
        sweeps.expire_overdue,
        sweeps.mark_silent_unknown,
        sweeps.reroute_waiting,
        sweeps.nudge_due,
    ],
)
def test_sweep_never_reads_the_whole_table(device, work):
    assert _whole_table_reads(work) == []


def test_what_runs_for_each_phone_or_send_never_reads_the_whole_table(device):
    Device.objects.update(last_seen_at=None)
    numbers = [f"+65810{n}" for n in range(200)]
    device.sims.update(segments_per_minute=5, segments_per_hour=50, segments_per_day=500)
    works = {
        "lease": lambda: lease_messages(device_id=device.pk),
        "due work": lambda: devices_with_due_work(device_ids=[device.pk]),
        "depths": lambda: queue_depths(device_ids=[device.pk]),
        "day": lambda: segments_of_day(sim_ids=[device.sims.get().pk]),
        "log": lambda: page_of_log(device, LogPosition()),
        "sticky": lambda: sticky_devices(device.tenant, numbers),
        "one": lambda: Message.objects.filter(
            tenant=device.tenant, public_id=uuid.UUID(int=1)
        ).first(),
    }
    assert {name: _whole_table_reads(work) for name, work in works.items()} == {
        name: [] for name in works
    }
