"""From a published fact to rows: who hears what, once, in a constant number of queries."""

from datetime import timedelta
from functools import partial

import msgspec
import pytest
from django.db import transaction
from django.utils import timezone

from accounts.errors import Conflict
from accounts.tests.factories import TenantFactory
from devices import events as device_events
from devices.models import DeviceAlert
from devices.services.alerts import end_alerts, raise_alerts
from devices.tests.factories import DeviceFactory
from messaging.events import (
    ContactUnsubscribed,
    MessageCanceled,
    MessageDelivered,
    MessageExpired,
    MessageFailed,
    MessageReceived,
    MessageSent,
    publish,
)
from messaging.models import Message
from messaging.tests.factories import MessageFactory, change
from messaging.tests.threads import at_once
from webhooks.models import Delivery, Endpoint, Event
from webhooks.services.deliveries import forget_private_body
from webhooks.services.outbox import post_inbound, send_test_event
from webhooks.tests.factories import EndpointFactory

ALL = ["message.received", "message.sent", "message.delivered", "message.failed"]


@pytest.fixture(autouse=True)
def _only_webhooks_listen(settings):
    settings.MESSAGE_EVENT_HANDLERS = ["webhooks.handlers.message_events"]
    settings.DEVICE_EVENT_HANDLERS = ["webhooks.handlers.device_events"]


def received(message: Message, **told) -> MessageReceived:
    told = {"text": message.text, **told}
    return MessageReceived(message.tenant_id, message.pk, message.created_at, **told)


def happened(kind, message: Message):
    return kind.of(message, timezone.now())


def bodies() -> list[dict]:
    return [
        msgspec.json.decode(body)
        for body in Event.objects.order_by("id").values_list("body", flat=True)
    ]


def told() -> list[tuple[str, str]]:
    """(event, URL) of every delivery, in order."""
    return list(Delivery.objects.order_by("id").values_list("event__name", "url"))


