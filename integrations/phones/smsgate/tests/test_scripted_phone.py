"""The scripted phone against a running gateway, line by line of what the app does."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

from integrations.phones.smsgate.tests.scripted_phone import ScriptedPhone, random_id
from tests.browser.gateway import Gateway
from tests.crash.scratch import scratch_folder
from tests.crash.waiting import until

pytestmark = pytest.mark.xdist_group("smsgate")
AWAKE_SECONDS = 2.0


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    """Two web processes, so that streams and requests of a phone meet different ones."""
    with scratch_folder() as folder:
        gateway = Gateway(folder)
        gateway.env["WEB_PROCESSES"] = "2"
        gateway.start()
        try:
            yield gateway
        finally:
            gateway.stop()


@pytest.fixture
def call(gateway: Gateway) -> Callable[..., Any]:
    """The JSON of the native API's answer, which must be a good one."""

    def ask(method: str, path: str, body: Any = None) -> Any:
        status, answer = gateway.call(gateway.owner.api_key, method, path, body)
        assert status // 100 == 2, answer
        return answer

    return ask


@pytest.fixture
def code(call: Callable[..., Any]) -> Callable[[], str]:
    return lambda: call("POST", "/devices/pairing-codes")["code"]


@pytest.fixture
def paired(gateway: Gateway, code: Callable[[], str]) -> Callable[..., ScriptedPhone]:
    """A phone that has paired, started, and fetched what it is told to be like."""

    def pair(version: str = "1.68.0", **facts: Any) -> ScriptedPhone:
        phone = ScriptedPhone(gateway.url, version, **facts)
        assert phone.pair(code(), name=f"acme/{random_id(8)}").status == 201
        assert phone.start().status == 204
        phone.fetch_settings()
        phone.fetch_webhooks()
        return phone

    return pair


@pytest.fixture
def device_of(call: Callable[..., Any]) -> Callable[[ScriptedPhone], dict[str, Any]]:
    """The phone as the native API shows it: the newest one."""
    return lambda phone: call("GET", "/devices")["data"][-1]


@pytest.fixture
def send(call: Callable[..., Any], device_of: Any) -> Callable[..., str]:
    """Queue a text for this phone; its id."""

    def queue(phone: ScriptedPhone, text: str = "Hello", **more: Any) -> str:
        body = {"to": "+6581230000", "text": text, "queueIfOffline": True, **more}
        body["deviceId"] = device_of(phone)["id"]
        return str(call("POST", "/messages", body)["id"])

    return queue


def status_of(call: Callable[..., Any], message: str) -> str:
    return str(call("GET", f"/messages/{message}")["status"])


def revoke(gateway: Gateway, device_id: str) -> None:
    headers = {"Authorization": f"Bearer {gateway.owner.api_key}"}
    url = f"{gateway.url}/v1/devices/{device_id}"
    assert requests.delete(url, headers=headers, timeout=20).status_code == 204


def wire_id(message: str, attempt: int = 1) -> str:
    return f"{message}-{attempt}"


def test_the_life_of_a_phone_line_by_line(gateway, call, code, device_of, send):
    phone, digits = ScriptedPhone(gateway.url), code()
    registered = phone.pair(digits)
    assert (registered.status, sorted(registered.json)) == (201, ["id", "login", "token"])
    assert len(phone.id) == 21
    replayed = ScriptedPhone(gateway.url).pair(digits)
    assert (replayed.status, list(replayed.json)) == (401, ["message"])
    assert phone.start().status == 204
    streams = [phone.open_stream() for _ in range(2)]
    phone.fetch_settings()
    phone.fetch_webhooks()
    until(lambda: device_of(phone)["status"] == "active", "the phone is online")

    asked_at = time.monotonic()
    message = send(phone)
    for stream in streams:
        assert stream.wait_for("MessageEnqueued").at - asked_at < AWAKE_SECONDS
    (listed,) = phone.pull().json
    assert (listed["id"], listed["textMessage"], listed["message"], listed["state"]) == (
        wire_id(message),
        {"text": "Hello"},
        "Hello",
        "Pending",
    )
    assert (listed["phoneNumbers"], listed["simNumber"]) == (["+6581230000"], 1)
    assert [again["id"] for again in phone.pull().json] == [listed["id"]]
    for _ in range(2):
        assert phone.report(listed["id"], "Pending").status == 204
    assert phone.pull().json == []

    phone.report(listed["id"], "Processed", "Pending")
    phone.report(listed["id"], "Delivered", "Pending", "Processed")
    phone.report(listed["id"], "Sent", "Pending", "Processed")
    assert status_of(call, message) == "delivered"
    assert phone.report("msg_" + "0" * 22 + "-1", "Sent").status == 204
    assert phone.report("of another server", "Sent").status == 204

    sender, text, event, hashed = "+6581239999", random_id(12), random_id(21), random_id(8)
    for event_id in (event, event, random_id(21)):
        answer = phone.bring_text(sender, text, event_id=event_id, message_id=hashed)
        assert answer.status == 204
    assert phone.bring_text(sender, text, key="wrong").status == 401
    stored = call("GET", "/messages?direction=inbound")["data"]
    assert [row["text"] for row in stored] == [text]
    assert phone.bring_text(sender, text).status == 204  # the same words once more
    assert len(call("GET", "/messages?direction=inbound")["data"]) == 2

    call_off = send(phone, "Never")
    (listed,) = phone.pull().json
    phone.report(listed["id"], "Pending")
    call("POST", f"/messages/{call_off}/cancel")
    for stream in streams:
        assert stream.wait_for("MessageCancelled").data == f'{{"messageId":"{listed["id"]}"}}'
    assert [row["state"] for row in phone.pull().json] == ["Cancelling"]
    phone.report(listed["id"], "Cancelled", "Pending")
    assert (status_of(call, call_off), phone.pull().json) == ("canceled", [])

    revoke(gateway, device_of(phone)["id"])
    assert phone.pull().status == 401
    assert phone.ask("POST", "/device", {"name": "x"}, authorization="").status == 401
    assert phone.ask("POST", "/device", {}, authorization="Bearer x").status == 401
    assert [stream.wait_for_end(60) for stream in streams] == [True, True]


