"""`POST /v1/messages`: what is taken, what is refused, and `GET /v1/messages/{id}`."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.api.times import iso
from accounts.tests.factories import bearer
from devices.tests.factories import DeviceFactory
from messaging.models import Message
from messaging.tests.factories import MessageFactory

pytestmark = pytest.mark.django_db

TEXT = {"to": "+6581230000", "text": "Hello"}


@pytest.fixture
def device():
    return DeviceFactory()


@pytest.fixture
def send(client, device):
    """A function that sends TEXT with changes; a field of None is left out."""
    headers = bearer(device.tenant)

    def post(**changes):
        body = {name: value for name, value in (TEXT | changes).items() if value is not None}
        return client.post("/v1/messages", body, "application/json", headers=headers)

    return post


@pytest.fixture
def show(client, device):
    """A function that gets a message of the device's tenant."""
    headers = bearer(device.tenant)
    return lambda message_id: client.get(f"/v1/messages/{message_id}", headers=headers)


def issues_of(answer) -> list[tuple[str, str]]:
    assert (answer.status_code, answer.json()["error"]) == (400, "validation_error")
    return [(issue["path"], issue["code"]) for issue in answer.json()["issues"]]


def later(**by: float) -> str:
    return (timezone.now() + timedelta(**by)).isoformat()


def test_accepted_message_is_told_as_the_contract_says(send):
    answer = send()
    message = Message.objects.get()
    assert (answer.status_code, answer.json()) == (
        202,
        {"id": message.external_id, "status": "queued", "createdAt": iso(message.created_at)},
    )


@pytest.mark.parametrize(
    ("given", "stored"),
    [("81230000", "+6581230000"), ("+65 8123-0000", "+6581230000"), ("72227", "72227")],
)
def test_number_is_stored_in_one_form(send, given, stored):
    assert send(to=given).status_code == 202
    assert Message.objects.get().recipient == stored


@pytest.mark.parametrize("text", ["x", "x" * 1600, "中" * 1600, "\N{GRINNING FACE}" * 1600, " \n"])
def test_text_may_have_1_to_1600_characters(send, text):
    assert send(text=text).status_code == 202
    assert Message.objects.get().text == text


@pytest.mark.parametrize(
    ("changes", "issues"),
    [
        ({"to": None}, [("to", "required")]),
        ({"text": None}, [("text", "required")]),
        ({"to": "nobody"}, [("to", "invalid_phone_number")]),
        ({"to": ""}, [("to", "invalid_phone_number")]),
        ({"to": "+65" * 50_000}, [("to", "invalid_phone_number")]),
        ({"text": ""}, [("text", "invalid_length")]),
        ({"text": "x" * 1601}, [("text", "invalid_length")]),
        ({"to": "x", "text": ""}, [("to", "invalid_phone_number"), ("text", "invalid_length")]),
        ({"ref": "x" * 65}, [("ref", "invalid_length")]),
        ({"callback": "ftp://example.com"}, [("callback", "invalid_url")]),
        ({"callback": "nonsense"}, [("callback", "invalid_url")]),
        ({"callback": "http://[::1"}, [("callback", "invalid_url")]),
        ({"callback": "https://example.com/" + "x" * 2000}, [("callback", "invalid_url")]),
        ({"channel": "fax"}, [("channel", "invalid_value")]),
        ({"deviceId": "dev_nonsense"}, [("deviceId", "not_found")]),
        ({"deviceId": ""}, [("deviceId", "not_found")]),
        ({"sim": 0}, [("sim", "invalid_value")]),
        ({"sim": 17}, [("sim", "invalid_value")]),
        ({"priority": "soon"}, [("priority", "invalid_value")]),
        ({"sendAt": "tomorrow"}, [("sendAt", "invalid_value")]),
        ({"sendAt": "2099-01-01T00:00:00"}, [("sendAt", "invalid_value")]),
        ({"sendAt": later(days=367)}, [("sendAt", "too_late")]),
        ({"expiresAt": later(seconds=-1)}, [("expiresAt", "too_early")]),
        ({"expiresAt": later(hours=1), "sendAt": later(hours=2)}, [("expiresAt", "too_early")]),
        ({"ttl": 0}, [("ttl", "invalid_value")]),
        ({"ttl": 31_536_001}, [("ttl", "invalid_value")]),
        ({"ttl": 60, "expiresAt": later(hours=1)}, [("ttl", "conflict")]),
        ({"metadata": []}, [("metadata", "invalid_type")]),
        ({"metadata": {"a": "x" * 2100}}, [("metadata", "too_large")]),
        ({"maxSegments": 0}, [("maxSegments", "invalid_value")]),
        ({"maxSegments": 1, "text": "x" * 161}, [("text", "too_many_segments")]),
    ],
)
def test_refusal_names_every_field_that_is_wrong(send, changes, issues):
    assert issues_of(send(**changes)) == issues
    assert Message.objects.count() == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"sendAt": "9999-12-31T23:59:59-14:00", "ttl": 60},
        {"sendAt": "9999-12-31T23:59:59Z", "ttl": 31_536_000},
        {"sendAt": "0001-01-01T00:00:00+14:00", "ttl": 60},
        {"expiresAt": "9999-12-31T23:59:59-14:00"},
        {"expiresAt": "0001-01-01T00:00:00+14:00"},
    ],
)
def test_times_at_the_ends_of_the_calendar_are_refused(send, changes):
    assert [path for path, _ in issues_of(send(**changes))] == [next(iter(changes))]