@pytest.mark.django_db
class TestPublish:
    def test_inbound_text_becomes_an_event_and_a_delivery(self):
        message = MessageFactory(inbound=True, text="Hi")
        endpoint = EndpointFactory(tenant=message.tenant)
        publish(received(message, matched_rule_id="rule_1"))
        delivery = Delivery.objects.select_related("event").get()
        assert (delivery.endpoint, delivery.url) == (endpoint, endpoint.url)
        assert (delivery.status, delivery.tenant) == ("pending", message.tenant)
        # For a worker whose clock is behind, too.
        assert delivery.next_attempt_at == delivery.created_at - timedelta(seconds=5)
        assert delivery.event.key == f"{message.external_id}:received"
        assert delivery.event.is_private is False
        (body,) = bodies()
        assert (body["text"], body["from"]) == ("Hi", message.sender)
        assert body["matchedRuleId"] == "rule_1"

    def test_text_comes_from_the_event_when_the_row_has_none(self):
        message = MessageFactory(inbound=True, text="")
        EndpointFactory(tenant=message.tenant)
        change(message.tenant, keep_inbound=False)
        publish(received(message, text="Secret"))
        assert [body["text"] for body in bodies()] == ["Secret"]
        assert Event.objects.get().is_private is True

    def test_text_that_is_not_forwarded_is_told_to_nobody(self):
        message = MessageFactory(inbound=True)
        EndpointFactory(tenant=message.tenant)
        publish(received(message, is_forwarded=False))
        assert told() == []

    def test_only_those_who_subscribed_with_a_url_hear(self):
        message = MessageFactory()
        mine = EndpointFactory(tenant=message.tenant, events=ALL)
        EndpointFactory(tenant=message.tenant, events=["message.sent"])
        EndpointFactory(tenant=message.tenant, events=ALL, url="")
        EndpointFactory(events=ALL)
        publish(happened(MessageDelivered, message))
        assert told() == [("message.delivered", mine.url)]

    def test_state_of_the_endpoint_says_whether_it_is_held(self):
        message = MessageFactory()
        for state in Endpoint.State:
            EndpointFactory(tenant=message.tenant, events=ALL, state=state)
        publish(happened(MessageSent, message))
        rows = Delivery.objects.values_list("endpoint__state", "status", "next_attempt_at")
        assert {state: (status, due is not None) for state, status, due in rows} == {
            "enabled": ("pending", True),
            "paused": ("pending", True),
            "disabled": ("held", False),
        }

    def test_callback_hears_of_the_outcome_through_a_row_for_its_host(self):
        url = "https://Shop.example.com/sms?order=7"
        message = MessageFactory(callback=url)
        for kind in (MessageSent, MessageDelivered, MessageFailed, MessageExpired):
            publish(happened(kind, message))
        names = ["message.sent", "message.delivered", "message.failed", "message.expired"]
        assert told() == [(name, url) for name in names]
        host = Endpoint.objects.get()
        assert (host.kind, host.url) == ("host", "https://shop.example.com:443")
        assert set(Delivery.objects.values_list("endpoint", flat=True)) == {host.pk}

    @pytest.mark.parametrize(
        ("url", "origin"),
        [
            ("http://example.com/a", "http://example.com:80"),
            ("https://example.com:8443", "https://example.com:8443"),
            ("https://[2606:4700::1]/x", "https://2606:4700::1:443"),
            ("https://[broken", "invalid"),
            ("https://example.com:99999/", "invalid"),
            ("nonsense", "://:0"),
        ],
    )
    def test_whatever_a_callback_is_has_an_origin(self, url, origin):
        publish(happened(MessageSent, MessageFactory(callback=url)))
        assert Endpoint.objects.get().url == origin

    def test_callback_and_endpoints_share_one_event(self):
        message = MessageFactory(callback="https://shop.example.com/sms")
        EndpointFactory(tenant=message.tenant, events=ALL)
        publish(happened(MessageSent, message))
        assert (Event.objects.count(), Delivery.objects.count()) == (1, 2)

    def test_canceled_message_is_told_to_endpoints_and_not_to_its_callback(self):
        message = MessageFactory(callback="https://shop.example.com/sms")
        endpoint = EndpointFactory(tenant=message.tenant, events=["message.canceled"])
        publish(happened(MessageCanceled, message))
        assert told() == [("message.canceled", endpoint.url)]

    def test_fact_that_is_told_again_changes_nothing(self):
        message = MessageFactory(callback="https://shop.example.com/sms")
        EndpointFactory(tenant=message.tenant, events=ALL)
        publish(happened(MessageDelivered, message))
        before = list(Event.objects.values()), list(Delivery.objects.values())
        publish(happened(MessageDelivered, message), happened(MessageDelivered, message))
        assert (list(Event.objects.values()), list(Delivery.objects.values())) == before

    def test_failing_anew_for_another_reason_is_another_fact(self):
        message = MessageFactory()
        EndpointFactory(tenant=message.tenant, events=ALL)
        for code in ("unknown", "undelivered", "undelivered"):
            change(message, error_code=code)
            publish(happened(MessageFailed, message))
        assert [body["errorCode"] for body in bodies()] == ["unknown", "undelivered"]

    def test_rolled_back_fact_leaves_nothing(self):
        message = MessageFactory()
        EndpointFactory(tenant=message.tenant, events=ALL)
        with transaction.atomic():
            publish(happened(MessageSent, message))
            transaction.set_rollback(True)
        assert Event.objects.count() == 0

    def test_every_format_has_an_event_of_its_own(self, settings):
        settings.WEBHOOK_FORMATS = settings.WEBHOOK_FORMATS | {
            "loud": "webhooks.tests.test_payloads.loud"
        }
        message = MessageFactory()
        for name in ("native", "loud", "loud"):
            EndpointFactory(tenant=message.tenant, events=ALL, format=name)
        publish(happened(MessageSent, message))
        rows = Delivery.objects.values_list("endpoint__format", "event__key", "event__body")
        key = f"{message.external_id}:sent"
        loud = ("loud", f"{key}:loud", "MESSAGE.SENT")
        native = Event.objects.get(key=key)
        assert sorted(rows) == [loud, loud, ("native", key, native.body)]

    def test_events_of_several_tenants_go_to_their_own(self):
        messages = [MessageFactory(), MessageFactory()]
        urls = [EndpointFactory(tenant=m.tenant, events=ALL).url for m in messages]
        publish(*(happened(MessageExpired, message) for message in messages))
        assert told() == []
        publish(*(happened(MessageSent, message) for message in messages))
        assert sorted(told()) == sorted(("message.sent", url) for url in urls)

    def test_device_and_contact_events_are_told(self):
        device = DeviceFactory(name="Counter")
        names = ["device.online", "device.offline", "contact.unsubscribed"]
        EndpointFactory(tenant=device.tenant, events=names)
        now = timezone.now()
        for kind in (device_events.DevicePaired, device_events.DeviceOnline):
            device_events.publish(kind(device.tenant_id, device.pk, now))
        offline = device_events.DeviceOffline
        later = now + timedelta(seconds=1)
        device_events.publish(offline(device.tenant_id, device.pk, now))
        device_events.publish(offline(device.tenant_id, device.pk, now))
        device_events.publish(offline(device.tenant_id, device.pk, later))
        publish(ContactUnsubscribed(device.tenant_id, "+6581230000", "keyword", now))
        assert [name for name, _ in told()] == [
            "device.online",
            "device.offline",
            "device.offline",
            "contact.unsubscribed",
        ]
        assert [body.get("nickname", body.get("from")) for body in bodies()] == [
            *["Counter"] * 3,
            "+6581230000",
        ]

    def test_every_alert_and_its_end_are_told_once(self):
        device = DeviceFactory()
        EndpointFactory(tenant=device.tenant, events=["device.alert", "device.alert_ended"])
        kinds = [DeviceAlert.Kind.OFFLINE, DeviceAlert.Kind.BATTERY_LOW]
        for kind in kinds * 2:
            raise_alerts(kind=kind, details={device.pk: "So it is."})
        for _ in range(2):
            end_alerts(device_ids=[device.pk])
        assert [(body["event"], body["kind"]) for body in bodies()] == [
            (event, kind) for event in ("device.alert", "device.alert_ended") for kind in kinds
        ]

    @pytest.mark.parametrize(
        ("sent", "ref"),
        [([], None), (["first", "last"], "last"), (["first", ""], None)],
    )
    def test_ref_is_that_of_the_latest_message_to_the_sender(self, sent, ref):
        message = MessageFactory(inbound=True)
        EndpointFactory(tenant=message.tenant)
        for value in sent:
            MessageFactory(device=message.device, recipient=message.sender, ref=value)
        MessageFactory(recipient=message.sender, ref="another tenant's")
        MessageFactory(device=message.device, ref="another number's")
        publish(received(message))
        assert [body["ref"] for body in bodies()] == [ref]


