"""What the phone posts."""

import pytest

from accounts.services.tenants import suspend_tenant
from devices.models import Device, Sim
from devices.services.devices import revoke_device
from gateway_site.logs import mask_tokens
from integrations.phones.smsgate.models import InboundEvent
from integrations.phones.smsgate.services.inbound import prune_events
from integrations.phones.smsgate.tests.factories import AppClient, text
from messaging.models import Message
from messaging.tests.factories import MessageFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def phone():
    return AppClient()


def texts() -> list[str]:
    return list(Message.objects.order_by("pk").values_list("text", flat=True))


def test_text_is_stored_with_all_that_the_phone_says(phone):
    answer = phone.post("sms:received", text("YES", recipient="+6598765432"))
    message = Message.objects.get()
    assert (answer.status_code, answer.content) == (204, b"")
    assert (message.direction, message.sender, message.recipient, message.text) == (
        "inbound",
        "+6581230000",
        "+6598765432",
        "YES",
    )
    assert message.sim == Sim.objects.get()
    assert message.events.get().occurred_at.isoformat() == "2026-01-02T10:04:05+00:00"


def test_repeated_event_is_stored_once(phone):
    for _ in range(2):
        assert phone.post("sms:received", text()).status_code == 204
    assert texts() == ["Hello"]


def test_second_event_of_one_text_is_stored_once(phone):
    phone.post("sms:received", text(), event_id="1")
    phone.post("sms:received", text(), event_id="2")
    assert texts() == ["Hello"]


@pytest.mark.parametrize(
    "other", [{"messageId": "b1"}, {"sender": "+6581239999"}, {"message": "Hello!"}]
)
def test_another_text_is_another_text(phone, other):
    """The phone's id of a text is a hash of 32 bits."""
    phone.post("sms:received", text(), event_id="1")
    phone.post("sms:received", text() | other, event_id="2")
    assert len(texts()) == 2


def test_texts_of_two_phones_are_two(phone):
    for each in (phone, AppClient()):
        each.post("sms:received", text())
    assert texts() == ["Hello", "Hello"]


@pytest.mark.parametrize(
    ("payload", "stored"),
    [
        ({"body": "Look"}, "Look"),
        ({"subject": "Cat", "body": "Look"}, "Cat\nLook"),
        (
            {
                "subject": "Cat",
                "attachments": [
                    {"partId": 1, "contentType": "image/jpeg", "name": "cat.jpg", "size": 120_400}
                ],
            },
            "Cat\n[image/jpeg, cat.jpg, 120 kB: not kept]",
        ),
        ({"attachments": [{}]}, "[attachment: not kept]"),
        ({}, "[MMS]"),
    ],
)
def test_mms_is_stored_as_its_words_and_a_note_of_the_rest(phone, payload, stored):
    assert phone.post("mms:downloaded", {"sender": "+6581230000"} | payload).status_code == 204
    assert texts() == [stored]


def test_mms_of_megabytes_is_taken_and_one_beyond_ten_is_not(phone):
    picture = {"attachments": [{"contentType": "image/jpeg", "size": 7, "data": "A" * 9_000_000}]}
    assert phone.post("mms:downloaded", picture).status_code == 204
    assert phone.post("mms:downloaded", {}, body=b" " * 10_000_001).status_code == 413
    assert texts() == ["[image/jpeg, 1 kB: not kept]"]


def test_odd_characters_are_no_reason_to_refuse(phone):
    body = rb'{"id":"1","event":"sms:received","payload":{"sender":"x","message":"a\ud83db\u0000"}}'
    assert phone.post("", None, body=body).status_code == 204
    body = b'{"id":"2","event":"sms:received","payload":{"sender":"x","message":"\xff"}}'
    assert phone.post("", None, body=body).status_code == 204
    assert texts() == ["a?b", "\ufffd"]


def test_event_without_a_usable_id_is_known_by_its_content(phone):
    for event_id in ("", "", "x" * 100, "x" * 100):
        payload = text(event_id, messageId=None)
        assert phone.post("sms:received", payload, event_id=event_id).status_code == 204
    assert [len(each) for each in texts()] == [0, 100]


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("sms:data-received", {"data": "AA=="}),
        ("sms:sent", {}),
        ("from:the-future", []),
        ("sms:received", "not an object"),
        ("system:ping", {"health": 5}),
        ("\x00", {}),
    ],
)
def test_what_is_not_wanted_is_answered_all_the_same(phone, event, payload):
    assert phone.post(event, payload).status_code == 204
    assert texts() == []


@pytest.mark.parametrize("body", [b"x", b"[]", b"{}", b'{"event": 5}', b"[" * 100_000])
def test_what_is_no_event_is_malformed(phone, body):
    assert phone.post("", None, body=body).status_code == 400


def test_wrong_key_or_a_wrong_url_stores_nothing(phone):
    other = AppClient()
    assert phone.post("sms:received", text(), key="random-8").status_code == 401
    for path in ("/in/x/y", f"/in/{'0' * 21}/{'0' * 32}"):
        assert phone.post("sms:received", text(), path=path).status_code == 404
    assert other("POST", "/in", {}).status_code == 404
    assert texts() == []


def test_clock_that_is_wrong_by_hours_is_noted(phone, time_machine):
    time_machine.move_to("2026-06-12T12:00:00+00:00", tick=False)
    at = 1_781_265_600 + 3 * 3600
    assert phone.post("sms:received", text(), at=at).status_code == 204
    phone.app.refresh_from_db()
    assert (texts(), phone.app.clock_skew_seconds) == (["Hello"], 10_800)


def test_texts_of_a_suspended_account_are_kept_and_its_phone_is_not_live(phone):
    suspend_tenant(tenant=phone.device.tenant, actor=None, reason="unpaid")
    Device.objects.update(last_seen_at=None)
    assert phone.post("sms:received", text()).status_code == 204
    assert phone.post("system:ping", {"health": {}}).status_code == 204
    assert (texts(), Device.objects.get().last_seen_at) == (["Hello"], None)


def test_phone_that_comes_back_with_a_ping_is_not_taken_for_one_that_polls(phone):
    Device.objects.update(is_online=False, contact_seconds=25, last_seen_at="2026-01-01T00:00:00Z")
    waiting = MessageFactory(device=None, tenant=phone.device.tenant)
    assert phone.post("system:ping", {"health": {}}).status_code == 204
    device = Device.objects.get()
    assert (device.is_online, device.contact_seconds) == (True, 25)
    assert Message.objects.get(pk=waiting.pk).device == device


def test_revoked_phone_is_answered_so_that_it_stops_and_not_believed(phone):
    revoke_device(device=phone.device, actor=None)
    assert phone.post("sms:received", text()).status_code == 204
    assert texts() == []


def test_events_are_forgotten_when_no_phone_repeats_them_any_more(phone, time_machine):
    phone.post("sms:received", text())
    assert prune_events() == 0
    InboundEvent.objects.update(received_at="2026-01-01T00:00:00Z")
    assert (prune_events(), InboundEvent.objects.count()) == (1, 0)


def test_secret_of_the_url_is_not_logged(phone):
    (hook, *_) = phone("GET", "/webhooks").json()
    line = f'"POST {hook["url"]} HTTP/1.1" 204'
    assert mask_tokens(None, "", line).endswith('/api/mobile/v1/in/*** HTTP/1.1" 204')
