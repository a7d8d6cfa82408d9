"""`/v1/devices`."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.api.times import iso
from accounts.tests.factories import bearer
from devices.models import Device, DeviceAlert
from devices.services.alerts import end_alerts, raise_alerts
from devices.tests.factories import DeviceFactory, SimFactory
from messaging.tests.factories import MessageFactory

pytestmark = pytest.mark.django_db

NO_LIMITS = {
    "segmentsPerMinute": None,
    "segmentsPerHour": None,
    "segmentsPerDay": None,
    "minGapMs": 0,
    "jitterMs": 0,
    "quietFrom": None,
    "quietUntil": None,
}


@pytest.fixture
def device():
    return DeviceFactory(name="Front desk", is_default=True)


def test_device_is_shown_with_everything_that_is_known(client, device):
    Device.objects.update(
        model="Pixel 7",
        app="agent 1.0",
        battery=80,
        is_charging=True,
        network="wifi",
        signal=4,
        sent_count=12,
        received_count=3,
        last_seen_at=datetime(2026, 6, 12, 18, 40, tzinfo=UTC),
    )
    MessageFactory.create_batch(2, device=device)
    MessageFactory(device=device, status="delivered")
    answer = client.get(f"/v1/devices/{device.external_id}", headers=bearer(device.tenant))
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "id": device.external_id,
            "nickname": "Front desk",
            "model": "Pixel 7",
            "status": "offline",
            "lastSeenAt": "2026-06-12T18:40:00.000Z",
            "sentCount": 12,
            "receivedCount": 3,
            "kind": "simulated",
            "app": "agent 1.0",
            "isDefault": True,
            "battery": 80,
            "isCharging": True,
            "network": "wifi",
            "signal": 4,
            "queueDepth": 2,
            "alerts": [],
            "limits": {
                "segmentsPerMinute": None,
                "segmentsPerHour": None,
                "segmentsPerDay": None,
            },
            "sims": [
                {
                    "slot": 1,
                    "number": "+6598765432",
                    "carrier": None,
                    "isPresent": True,
                    "limits": NO_LIMITS,
                }
            ],
        },
    )


@pytest.mark.parametrize(
    ("decided", "silent_seconds", "shown"),
    [
        ("active", 0, "active"),
        ("active", 1000, "offline"),
        ("active", None, "offline"),
        ("paused", 0, "paused"),
        ("paused", 1000, "paused"),
    ],
)
def test_status_is_what_people_decided_or_whether_the_phone_is_there(
    client, decided, silent_seconds, shown
):
    seen_at = None if silent_seconds is None else timezone.now() - timedelta(seconds=silent_seconds)
    device = DeviceFactory(status=decided, last_seen_at=seen_at)
    (listed,) = client.get("/v1/devices", headers=bearer(device.tenant)).json()["data"]
    assert listed["status"] == shown


def test_alerts_are_those_that_are_open(client, device):
    raise_alerts(kind=DeviceAlert.Kind.OFFLINE, details={device.pk: "Gone."})
    end_alerts(device_ids=[device.pk])
    raise_alerts(kind=DeviceAlert.Kind.BATTERY_LOW, details={device.pk: "Its battery is at 9 %."})
    raised_at = iso(DeviceAlert.objects.get(ended_at=None).raised_at)
    shown = {"kind": "battery_low", "raisedAt": raised_at, "detail": "Its battery is at 9 %."}
    headers = bearer(device.tenant)
    (listed,) = client.get("/v1/devices", headers=headers).json()["data"]
    answer = client.get(f"/v1/devices/{device.external_id}", headers=headers).json()
    assert (listed["alerts"], answer["alerts"]) == ([shown], [shown])


def test_list_has_the_tenants_devices_oldest_first(client, device):
    second = DeviceFactory(tenant=device.tenant)
    DeviceFactory(tenant=device.tenant, status=Device.Status.REVOKED)
    DeviceFactory()
    listed = client.get("/v1/devices", headers=bearer(device.tenant)).json()["data"]
    assert [row["id"] for row in listed] == [device.external_id, second.external_id]


@pytest.mark.parametrize("count", [1, 30])
def test_list_takes_as_many_queries_for_one_device_as_for_thirty(
    client, count, django_assert_num_queries
):
    devices = [DeviceFactory()]
    devices += DeviceFactory.create_batch(count - 1, tenant=devices[0].tenant)
    SimFactory(device=devices[0], slot=2)
    headers = bearer(devices[0].tenant)
    client.get("/v1/devices", headers=headers)  # now the key is known
    with django_assert_num_queries(4):  # devices, SIMs, queues, alerts
        answer = client.get("/v1/devices", headers=headers)
    assert len(answer.json()["data"]) == count


def test_totals_add_up_the_sims_that_all_have_a_limit(client, device):
    device.sims.update(segments_per_minute=30, segments_per_day=100)
    SimFactory(device=device, slot=2, segments_per_minute=20)
    answer = client.get(f"/v1/devices/{device.external_id}", headers=bearer(device.tenant))
    assert answer.json()["limits"] == {
        "segmentsPerMinute": 50,
        "segmentsPerHour": None,
        "segmentsPerDay": None,
    }
