"""What only the HTTP face of the device protocol has: authentication, limits, waiting."""

import asyncio
import json

import pytest

from accounts.services.tenants import suspend_tenant
from accounts.tests.factories import bearer
from devices.hub import hub, run
from devices.models import Device
from devices.services.devices import revoke_device
from devices.tests.factories import DeviceFactory, token_of
from devices.tests.http_phones import PATH, Answer, Request, ask
from devices.tests.sockets import SECONDS
from messaging.models import Message, MessageEvent
from messaging.services.outbound import cancel_message
from messaging.tests.factories import MessageFactory, in_bulk
from messaging.tests.phones import queue_for

HEARTBEAT = {"type": "heartbeat", "id": "beat-1"}
ACK = {"type": "ack", "id": "beat-1"}
TEXT = b'{"type": "message.received", "id": "1", "from": "+6581230000", "text": "Hi"}'


@pytest.fixture(autouse=True)
def _without_poll(settings):
    """Unless a test says otherwise, nobody looks around for lost nudges."""
    settings.DEVICE_POLL_SECONDS = 3600.0


@pytest.fixture
def device(no_lasting_connections):
    return DeviceFactory()


@pytest.fixture
def token(device):
    return token_of(device)


def told(answer: Answer) -> list[tuple[str, str]]:
    """(type, attempt id) of the frames in a good answer."""
    assert answer.status == 200
    return [(frame["type"], frame["attempt_id"]) for frame in answer.body]


async def until_waiting(device: Device, count: int = 1) -> None:
    """Wait until so many of the phone's requests are known to the hub."""
    async with asyncio.timeout(SECONDS):
        while len(hub._sockets.get(device.pk, ())) < count:
            await asyncio.sleep(0.01)


async def test_token_is_asked_for(device):
    key = (await run(bearer, tenant=device.tenant))["Authorization"].removeprefix("Bearer ")
    for token in ("", "dt_x", key):
        for method in ("GET", "POST"):
            answer = await ask(token, method, body=[])
            assert (answer.status, answer.error) == (401, "invalid_token")
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_token_in_the_query_is_no_token(token):
    assert (await ask("", "POST", f"token={token}", [])).status == 401


async def test_facts_are_answered_in_order_whether_good_or_bad(device, token):
    message = await run(MessageFactory, device=device, tenant=device.tenant, leased=True)
    attempt = {"attempt_id": message.attempt_id}
    answer = await ask(
        token,
        "POST",
        body=[
            {"type": "message.accepted", "id": "1"} | attempt,
            {"type": "message.sent", "id": "2", "attempt_id": "msg_x.1"},
            {"type": "message.teleport", "id": "3"},
            {"type": "message.sent", "id": "4"} | attempt,
            {"type": "pull"},
            {"type": "message.received", "id": "5", "from": "+6581230000", "text": "Hi"},
            {"type": "heartbeat", "id": "6", "battery": 101},
            {"type": "message.delivered", "id": "7"} | attempt,
        ],
    )
    assert answer.status == 200
    said = [(frame["type"], frame["id"], frame.get("code")) for frame in answer.body]
    assert said == [
        ("ack", "1", None),
        ("error", "2", "unknown_attempt"),
        ("error", "3", "unknown_type"),
        ("ack", "4", None),
        ("ack", "5", None),
        ("error", "6", "invalid_frame"),
        ("ack", "7", None),
    ]
    events = MessageEvent.objects.filter(message=message).exclude(kind="leased").order_by("pk")
    kinds = await run(lambda: list(events.values_list("kind", flat=True)))
    assert kinds == ["accepted", "sent", "delivered"]
    assert await run(Message.objects.filter(direction="inbound").count) == 1


async def test_hundred_reports_in_one_request_share_it(device, token, settings):
    settings.DEVICE_WINDOW_PER_SIM = 100
    await run(in_bulk, count=100, device=device)
    offers = [attempt_id for _, attempt_id in told(await ask(token, "GET", "wait=0"))]
    sent = [
        {"type": "message.sent", "id": f"fact-{number}", "attempt_id": attempt_id}
        for number, attempt_id in enumerate(offers)
    ]
    answer = await ask(token, "POST", body=sent)
    assert answer.body == [{"type": "ack", "id": fact["id"]} for fact in sent]
    assert await run(Message.objects.filter(status="sent").count) == 100


