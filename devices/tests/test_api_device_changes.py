"""PATCH and DELETE `/v1/devices/{id}`."""

import pytest

from accounts.tests.factories import bearer
from devices.models import Device
from devices.tests.factories import DeviceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def device():
    return DeviceFactory(name="Front desk", is_default=True)


@pytest.fixture
def patch(client, device):
    """A function that sends a change of the device."""
    headers, where = bearer(device.tenant), f"/v1/devices/{device.external_id}"
    return lambda change: client.patch(where, change, "application/json", headers=headers)


def issue_of(answer) -> tuple[int, str, str]:
    (issue,) = answer.json()["issues"]
    return answer.status_code, issue["path"], issue["code"]


def test_patch_changes_what_it_names_and_nothing_else(patch, device):
    other = DeviceFactory(tenant=device.tenant)
    answer = patch({"nickname": "Back office", "status": "paused"})
    device.refresh_from_db()
    assert (answer.status_code, answer.json()["nickname"], answer.json()["status"]) == (
        200,
        "Back office",
        "paused",
    )
    assert (device.name, device.status, device.is_default) == ("Back office", "paused", True)
    assert patch({"status": "active"}).json()["status"] == "active"
    assert patch({}).status_code == 200
    other.refresh_from_db()
    assert (other.status, other.is_default) == ("active", False)


def test_patch_makes_a_device_the_default(client, device):
    other = DeviceFactory(tenant=device.tenant)
    where, headers = f"/v1/devices/{other.external_id}", bearer(device.tenant)
    answer = client.patch(where, {"isDefault": True}, "application/json", headers=headers)
    assert (answer.json()["isDefault"], Device.objects.get(is_default=True)) == (True, other)


def test_patch_limits_a_sim(patch):
    limits = {"segmentsPerMinute": 30, "minGapMs": 500, "quietFrom": "22:00", "quietUntil": "07:30"}
    answer = patch({"sims": [{"slot": 1, "limits": limits}]})
    assert answer.json()["sims"][0]["limits"] == limits | {
        "segmentsPerHour": None,
        "segmentsPerDay": None,
        "jitterMs": 0,
    }


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"nickname": ""}, "nickname", "invalid_value"),
        ({"nickname": "x" * 61}, "nickname", "invalid_value"),
        ({"nickname": 1}, "nickname", "invalid_type"),
        ({"isDefault": False}, "isDefault", "invalid_value"),
        ({"status": "revoked"}, "status", "invalid_value"),
        ({"sims": [{"slot": 0, "limits": {}}]}, "sims[0].slot", "invalid_value"),
        ({"sims": [{"slot": 1}]}, "sims[0].limits", "required"),
        ({"sims": [{"slot": 2, "limits": {}}]}, "sims[0].slot", "unknown_sim"),
        (
            {"sims": [{"slot": 1, "limits": {"segmentsPerDay": -1}}]},
            "sims[0].limits.segmentsPerDay",
            "invalid_value",
        ),
        (
            {"sims": [{"slot": 1, "limits": {"quietFrom": "25:00"}}]},
            "sims[0].limits.quietFrom",
            "invalid_value",
        ),
        (
            {"sims": [{"slot": 1, "limits": {"quietFrom": "22:00+08:00", "quietUntil": "07:00"}}]},
            "sims[0].limits.quietFrom",
            "invalid_value",
        ),
        (
            {"sims": [{"slot": 1, "limits": {"quietFrom": "22:00"}}]},
            "sims[0].limits.quietUntil",
            "required",
        ),
        (
            {"sims": [{"slot": 1, "limits": {}}, {"slot": 1, "limits": {"quietUntil": "22:00"}}]},
            "sims[1].limits.quietFrom",
            "required",
        ),
        ({"sims": [{"slot": 1, "limits": {}}] * 17}, "sims", "invalid_value"),
    ],
)
def test_patch_names_what_is_wrong_and_changes_nothing(patch, device, change, path, code):
    assert issue_of(patch({"status": "paused"} | change)) == (400, path, code)
    device.refresh_from_db()
    assert (device.status, device.tenant.audit_entries.filter(action="device.paused").count()) == (
        "active",
        0,
    )


def test_delete_revokes_and_the_device_is_gone(client, device):
    where, headers = f"/v1/devices/{device.external_id}", bearer(device.tenant)
    answer = client.delete(where, headers=headers)
    device.refresh_from_db()
    assert (answer.status_code, answer.content, device.status) == (204, b"", "revoked")
    assert [
        client.delete(where, headers=headers).status_code,
        client.get(where, headers=headers).status_code,
    ] == [404, 404]
