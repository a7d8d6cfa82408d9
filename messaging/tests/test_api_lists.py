"""`GET /v1/messages`, `…/cancel` and `…/preview` as clients see them."""

from datetime import timedelta

import pytest
from django.core import signing
from django.utils import timezone

from accounts.api.lists import CURSOR_SALT
from accounts.api.times import iso
from accounts.tests.factories import bearer
from devices.tests.factories import DeviceFactory
from messaging.models import Message
from messaging.tests.factories import MessageFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def device():
    return DeviceFactory()


@pytest.fixture
def listed(client, device):
    """A function that gets the list with the given query."""
    headers = bearer(device.tenant)
    return lambda **query: client.get("/v1/messages", query, headers=headers)


@pytest.fixture
def post(client, device):
    headers = bearer(device.tenant)
    return lambda where, body=None: client.post(where, body, "application/json", headers=headers)


def message_of(device, **columns) -> Message:
    return MessageFactory(device=device, tenant=device.tenant, **columns)


def test_row_of_the_list_is_what_the_contract_says(listed, device):
    message = message_of(device, ref="order-1", recipient="+6581230000")
    assert listed().json() == {
        "data": [
            {
                "id": message.external_id,
                "to": "+6581230000",
                "from": None,
                "text": "Hello",
                "ref": "order-1",
                "status": "queued",
                "direction": "outbound",
                "createdAt": iso(message.created_at),
            }
        ],
        "nextCursor": None,
    }


def test_list_is_newest_first_with_50_to_a_page_and_at_most_200(listed, device):
    messages = [message_of(device) for _ in range(51)]
    newest_first = [message.external_id for message in reversed(messages)]
    page = listed().json()
    rest = listed(cursor=page["nextCursor"]).json()
    assert [row["id"] for row in page["data"]] == newest_first[:50]
    assert ([row["id"] for row in rest["data"]], rest["nextCursor"]) == (newest_first[50:], None)
    assert len(listed(limit=200).json()["data"]) == 51


@pytest.mark.parametrize("count", [1, 3])
def test_list_takes_one_query(listed, device, count, django_assert_num_queries):
    for _ in range(count):
        message_of(device)
    listed()  # now the key is known
    with django_assert_num_queries(1):
        assert len(listed().json()["data"]) == count


@pytest.mark.parametrize(
    ("query", "path", "code"),
    [
        ({"limit": 0}, "limit", "invalid_value"),
        ({"limit": 201}, "limit", "invalid_value"),
        ({"limit": "many"}, "limit", "invalid_type"),
        ({"limit": ""}, "limit", "invalid_type"),
        ({"limit": "9" * 5000}, "limit", "invalid_value"),
        ({"limit": "1e400"}, "limit", "invalid_value"),
        ({"direction": "sideways"}, "direction", "invalid_value"),
        ({"status": "leased"}, "status", "invalid_value"),
        ({"since": "yesterday"}, "since", "invalid_value"),
        ({"since": "2026-06-12T18:40:00"}, "since", "invalid_value"),
        ({"until": "inf"}, "until", "invalid_value"),
        ({"q": ""}, "q", "invalid_value"),
        ({"q": "x" * 101}, "q", "invalid_value"),
        ({"q": "a\x00b"}, "q", "invalid_characters"),
        ({"cursor": ""}, "cursor", "invalid_cursor"),
        ({"cursor": "nonsense"}, "cursor", "invalid_cursor"),
        ({"colour": "red"}, "colour", "unknown_parameter"),
        ({"a\x00b": "1"}, "a\x00b", "unknown_parameter"),
    ],
)
def test_query_that_makes_no_sense_is_named(listed, query, path, code):
    answer = listed(**query)
    (issue,) = answer.json()["issues"]
    assert (answer.status_code, issue["path"], issue["code"]) == (400, path, code)


@pytest.mark.parametrize("name", ["to", "from", "deviceId"])
def test_filter_for_nobody_finds_nothing(listed, device, name):
    message_of(device, sender="+6591110000")
    assert listed(**{name: ""}).json()["data"] == []


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1", "-1", "253402300799"]
)
def test_bounds_at_the_ends_of_the_calendar_are_bounds(listed, device, moment):
    message_of(device)
    found = [len(listed(**{bound: moment}).json()["data"]) for bound in ("since", "until")]
    assert sum(found) == 1


def test_cursor_does_not_tell_how_many_tenants_there_are(listed, device):
    message_of(device)
    message_of(device)
    cursor = listed(limit=1).json()["nextCursor"]
    parts = signing.loads(cursor, salt=CURSOR_SALT)
    assert [part for part in parts if isinstance(part, int)] == []


def test_cancel_of_a_waiting_message_is_done_at_once(post, device):
    message = message_of(device)
    answer = post(f"/v1/messages/{message.external_id}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "canceled")


def test_cancel_of_a_message_on_its_phone_is_asked_for(post, device):
    message = message_of(device, status="accepted")
    answer = post(f"/v1/messages/{message.external_id}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    message.refresh_from_db()
    assert message.cancel_requested_at > timezone.now() - timedelta(minutes=1)


@pytest.mark.parametrize("status", ["sent", "delivered", "failed", "canceled", "received"])
def test_cancel_of_what_has_ended_is_a_conflict(post, device, status):
    direction = "inbound" if status == "received" else "outbound"
    message = message_of(device, status=status, direction=direction)
    answer = post(f"/v1/messages/{message.external_id}/cancel")
    assert (answer.status_code, answer.json()["error"]) == (409, "conflict")


def test_preview_counts_without_sending(post):
    answer = post("/v1/messages/preview", {"text": "x" * 161, "to": "81230000"})
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "encoding": "gsm7",
            "segments": 2,
            "units": 161,
            "unitsPerSegment": 153,
            "unitsLeft": 145,
            "forcedBy": "",
            "cost": 2,
            "to": "+6581230000",
        },
    )
    assert Message.objects.count() == 0


def test_preview_names_what_forces_the_dearer_encoding(post):
    told = post("/v1/messages/preview", {"text": "Hello \N{GRINNING FACE}中"}).json()
    assert (told["encoding"], told["forcedBy"], told["to"]) == (
        "ucs2",
        "\N{GRINNING FACE}中",
        None,
    )


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({}, "text", "required"),
        ({"text": ""}, "text", "invalid_value"),
        ({"text": "x" * 1601}, "text", "invalid_value"),
        ({"text": "x", "to": "nobody"}, "to", "invalid_phone_number"),
    ],
)
def test_preview_names_what_is_wrong(post, body, path, code):
    answer = post("/v1/messages/preview", body)
    (issue,) = answer.json()["issues"]
    assert (answer.status_code, issue["path"], issue["code"]) == (400, path, code)