async def test_heartbeat_needs_no_hello_and_is_answered_with_the_settings(device, token):
    answer = await ask(token, "POST", body=[HEARTBEAT])
    assert answer.body[0] == ACK
    assert [frame["type"] for frame in answer.body] == ["ack", "settings"]
    assert answer.body[1]["settings"]["sims"] == [{"slot": 1, "min_gap_ms": 0, "jitter_ms": 0}]


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        (b"", "", "malformed_json"),
        (b"[{]", "", "malformed_json"),
        (b"{}", "", "invalid_type"),
        (b"[" + TEXT + b", 5]", "[1]", "invalid_type"),
        (b"[" + TEXT + b", [], {}]", "[1]", "invalid_type"),
        (b"[" + TEXT + b', {"x": "' + b"x" * 65_536 + b'"}]', "[1]", "too_long"),
        (b"[" * 100_000, "", "too_deep"),
        (json.dumps([{"type": "pull"}] * 101).encode(), "", "invalid_value"),
    ],
)
async def test_body_that_is_no_list_of_frames_is_refused_with_the_path(token, body, path, code):
    answer = await ask(token, "POST", body=body)
    assert (answer.status, answer.error) == (400, "validation_error")
    assert [(issue["path"], issue["code"]) for issue in answer.body["issues"]] == [(path, code)]
    assert await run(Message.objects.count) == 0


async def test_half_an_emoji_and_bytes_that_are_no_text_do_not_lose_the_fact(token):
    fact = b'{"type": "message.received", "id": "%d", "from": "+6581230000", "text": "%s"}'
    texts = [rb"cut \ud83d", b"odd \xff", rb"NUL \u0000"]
    body = b"[" + b",".join(fact % pair for pair in enumerate(texts)) + b"]"
    answer = await ask(token, "POST", body=body)
    assert answer.body == [{"type": "ack", "id": str(number)} for number in range(3)]
    stored = await run(lambda: list(Message.objects.order_by("pk").values_list("text", flat=True)))
    assert stored == ["cut ?", "odd \ufffd", "NUL "]


async def test_other_bodies_and_methods_are_refused(token):
    assert (await ask(token, "POST", body=b"[]", content_type="text/plain")).status == 415
    assert (await ask(token, "POST", body=b" " * 1_000_001)).status == 413
    answers = [await ask(token, method, body=[]) for method in ("PUT", "HEAD", "DELETE")]
    assert [answer.status for answer in answers] == [405] * 3


@pytest.mark.parametrize("query", ["wait=56", "wait=-1", "wait=x", "wait=", "wait=1.5", "weight=1"])
async def test_odd_wait_is_refused(token, query):
    answer = await ask(token, "GET", query)
    assert (answer.status, answer.error) == (400, "validation_error")


async def test_too_many_frames_are_told_when_to_come_again(token, monkeypatch):
    monkeypatch.setattr("messaging.api.phones.FRAMES_PER_WINDOW", 3)
    assert (await ask(token, "POST", body=[HEARTBEAT] * 3)).status == 200
    for answer in (await ask(token, "POST", body=[HEARTBEAT]), await ask(token, "GET", "wait=0")):
        assert (answer.status, answer.error) == (429, "rate_limited")
        assert 1 <= int(answer.headers["retry-after"]) <= 10


async def test_every_request_is_a_sign_of_life(token, device):
    for method in ("GET", "POST"):
        await run(Device.objects.update, is_online=False, last_seen_at=None, contact_seconds=900)
        await ask(token, method, "wait=0", [])
        device = await run(Device.objects.get)
        assert (device.is_online, device.is_heard, device.contact_seconds) == (True, True, None)


async def test_without_waiting_there_is_what_is_due_or_nothing(device, token):
    empty = await ask(token, "GET", "wait=0")
    assert (empty.status, empty.body, empty.headers["cache-control"]) == (200, [], "no-store")
    message = await queue_for(device)
    assert told(await ask(token, "GET", "wait=0")) == [("message.send", message.attempt_id)]


async def test_wait_that_brings_nothing_ends_empty(token):
    answer = await ask(token, "GET", "wait=1")
    assert (answer.status, answer.body, answer.headers["cache-control"]) == (200, [], "no-store")
    assert hub._sockets == {}


async def test_wait_ends_as_soon_as_there_is_something(device, token):
    request = await Request(token, "GET", "wait=55").begin()
    await until_waiting(device)
    message = await queue_for(device)
    assert told(await request.answer()) == [("message.send", message.attempt_id)]