def test_everything_that_was_asked_for_is_kept_and_shown(send, show, device):
    expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    answer = send(
        ref="order-1",
        callback="https://example.com/hook",
        channel="sms",
        deviceId=device.external_id,
        sim=1,
        priority="urgent",
        expiresAt=expires_at.isoformat(),
        queueIfOffline=True,
        metadata={"order": {"id": 1, "ok": True, "note": None}},
        maxSegments=2,
    )
    message = Message.objects.get()
    shown = show(answer.json()["id"]).json()
    assert shown == {
        "id": message.external_id,
        "to": "+6581230000",
        "from": None,
        "text": "Hello",
        "ref": "order-1",
        "status": "queued",
        "attempts": 0,
        "createdAt": iso(message.created_at),
        "sentAt": None,
        "deliveredAt": None,
        "failedAt": None,
        "error": None,
        "errorCode": None,
        "direction": "outbound",
        "segments": 1,
        "encoding": "gsm7",
        "deviceId": device.external_id,
        "sim": 1,
        "metadata": {"order": {"id": 1, "ok": True, "note": None}},
        "scheduledAt": None,
        "expiresAt": iso(expires_at),
    }
    assert (message.lane, message.callback, message.is_pinned) == (
        Message.Lane.URGENT,
        "https://example.com/hook",
        True,
    )


def test_scheduled_message_waits_and_says_so(send, show):
    at = later(hours=1)
    answer = send(sendAt=at, ttl=60)
    shown = show(answer.json()["id"]).json()
    assert (answer.json()["status"], shown["status"]) == ("scheduled", "scheduled")
    assert shown["scheduledAt"] == iso(datetime.fromisoformat(at))
    assert shown["expiresAt"] == iso(datetime.fromisoformat(at) + timedelta(seconds=60))


@pytest.mark.parametrize(
    "value",
    [0, -1, 1.5, 1e20, 1e-300, -0.0, 10**30, 2**63, 2**64 - 1, "中\N{GRINNING FACE}", "", [[]]],
)
def test_metadata_comes_back_as_it_was_sent(send, show, value):
    answer = send(metadata={"value": value})
    assert show(answer.json()["id"]).json()["metadata"] == {"value": value}


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("scheduled", "scheduled"),
        ("queued", "queued"),
        ("leased", "queued"),
        ("accepted", "queued"),
        ("sent", "sent"),
        ("delivered", "delivered"),
        ("failed", "failed"),
        ("unknown", "failed"),
        ("expired", "expired"),
        ("canceled", "canceled"),
        ("received", "received"),
    ],
)
def test_internal_steps_show_as_the_public_status(show, device, state, shown):
    message = MessageFactory(device=device, tenant=device.tenant, status=state)
    assert show(message.external_id).json()["status"] == shown
