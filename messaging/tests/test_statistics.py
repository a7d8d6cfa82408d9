"""What is counted, from when, and in which index."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.ids import first_id_of, new_id
from accounts.tests.factories import TenantFactory
from devices.tests.factories import DeviceFactory
from messaging import statistics
from messaging.statistics import KINDS, last_failures, statistics_of, waiting_count
from messaging.tests.factories import MessageFactory, in_bulk

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 12, 12, 40, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def device():
    return DeviceFactory(tenant__time_zone="Asia/Kolkata")  # +05:30: it is 18:10


@pytest.fixture
def tenant(device):
    return device.tenant


@pytest.fixture
def message(device):
    """A function that makes a message of a moment."""

    def make(at=NOW, **columns):
        low = first_id_of(at).int | (new_id().int & ((1 << 80) - 1))
        return MessageFactory(
            device=device, created_at=at, public_id=type(new_id())(int=low), **columns
        )

    return make


def counted(tenant, days) -> dict[str, dict[str, int]]:
    """Local start of each bucket that has any -> its kinds that have any."""
    return {
        bucket.start.strftime("%d %H:%M"): {kind: n for kind, n in bucket.counts.items() if n}
        for bucket in statistics_of(tenant, days=days).buckets
        if bucket.total
    }


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("scheduled", "waiting"),
        ("queued", "waiting"),
        ("leased", "waiting"),
        ("accepted", "waiting"),
        ("sent", "sent"),
        ("delivered", "delivered"),
        ("failed", "failed"),
        ("expired", "failed"),
        ("unknown", "failed"),
        ("canceled", "canceled"),
        ("received", "received"),
    ],
)
def test_status_is_counted_as_its_kind(tenant, message, status, kind):
    message(status=status)
    totals = statistics_of(tenant, days=1).totals
    assert totals == dict.fromkeys(KINDS, 0) | {kind: 1}


def test_hours_are_those_of_the_tenants_clock(tenant, message):
    for minutes in (0, 10, 11, 23 * 60 + 10, 23 * 60 + 11):
        message(NOW - timedelta(minutes=minutes), status="sent")
    message(NOW - timedelta(minutes=10, seconds=30), status="failed")
    assert counted(tenant, 1) == {
        "11 19:00": {"sent": 1},
        "12 17:00": {"sent": 1},
        "12 18:00": {"sent": 2, "failed": 1},
    }


def test_days_begin_at_the_tenants_midnight(tenant, message):
    midnight = datetime(2026, 6, 11, 18, 30, tzinfo=UTC)
    message(midnight, status="sent")
    message(midnight - timedelta(milliseconds=1), status="delivered")
    message(midnight - timedelta(days=6), status="sent")
    message(midnight - timedelta(days=6, milliseconds=1), status="sent")
    assert counted(tenant, 7) == {
        "06 00:00": {"sent": 1},
        "11 00:00": {"delivered": 1},
        "12 00:00": {"sent": 1},
    }
    assert statistics_of(tenant, days=7).sent_today == 1


def test_hours_on_the_day_of_a_clock_change_are_24(time_machine, tenant, message):
    type(tenant).objects.update(time_zone="Europe/Berlin")
    tenant.refresh_from_db()
    time_machine.move_to(datetime(2026, 10, 25, 3, 30, tzinfo=UTC), tick=False)
    message(datetime(2026, 10, 25, 0, 15, tzinfo=UTC), status="sent")  # 02:15 in summer time
    message(datetime(2026, 10, 25, 1, 15, tzinfo=UTC), status="sent")  # 02:15 in winter time
    buckets = statistics_of(tenant, days=1).buckets
    assert [f"{bucket.start:%d %H}" for bucket in buckets[-5:]] == [
        *("25 01", "25 02", "25 02", "25 03", "25 04")
    ]
    assert [bucket.total for bucket in buckets[-5:]] == [0, 1, 1, 0, 0]
    assert len(buckets) == 24


def test_other_tenants_are_not_counted(message):
    message(status="sent")
    assert counted(TenantFactory(), 1) == {}


def test_delivery_rate_is_of_what_left_or_failed(tenant, message):
    assert statistics_of(tenant, days=1).delivery_rate is None
    statistics.cache.clear()
    for status in ("delivered", "delivered", "delivered", "sent", "failed"):
        message(status=status)
    for status in ("queued", "canceled", "received"):
        message(status=status)
    assert statistics_of(tenant, days=1).delivery_rate == 0.6


def test_median_is_from_when_a_message_was_due_until_it_was_sent(tenant, message):
    assert statistics_of(tenant, days=1).median_seconds is None
    statistics.cache.clear()
    hour = NOW - timedelta(hours=1)
    message(hour, status="sent", sent_at=hour + timedelta(seconds=2))
    message(hour, status="delivered", sent_at=hour + timedelta(seconds=40))
    due = hour + timedelta(minutes=30)
    message(hour, status="sent", send_at=due, sent_at=due + timedelta(seconds=4))
    message(hour - timedelta(days=2), status="sent", sent_at=NOW)
    assert statistics_of(tenant, days=1).median_seconds == 4


def test_statistics_are_kept_for_a_while(time_machine, tenant, message):
    assert statistics_of(tenant, days=1).sent_today == 0
    message(status="sent")
    with CaptureQueriesContext(connection) as queries:
        assert statistics_of(tenant, days=1).sent_today == 0
    assert len(queries) == 0
    assert statistics_of(tenant, days=7).sent_today == 1


def test_settled_days_are_kept_longer_than_today_and_yesterday(time_machine, tenant, message):
    old, late = message(NOW - timedelta(days=2)), message(NOW - timedelta(days=1))
    before = counted(tenant, 7)
    type(old).objects.filter(pk__in=[old.pk, late.pk]).update(status="sent")
    time_machine.shift(statistics.KEPT_AT_MOST + 1)
    statistics.cache.delete(f"statistics:{tenant.pk}:7:{tenant.time_zone}")
    assert [before, counted(tenant, 7)] == [
        {"10 00:00": {"waiting": 1}, "11 00:00": {"waiting": 1}},
        {"10 00:00": {"waiting": 1}, "11 00:00": {"sent": 1}},
    ]


def test_waiting_are_due_and_not_sent_yet(tenant, device):
    for status in ("queued", "leased", "accepted"):
        in_bulk(2, device=device, status=status)
    for status in ("scheduled", "sent", "failed", "received"):
        in_bulk(1, device=device, status=status)
    assert waiting_count(tenant) == 6


def test_waiting_are_counted_up_to_a_limit(monkeypatch, tenant, device):
    monkeypatch.setattr(statistics, "MOST", 3)
    in_bulk(6, device=device)
    assert waiting_count(tenant) == 4


def test_last_failures_are_the_latest_of_all_kinds(tenant, message):
    made = [
        message(NOW - timedelta(minutes=n), status=status).pk
        for n, status in enumerate(("failed", "expired", "sent", "unknown", "failed", "canceled"))
    ]
    message_of_another = MessageFactory(status="failed")
    assert [row.pk for row in last_failures(tenant, 3)] == [made[0], made[1], made[3]]
    assert last_failures(message_of_another.tenant, 3) == [message_of_another]


@pytest.mark.django_db(transaction=True)  # for VACUUM, which tells what is in the index alone
def test_counting_reads_the_index_alone(tenant, message):
    """At a million messages the rows themselves would take seconds."""
    one = message(status="delivered")
    columns = [f.column for f in one._meta.fields if f.column not in ("id", "public_id")]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO messaging_message (public_id, {', '.join(columns)})"
            f" SELECT uuidv7(interval '1 second' * -n), {', '.join(columns)}"
            " FROM messaging_message, generate_series(1, 60000) AS n"
        )
        cursor.execute("VACUUM ANALYZE messaging_message")
    with CaptureQueriesContext(connection) as queries:
        statistics_of(tenant, days=30)
    counts = [row["sql"] for row in queries if "LATERAL" in row["sql"]]
    plans = []
    with connection.cursor() as cursor:
        for sql in counts:
            cursor.execute(f"EXPLAIN (COSTS OFF) {sql}")
            plans.append(" ".join(row for (row,) in cursor.fetchall()))
    only = "Index Only Scan using message_by_status"
    assert [plan.count(only) for plan in plans] == [1, 1, 1]