async def test_lost_answer_is_repeated_until_it_is_accepted(device, token):
    message = await queue_for(device)
    offer = ("message.send", message.attempt_id)
    for query in ("wait=0", "wait=0", "wait=5"):
        assert told(await ask(token, "GET", query)) == [offer]
    accepted = {"type": "message.accepted", "id": "1", "attempt_id": message.attempt_id}
    await ask(token, "POST", body=[accepted])
    assert told(await ask(token, "GET", "wait=0")) == []
    assert await run(MessageEvent.objects.filter(kind="leased").count) == 1


async def test_what_is_new_brings_what_was_not_answered_along(device, token):
    first = await queue_for(device)
    await ask(token, "GET", "wait=0")
    second = await queue_for(device)
    answer = told(await ask(token, "GET", "wait=55"))
    assert answer == [("message.send", m.attempt_id) for m in (first, second)]


async def test_cancel_ends_the_wait(device, token):
    message = await queue_for(device)
    await ask(token, "GET", "wait=0")
    accepted = {"type": "message.accepted", "id": "1", "attempt_id": message.attempt_id}
    await ask(token, "POST", body=[accepted])
    request = await Request(token, "GET", "wait=55").begin()
    await until_waiting(device)
    await run(cancel_message, message=message)
    assert told(await request.answer()) == [("message.cancel", message.attempt_id)]


async def test_report_that_makes_room_ends_the_wait(device, token, settings):
    settings.DEVICE_WINDOW_PER_SIM = 1
    first, second = await run(in_bulk, count=2, device=device)
    assert told(await ask(token, "GET", "wait=0")) == [("message.send", first.attempt_id)]
    accepted = {"type": "message.accepted", "id": "1", "attempt_id": first.attempt_id}
    await ask(token, "POST", body=[accepted])
    request = await Request(token, "GET", "wait=55").begin()
    await until_waiting(device)
    await ask(token, "POST", body=[accepted | {"type": "message.sent", "id": "2"}])
    assert told(await request.answer()) == [("message.send", second.attempt_id)]


async def test_both_of_two_waiting_requests_may_get_it_and_it_is_leased_once(device, token):
    both = [await Request(token, "GET", "wait=2").begin() for _ in range(2)]
    await until_waiting(device, 2)
    message = await queue_for(device)
    answers = [told(await request.answer()) for request in both]
    assert [("message.send", message.attempt_id)] in answers
    assert await run(MessageEvent.objects.filter(kind="leased").count) == 1


async def test_sixth_waiting_request_of_a_phone_is_one_too_many(device, token):
    five = [await Request(token, "GET", "wait=55").begin() for _ in range(5)]
    await until_waiting(device, 5)
    sixth = await ask(token, "GET", "wait=55")
    assert (sixth.status, sixth.error) == (429, "too_many_sockets")
    assert sixth.headers["retry-after"] == "60"
    for request in five:
        await request.leave()
    assert (await ask(token, "GET", "wait=1")).status == 200


async def test_client_that_leaves_is_not_waited_for(device, token):
    request = await Request(token, "GET", "wait=55").begin()
    await until_waiting(device)
    await request.leave()
    assert hub._sockets == {}
    # channels-redis swallows a cancellation as it begins to receive: let it begin before the end.
    assert (await ask(token, "GET", "wait=1")).body == []


@pytest.mark.parametrize("error", ["invalid_token", "tenant_inactive"])
async def test_wait_of_a_phone_that_may_not_stay_ends(device, token, settings, error):
    settings.DEVICE_POLL_SECONDS = 0.05
    request = await Request(token, "GET", "wait=55").begin()
    await until_waiting(device)
    if error == "invalid_token":
        await run(revoke_device, device=device, actor=None)
    else:
        await run(suspend_tenant, tenant=device.tenant, actor=None, reason="unpaid")
    assert (await request.answer()).body == []
    for answer in (await ask(token, "GET"), await ask(token, "POST", body=[HEARTBEAT])):
        assert (answer.status, answer.error) == ({"invalid_token": 401}.get(error, 403), error)


async def test_others_messages_are_not_told(token):
    await queue_for(await run(DeviceFactory))
    assert (await ask(token, "GET", "wait=0")).body == []


def test_a_slash_too_many_is_not_found_and_no_redirect(client, token):
    for method in ("GET", "POST"):
        answer = client.generic(method, PATH + "/", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 404