@pytest.mark.django_db
class TestQueries:
    """However many events come at once, they cost the same."""

    @pytest.mark.parametrize("count", [1, 30])
    @pytest.mark.parametrize(
        ("publish_all", "queries"),
        [
            (lambda ms: publish(*(happened(MessageSent, m) for m in ms)), 1),
            (lambda ms: publish(*(received(m) for m in ms)), 1),
            (lambda ms: publish(*(happened(MessageCanceled, m) for m in ms)), 1),
            (lambda ms: publish(*(unsubscribed(m) for m in ms)), 1),
            (lambda ms: device_events.publish(*(went_online(m) for m in ms)), 1),
        ],
    )
    def test_nobody_listens(self, count, publish_all, queries, django_assert_num_queries):
        messages = MessageFactory.create_batch(count)
        EndpointFactory(tenant=messages[0].tenant, events=["message.expired"])
        with django_assert_num_queries(queries):
            publish_all(messages)

    @pytest.mark.parametrize("count", [1, 30])
    @pytest.mark.parametrize(
        ("publish_all", "queries"),
        [
            (lambda ms: publish(*(happened(MessageSent, m) for m in ms)), 4),
            (lambda ms: publish(*(received(m) for m in ms)), 5),
            (lambda ms: publish(*(unsubscribed(m) for m in ms)), 3),
            (lambda ms: device_events.publish(*(went_online(m) for m in ms)), 3),
        ],
    )
    def test_all_listen(self, count, publish_all, queries, django_assert_num_queries):
        device = DeviceFactory()
        messages = MessageFactory.create_batch(count, device=device)
        names = [*ALL, "contact.unsubscribed", "device.online"]
        EndpointFactory.create_batch(3, tenant=device.tenant, events=names)
        with django_assert_num_queries(queries):
            publish_all(messages)
        assert Delivery.objects.count() == 3 * Event.objects.count() > 0

    @pytest.mark.parametrize("count", [1, 30])
    def test_callbacks_to_hosts_that_are_known(self, count, django_assert_num_queries):
        device = DeviceFactory()
        callbacks = [f"https://shop{n}.example.com/sms" for n in range(count)]
        messages = [MessageFactory(device=device, callback=url) for url in callbacks]
        with django_assert_num_queries(7):  # the hosts: read, made, read
            publish(*(happened(MessageSent, message) for message in messages))
        with django_assert_num_queries(5):
            publish(*(happened(MessageDelivered, message) for message in messages))
        assert Delivery.objects.count() == 2 * count