def test_failed_for_a_passing_reason_comes_again_under_a_new_id(call, paired, send):
    phone = paired()
    message = send(phone)
    (listed,) = phone.pull().json
    error = "Send result: RESULT_ERROR_NO_SERVICE (Failed because service is unavailable)"
    phone.report(listed["id"], "Failed", "Pending", "Processed", error=error)
    assert status_of(call, message) == "queued"
    again = until(lambda: phone.pull().json, "the second attempt", seconds=60, every=0.5)
    assert again[0]["id"] == wire_id(message, 2)
    error = "Delivery result from SC +6598540000: 70"
    phone.report(again[0]["id"], "Failed", "Pending", "Processed", "Sent", error=error)
    shown = call("GET", f"/messages/{message}")
    assert (shown["status"], shown["errorCode"]) == ("failed", "undelivered")


@pytest.mark.parametrize(
    ("version", "events"),
    [
        ("1.53.1", ["sms:received", "sms:data-received", "system:ping"]),
        ("1.60.0", ["sms:received", "sms:data-received", "mms:downloaded", "system:ping"]),
    ],
)
def test_old_app_is_never_told_what_it_does_not_know(call, paired, send, version, events):
    phone = paired(version)
    assert list(phone.webhooks) == events
    stream = phone.open_stream()
    message = send(phone)
    stream.wait_for("MessageEnqueued")
    (listed,) = phone.pull().json
    phone.report(listed["id"], "Pending")
    call("POST", f"/messages/{message}/cancel")
    send(phone, "Next")
    stream.wait_for("MessageEnqueued", count=2)
    assert [row["state"] for row in phone.pull().json] == ["Pending"]
    assert [event.name for event in stream.events] == ["MessageEnqueued"] * 2
    phone.report(listed["id"], "Sent", "Pending", "Processed")  # it knew of no cancelling
    assert status_of(call, message) == "sent"
    stream.close()


def test_too_old_an_app_is_told_so_and_the_code_is_not_spent(gateway, code):
    digits = code()
    refused = ScriptedPhone(gateway.url, "1.52.9").pair(digits)
    assert (refused.status, refused.json) == (
        400,
        {"message": "This app is too old. Install SMSGate 1.53.1 or newer."},
    )
    assert ScriptedPhone(gateway.url, "1.53.1").pair(digits).status == 201


@pytest.mark.parametrize(
    ("ahead", "status"), [(-200, 204), (3 * 3600, 204), (-25 * 3600, 401), (25 * 3600, 401)]
)
def test_wrong_clock_is_put_up_with_for_a_day(paired, ahead, status):
    phone = paired(clock_ahead=ahead)
    assert phone.bring_text("+6581239999", "Hi").status == status


def test_validity_is_told_by_the_phones_clock(paired, send):
    phone = paired(clock_ahead=3 * 3600)
    phone.ping()
    send(phone, ttl=600)
    (listed,) = phone.pull().json
    left = datetime.fromisoformat(listed["validUntil"]) - datetime.fromisoformat(phone.now())
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)


def test_paths_take_any_slashes_and_redirect_never(paired):
    phone = paired()
    for path in ("/message", "/message/", "//message", "//message//"):
        assert phone.ask("GET", path).status == 200
    statuses = {
        path: phone.ask("GET", path).status
        for path in ("", "/", "/nothing", "/device", "//device/", "/user/code", "/messages")
    }
    assert statuses == {
        "": 404,
        "/": 404,
        "/nothing": 404,
        "/device": 200,
        "//device/": 200,
        "/user/code": 501,
        "/messages": 404,
    }
    password = {"currentPassword": "a", "newPassword": "b"}
    assert phone.ask("PATCH", "/user/password", password).status == 501
    assert phone.ask("DELETE", "/message").status == 405


def test_ping_makes_it_known_and_a_stream_makes_it_live(paired, device_of):
    phone = paired()
    assert phone.ping(battery=41).status == 204
    shown = device_of(phone)
    assert (shown["battery"], shown["isCharging"], shown["network"]) == (41, True, "wifi")


def test_edited_pace_is_told_on_the_stream(call, paired, device_of):
    phone = paired()
    stream = phone.open_stream()
    limits = {"segmentsPerMinute": 12, "minGapMs": 2000, "jitterMs": 3000}
    patch = {"sims": [{"slot": 1, "limits": limits}]}
    call("PATCH", f"/devices/{device_of(phone)['id']}", patch)
    stream.wait_for("SettingsUpdated", seconds=60)
    messages = phone.fetch_settings().json["messages"]
    assert (messages["send_interval_min"], messages["send_interval_max"]) == (2, 5)
    assert (messages["limit_period"], messages["limit_value"]) == ("PerMinute", 12)
    stream.close()
