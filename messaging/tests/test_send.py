"""POST /v1/messages, from the request to the row."""

import pytest

from accounts.models import ApiKey
from accounts.tests.factories import TenantFactory, bearer
from devices.tests.factories import DeviceFactory
from messaging.models import Message

pytestmark = pytest.mark.django_db


def test_send_stores_one_queued_message(client):
    device = DeviceFactory()
    response = client.post(
        "/v1/messages",
        {"to": "81230000", "text": "Hello", "ref": "order-1"},
        content_type="application/json",
        headers=bearer(device.tenant),
    )
    message = Message.objects.get()
    assert response.status_code == 202
    assert response.json()["id"] == message.external_id
    assert (message.recipient, message.status, message.device) == (
        "+6581230000",
        "queued",
        device,
    )
    assert [event.kind for event in message.events.all()] == ["queued"]


def test_send_without_phone_is_refused(client):
    response = client.post(
        "/v1/messages",
        {"to": "+6581230000", "text": "Hello"},
        content_type="application/json",
        headers=bearer(TenantFactory()),
    )
    assert (response.status_code, response.json()["error"]) == (503, "no_active_device_for_tenant")
    assert Message.objects.count() == 0


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"sim": 2}, "sim", "unknown_sim"),
        ({"deviceId": "dev_0000000000000000000000"}, "deviceId", "not_found"),
    ],
)
def test_send_to_what_is_not_there_is_refused(client, changes, path, code):
    device = DeviceFactory()
    response = client.post(
        "/v1/messages",
        {"to": "+6581230000", "text": "Hello", **changes},
        content_type="application/json",
        headers=bearer(device.tenant),
    )
    (issue,) = response.json()["issues"]
    assert (response.status_code, issue["path"], issue["code"]) == (400, path, code)


def test_send_with_test_key_to_a_real_phone_is_refused(client):
    device = DeviceFactory(kind="android")
    response = client.post(
        "/v1/messages",
        {"to": "+6581230000", "text": "Hi", "deviceId": device.external_id, "queueIfOffline": True},
        content_type="application/json",
        headers=bearer(device.tenant, prefix=ApiKey.TEST),
    )
    assert response.json()["issues"][0]["code"] == "not_simulated"
    assert Message.objects.count() == 0


def test_live_send_is_never_a_replay_of_a_test_send(client):
    device = DeviceFactory()
    answers = [
        client.post(
            "/v1/messages",
            {"to": "+6581230000", "text": "Hello"},
            content_type="application/json",
            headers={**bearer(device.tenant, prefix=prefix), "Idempotency-Key": "order-1"},
        ).status_code
        for prefix in (ApiKey.TEST, ApiKey.LIVE)
    ]
    assert answers == [202, 409]