def unsubscribed(message: Message) -> ContactUnsubscribed:
    return ContactUnsubscribed(message.tenant_id, message.recipient, "api", timezone.now())


def went_online(message: Message) -> device_events.DeviceOnline:
    return device_events.DeviceOnline(message.tenant_id, message.device_id, timezone.now())


@pytest.mark.django_db
class TestNudge:
    def test_transaction_nudges_once_for_all_that_it_wrote(
        self, django_capture_on_commit_callbacks
    ):
        message = MessageFactory()
        EndpointFactory.create_batch(2, tenant=message.tenant, events=ALL)
        with django_capture_on_commit_callbacks() as callbacks:
            for kind in (MessageSent, MessageDelivered, MessageExpired):
                publish(happened(kind, message))
        assert [nudge.deliveries for nudge in callbacks] == [4]

    def test_what_is_held_or_known_wakes_nobody(self, django_capture_on_commit_callbacks):
        message = MessageFactory()
        endpoint = EndpointFactory(tenant=message.tenant, events=ALL)
        publish(happened(MessageSent, message))
        with django_capture_on_commit_callbacks() as callbacks:
            publish(happened(MessageSent, message))
            change(endpoint, state="disabled")
            publish(happened(MessageDelivered, message))
        assert callbacks == []


@pytest.mark.django_db
class TestPostInbound:
    URL = "https://crm.example.com/in"

    def test_url_gets_the_inbound_body_once(self):
        message = MessageFactory(inbound=True, text="Hi")
        post = partial(post_inbound, message=message, text="Hi", url=self.URL)
        ids = {post(matched_rule_id="rule_1"), post(matched_rule_id="rule_1")}
        assert ids == {Event.objects.get().external_id}
        assert told() == [("message.received", self.URL)]
        assert bodies()[0]["matchedRuleId"] == "rule_1"

    def test_it_is_the_event_that_the_endpoints_hear_whoever_comes_first(self):
        message = MessageFactory(inbound=True, text="Hi")
        endpoint = EndpointFactory(tenant=message.tenant)
        first = post_inbound(message=message, text="Hi", url=self.URL)
        publish(received(message))
        second = post_inbound(message=message, text="Hi", url="https://mirror.example.com/")
        assert {first, second} == {Event.objects.get().external_id}
        urls = [self.URL, endpoint.url, "https://mirror.example.com/"]
        assert told() == [("message.received", url) for url in urls]

    def test_private_text_that_was_delivered_comes_back_for_another_url(self):
        message = MessageFactory(inbound=True, text="")
        change(message.tenant, keep_inbound=False)
        post_inbound(message=message, text="Secret", url=self.URL)
        Delivery.objects.update(status="succeeded")
        assert forget_private_body(Event.objects.get().pk) is True
        publish(received(message, text="Secret"))
        assert Event.objects.get().body == ""
        post_inbound(message=message, text="Secret", url=self.URL)
        assert Event.objects.get().body == ""
        post_inbound(message=message, text="Secret", url="https://mirror.example.com/")
        assert [body["text"] for body in bodies()] == ["Secret"]


@pytest.mark.django_db
class TestTestEvent:
    def test_test_is_a_delivery_of_a_made_up_event(self):
        endpoint = EndpointFactory(events=["message.sent"])
        first, second = send_test_event(endpoint=endpoint), send_test_event(endpoint=endpoint)
        assert (first.endpoint, first.status) == (endpoint, "pending")
        assert first.event.name == "webhook.test"
        assert first.event_id != second.event_id

    @pytest.mark.parametrize("columns", [{"state": "paused"}, {"state": "disabled"}, {"url": ""}])
    def test_endpoint_that_gets_nothing_cannot_be_tested(self, columns):
        with pytest.raises(Conflict):
            send_test_event(endpoint=EndpointFactory(**columns))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(3))
def test_callbacks_at_once_share_the_row_of_their_host(round_):
    tenant = TenantFactory()
    messages = [
        MessageFactory(device=DeviceFactory(tenant=tenant), callback=f"https://a.example.com/{n}")
        for n in range(8)
    ]
    at_once(*(partial(publish, happened(MessageSent, message)) for message in messages))
    assert Endpoint.objects.count() == 1
    assert Delivery.objects.count() == 8
