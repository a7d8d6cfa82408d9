"""Idempotency keys on `POST /v1/messages` and `…/batch`, over HTTP."""

import asyncio
import json

import pytest
from django.db import connections

from accounts.tests.factories import TenantFactory, bearer
from devices.tests.factories import DeviceFactory
from gateway_site.handler import ThreadedHandler
from messaging.models import Message

TEXT = {"to": "+6581230000", "text": "Hello"}


@pytest.fixture
def send(client, db):
    """A function that sends with an Idempotency-Key for a tenant with a phone."""
    headers = bearer(DeviceFactory().tenant)

    def post(body=TEXT, *, key="k", where="/v1/messages", **more):
        given = headers | {"Idempotency-Key": key} | more
        return client.post(where, body, "application/json", headers=given)

    return post


def test_repeated_request_is_replayed_to_the_byte(send):
    first, second = send(), send()
    assert (first.status_code, second.status_code, second.content) == (202, 202, first.content)
    assert (first.get("Idempotent-Replayed"), second["Idempotent-Replayed"]) == (None, "true")
    assert Message.objects.count() == 1


def test_repeated_batch_is_replayed_with_its_refusals(send):
    batch = {"messages": [TEXT, {"to": "nobody", "text": "x"}]}
    first, second = (send(batch, where="/v1/messages/batch") for _ in range(2))
    assert (second.content, second["Idempotent-Replayed"]) == (first.content, "true")
    assert Message.objects.count() == 1


@pytest.mark.parametrize(
    "other", [{"body": TEXT | {"text": "Bye"}}, {"where": "/v1/messages/batch"}]
)
def test_same_key_for_another_request_is_a_conflict(send, other):
    send()
    answer = send(**other)
    assert (answer.status_code, answer.json()["error"]) == (409, "conflict")
    assert Message.objects.count() == 1


def test_same_key_of_another_tenant_is_independent(client, send):
    send()
    others = bearer(DeviceFactory().tenant) | {"Idempotency-Key": "k"}
    answer = client.post("/v1/messages", TEXT, "application/json", headers=others)
    assert (answer.status_code, answer.get("Idempotent-Replayed")) == (202, None)
    assert Message.objects.count() == 2


def test_refused_request_may_be_repeated_when_the_reason_is_gone(client, db):
    tenant = TenantFactory()
    headers = bearer(tenant) | {"Idempotency-Key": "k"}

    def send() -> int:
        return client.post("/v1/messages", TEXT, "application/json", headers=headers).status_code

    refused = send()
    DeviceFactory(tenant=tenant)
    assert (refused, send(), send(), Message.objects.count()) == (503, 202, 202, 1)


@pytest.mark.parametrize("key", ["", "x" * 256, "café", "a\tb"])
def test_malformed_key_is_refused(send, key):
    answer = send(key=key)
    (issue,) = answer.json()["issues"]
    assert (answer.status_code, issue["path"], issue["code"]) == (
        400,
        "Idempotency-Key",
        "invalid_idempotency_key",
    )
    assert Message.objects.count() == 0


@pytest.fixture
def headers(transactional_db):
    """ASGI headers of a tenant with a phone, whose rows other connections see."""
    given = bearer(DeviceFactory().tenant) | {"Idempotency-Key": "k"}
    given |= {"Host": "localhost", "Content-Type": "application/json"}
    return [(name.lower().encode(), value.encode()) for name, value in given.items()]


@pytest.fixture
def handler(transactional_db, monkeypatch):
    """The server's handler, whose 20 threads each have a connection."""
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    handler = ThreadedHandler(threads=20, max_body_bytes=10_000)
    yield handler
    handler._threads.shutdown()


async def post(handler, headers) -> tuple[int, bytes]:
    """(status, body) of one request to the handler."""
    sent = []
    body = {"type": "http.request", "body": json.dumps(TEXT).encode()}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/messages",
        "query_string": b"",
        "headers": headers,
    }

    async def receive() -> dict:
        return body

    async def send(message: dict) -> None:
        sent.append(message)

    await handler(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


async def test_fifty_equal_requests_at_once_store_one_message(handler, headers):
    answers = await asyncio.gather(*(post(handler, headers) for _ in range(50)))
    count = await asyncio.to_thread(count_messages)
    assert (len(answers), len(set(answers)), answers[0][0], count) == (50, 1, 202, 1)


def count_messages() -> int:
    try:
        return Message.objects.count()
    finally:
        connections.close_all()
