"""`POST /v1/messages/batch`: one answer for each item, in the order sent."""

import json

import pytest

from accounts.tests.factories import TenantFactory, bearer
from devices.tests.factories import DeviceFactory
from messaging.models import Message

pytestmark = pytest.mark.django_db

GOOD = {"to": "+6581230000", "text": "Hello"}


@pytest.fixture
def send(client):
    """A function that sends a body (an object, or bytes) for a tenant with a phone."""
    headers = bearer(DeviceFactory().tenant)
    where = "/v1/messages/batch"
    return lambda body: client.post(where, body, "application/json", headers=headers)


def outcomes(answer) -> list[tuple[str, str]]:
    """("queued", "") or (error, path of its first issue) of each item."""
    assert answer.status_code == 202
    return [
        (item["status"], "") if "id" in item else (item["error"], item["issues"][0]["path"])
        for item in answer.json()["data"]
    ]


def test_items_are_answered_in_the_order_sent(send):
    texts = [f"Text {number}" for number in range(50)]
    answer = send({"messages": [GOOD | {"text": text} for text in texts]})
    ids = [item["id"] for item in answer.json()["data"]]
    stored = {message.external_id: message.text for message in Message.objects.all()}
    assert [stored[message_id] for message_id in ids] == texts
    assert {tuple(item) for item in answer.json()["data"]} == {("id", "status", "createdAt")}


@pytest.mark.parametrize(
    ("bad", "path"),
    [
        ({}, "to"),
        (5, ""),
        (None, ""),
        ([], ""),
        ({"to": "nobody", "text": "x"}, "to"),
        (GOOD | {"text": ""}, "text"),
        (GOOD | {"text": "\x00"}, "text"),
        (GOOD | {"metadata": {"\x00": 1}}, "metadata"),
        (GOOD | {"deviceId": "dev_nonsense"}, "deviceId"),
        (GOOD | {"sendAt": "9999-12-31T23:59:59Z", "ttl": 60}, "sendAt"),
    ],
)
def test_bad_item_does_not_stop_the_others(send, bad, path):
    answer = send({"messages": [GOOD, bad, GOOD]})
    assert outcomes(answer) == [("queued", ""), ("validation_error", path), ("queued", "")]
    assert Message.objects.count() == 2


@pytest.mark.parametrize(
    ("bad", "path"),
    [
        (b'{"to": "+6581230000", "text": "x", "sim": 1e400}', "sim"),
        (b'{"to": "+6581230000", "text": "x", "sim": ' + b"9" * 5000 + b"}", "sim"),
        (
            b'{"to": "+6581230000", "text": "x", "metadata": ' + b'{"a":' * 21 + b"1" + b"}" * 22,
            "metadata",
        ),
        (b'{"to": "+6581230000", "text": "\xff"}', ""),
    ],
)
def test_item_that_is_no_fit_json_does_not_stop_the_others(send, bad, path):
    good = json.dumps(GOOD).encode()
    answer = send(b'{"messages": [%b, %b, %b]}' % (good, bad, good))
    assert outcomes(answer) == [("queued", ""), ("validation_error", path), ("queued", "")]


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        (b"{}", "messages", "required"),
        (b'{"messages": {}}', "messages", "invalid_type"),
        (b'{"messages": []}', "messages", "invalid_value"),
        (b'{"messages": [' + b"{}," * 10_000 + b"{}]}", "messages", "invalid_value"),
        (b'{"messages": [{"to": "1"', "", "malformed_json"),
        (rb'{"messages": [{}, {"text": "\ud800"}]}', "messages[1].text", "invalid_characters"),
        (b'{"messages": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}", "", "too_deep"),
    ],
)
def test_body_that_is_no_batch_is_refused_whole(send, body, path, code):
    answer = send(body)
    (issue,) = answer.json()["issues"]
    assert (answer.status_code, issue["path"], issue["code"]) == (400, path, code)
    assert Message.objects.count() == 0


def test_ten_thousand_items_are_one_batch(send):
    answer = send({"messages": [GOOD] * 10_000})
    assert set(outcomes(answer)) == {("queued", "")}
    assert (len(answer.json()["data"]), Message.objects.count()) == (10_000, 10_000)


def test_items_without_a_phone_are_refused_one_by_one(client):
    headers = bearer(TenantFactory())
    messages = [GOOD, GOOD | {"queueIfOffline": True}]
    body = {"messages": messages}
    answer = client.post("/v1/messages/batch", body, "application/json", headers=headers)
    refused, held = answer.json()["data"]
    assert (answer.status_code, refused["error"], held["status"]) == (
        202,
        "no_active_device_for_tenant",
        "queued",
    )


@pytest.mark.parametrize("count", [1, 100])
def test_batch_takes_as_many_queries_for_one_item_as_for_a_hundred(
    send, count, django_assert_max_num_queries
):
    send({"messages": [GOOD]})  # now the key is known
    with django_assert_max_num_queries(8):
        send({"messages": [GOOD] * count})
