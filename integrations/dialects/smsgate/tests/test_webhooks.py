"""`/webhooks`, and what is posted to them."""

import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest
from android_sms_gateway.webhooks import SmsReceivedPayload
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.ids import short_id
from accounts.tests.factories import MembershipFactory, bearer
from devices.tests.factories import DeviceFactory
from integrations.dialects.smsgate.callbacks import EVENTS, sign
from messaging.events import (
    MessageCanceled,
    MessageDelivered,
    MessageExpired,
    MessageFailed,
    MessageReceived,
    MessageSent,
    publish,
)
from messaging.tests.factories import MessageFactory
from webhooks.models import Delivery, DeliveryAttempt, Endpoint, Event
from webhooks.services.deliveries import deliver_due
from webhooks.services.outbox import send_test_event
from webhooks.tests.receivers import Receiver, Reply

URL = "https://hooks.example.com/sms"
AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
SHOWN = "2026-01-02T03:04:05.678Z"


@pytest.fixture
def register(call):
    """A function that registers a webhook, and says what the API shows of it."""

    def post(event="sms:received", **fields):
        answer = call("POST", "/webhooks", {"url": URL, "event": event} | fields)
        assert answer.status_code == 201, answer.content
        return answer.json()

    return post


def happened(kind, message, **fields):
    publish(kind(message.tenant_id, message.pk, AT, **fields))


def told() -> list[dict]:
    """All bodies, oldest first."""
    return [
        json.loads(body) for body in Event.objects.order_by("pk").values_list("body", flat=True)
    ]


class TestRegistrations:
    def test_one_is_made_shown_and_deleted(self, call, register):
        made = register(id=None)
        assert made == {"id": made["id"], "url": URL, "event": "sms:received"}
        assert call("GET", "/webhooks").json() == [made]
        assert call("DELETE", f"/webhooks/{made['id']}").status_code == 204
        assert call("GET", "/webhooks").json() == []
        assert call("DELETE", f"/webhooks/{made['id']}").status_code == 404

    def test_id_that_is_known_is_replaced(self, call, register):
        register(id="mine")
        again = register("sms:sent", id="mine", url=URL + "/2")
        assert again == {"id": "mine", "url": URL + "/2", "event": "sms:sent"}
        assert call("GET", "/webhooks").json() == [again]

    @pytest.mark.parametrize("event", EVENTS)
    def test_every_event_of_theirs_can_be_registered_for(self, register, event):
        assert register(event)["event"] == event

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            ({"event": "sms:lost"}, "event: There is no event 'sms:lost'."),
            ({"deviceId": "nobody"}, "deviceId: There is no such device."),
            ({"id": "x" * 37}, None),
            ({"url": "ftp://example.com"}, None),
            ({"url": "http://127.0.0.1/"}, None),
        ],
    )
    def test_what_makes_no_sense_is_told(self, call, fields, sentence):
        answer = call("POST", "/webhooks", {"url": URL, "event": "sms:sent"} | fields)
        assert (answer.status_code, list(answer.json())) == (400, ["message"])
        assert answer.json()["message"] == (sentence or answer.json()["message"])
        assert Endpoint.objects.count() == 0

    def test_phone_of_another_tenant_is_unknown(self, call):
        body = {"url": URL, "event": "sms:sent", "deviceId": short_id(DeviceFactory().public_id)}
        answer = call("POST", "/webhooks", body)
        assert answer.json() == {"message": "deviceId: There is no such device."}

    def test_registrations_of_others_are_not_there(self, call, register):
        register(id="mine")
        headers = bearer(DeviceFactory().tenant)
        assert call("GET", "/webhooks", headers=headers).json() == []
        assert call("DELETE", "/webhooks/mine", headers=headers).status_code == 404

    def test_endpoints_of_the_native_api_are_not_shown(self, call, register, client, device):
        headers = bearer(device.tenant)
        body = {"url": URL, "events": ["message.sent"]}
        path = "/v1/webhooks/endpoints"
        client.post(path, body, "application/json", headers=headers)
        made = register()
        assert call("GET", "/webhooks").json() == [made]
        assert len(client.get(path, headers=headers).json()["data"]) == 2

    def test_limit_of_endpoints_holds(self, call, register):
        for _ in range(19):  # and the account's first, which has no URL
            register()
        answer = call("POST", "/webhooks", {"url": URL, "event": "sms:sent"})
        assert answer.status_code == 409

    def test_one_and_fifteen_take_as_many_queries(self, call, register):
        register()
        with CaptureQueriesContext(connection) as one:
            call("GET", "/webhooks")
        for _ in range(14):
            register()
        with CaptureQueriesContext(connection) as fifteen:
            assert len(call("GET", "/webhooks").json()) == 15
        assert len(fifteen) == len(one)


class TestBodies:
    @pytest.fixture
    def message(self, device):
        return MessageFactory(
            device=device,
            sim=device.sims.get(),
            sender="+6598765432",
            recipient="+6581230000",
            segments=2,
            metadata={"smsgateId": "order-1"},
            error="No service.",
            status="failed",
        )

    @pytest.mark.parametrize(
        ("event", "kind", "fields"),
        [
            ("sms:sent", MessageSent, {"partsCount": 2, "sentAt": SHOWN}),
            ("sms:delivered", MessageDelivered, {"deliveredAt": SHOWN}),
            ("sms:failed", MessageFailed, {"reason": "No service.", "failedAt": SHOWN}),
            ("sms:failed", MessageExpired, {"reason": "No service.", "failedAt": SHOWN}),
            ("sms:cancelled", MessageCanceled, {"cancelledAt": SHOWN}),
        ],
    )
    def test_what_became_of_a_text(self, register, device, message, event, kind, fields):
        made = register(event)
        happened(kind, message)
        (body,) = told()
        assert body == {
            "id": body["id"],
            "webhookId": made["id"],
            "event": event,
            "deviceId": short_id(device.public_id),
            "payload": {
                "messageId": "order-1",
                "phoneNumber": "+6581230000",
                "sender": "+6598765432",
                "recipient": "+6581230000",
                "simNumber": 1,
                **fields,
            },
        }

    def test_text_that_came_in(self, register, device):
        made = register()
        message = MessageFactory(device=device, inbound=True, sender="DBS-Bank", created_at=AT)
        happened(MessageReceived, message, text="Your code")
        (body,) = told()
        assert (body["webhookId"], body["event"]) == (made["id"], "sms:received")
        assert body["payload"] == {
            "messageId": short_id(message.public_id),
            "phoneNumber": "DBS-Bank",
            "sender": "DBS-Bank",
            "recipient": "+6598765432",
            "message": "Your code",
            "receivedAt": SHOWN,
        }

    def test_text_of_an_unknown_sender_has_all_that_clients_expect(self, register, device):
        register()
        message = MessageFactory(device=device, inbound=True, sender="", recipient="")
        happened(MessageReceived, message, text="Hi")
        payload = SmsReceivedPayload.from_dict(told()[0]["payload"])
        assert (payload.sender, payload.phone_number, payload.recipient) == ("", "", None)

    def test_each_registration_gets_its_own_body_once(self, register, message):
        ids = [register("sms:sent")["id"] for _ in range(3)]
        happened(MessageSent, message)
        happened(MessageSent, message)
        assert sorted(body["webhookId"] for body in told()) == sorted(ids)
        assert len({body["id"] for body in told()}) == 3
        assert Delivery.objects.count() == 3

    def test_registration_for_one_phone_hears_of_that_one(self, register, device, message):
        register("sms:sent", deviceId=short_id(device.public_id))
        other = DeviceFactory(tenant=device.tenant)
        happened(MessageSent, MessageFactory(device=other))
        assert told() == []
        happened(MessageSent, message)
        assert [body["deviceId"] for body in told()] == [short_id(device.public_id)]

    def test_what_was_not_registered_for_is_not_told(self, register, message):
        register("sms:delivered")
        register("system:ping")
        happened(MessageSent, message)
        assert told() == []


class TestDelivery:
    def test_vector_of_the_documentation(self, device):
        body = (
            b'{"id":"e1","webhookId":"w1","event":"sms:received","deviceId":"d1",'
            b'"payload":{"message":"hi"}}'
        )
        assert sign(
            tenant_id=device.tenant_id, secrets=["s3cr3t-key"], timestamp=1700000000, body=body
        ) == {
            "X-Timestamp": "1700000000",
            "X-Signature": "19c755982cda6223ebf02b765d0cc262430d4a91b5ac60744be83de62ccfe5aa",
        }

    def test_every_try_has_the_same_bytes_and_a_fresh_signature(
        self, call, register, device, settings
    ):
        settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]
        call("PATCH", "/settings", {"webhooks": {"signing_key": "a key of mine"}})
        with Receiver(Reply(503), Reply(204)) as receiver:
            register("sms:sent", url=receiver.url)
            happened(MessageSent, MessageFactory(device=device))
            for _ in range(2):
                assert deliver_due(seconds=5) == 1
                Delivery.objects.filter(status="pending").update(next_attempt_at=AT)
        first, second = receiver.requests
        assert first.body == second.body
        for request in (first, second):
            signed = request.body + request.headers["x-timestamp"].encode()
            expected = hmac.new(b"a key of mine", signed, hashlib.sha256).hexdigest()
            assert request.headers["x-signature"] == expected
            assert request.headers["webhook-id"].startswith("evt_")
        shown = [attempt.request_headers for attempt in DeliveryAttempt.objects.all()]
        assert [headers["X-Signature"] for headers in shown] == ["(signature)"] * 2

    def test_test_of_the_dashboard_is_a_ping(self, register):
        made = register()
        endpoint = Endpoint.objects.get(options__id=made["id"])
        body = json.loads(send_test_event(endpoint=endpoint).event.body)
        assert (body["event"], body["payload"]["health"]["status"]) == ("system:ping", "pass")


@pytest.mark.parametrize("event", ["sms:sent", "mms:received"])
def test_registrations_are_on_the_pages(register, client, device, event):
    made = register(event)
    endpoint = Endpoint.objects.get(options__id=made["id"])
    client.force_login(MembershipFactory(tenant=device.tenant).user)
    paths = ["/webhooks", f"/webhooks/{endpoint.external_id}"]
    answers = [client.get(path) for path in [*paths, f"{paths[1]}/edit"]]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert f"SMSGate {event}" in answers[0].content.decode()
