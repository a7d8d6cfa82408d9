"""Delivering to real receivers on loopback, and what becomes of it; time moves, nobody sleeps."""

from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import pytest
import standardwebhooks
import time_machine
from django.utils import timezone

from accounts.secrets import encrypt
from messaging.tests.factories import MessageFactory, change
from messaging.tests.threads import at_once
from webhooks.models import Delivery, DeliveryAttempt, Event
from webhooks.services.claims import claim_next
from webhooks.services.deliveries import Attempt, deliver, deliver_due, finish, is_ending
from webhooks.services.outbox import post_inbound, send_test_event
from webhooks.signing import mac_signature
from webhooks.tests.factories import (
    OLD_SECRET,
    SECRET,
    DeliveryFactory,
    EndpointFactory,
    EventFactory,
    HostFactory,
)
from webhooks.tests.receivers import Receiver, Reply, Request, raw

MINUTE, HOUR = 60, 3600


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings):
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]


@contextmanager
def clock_stopped():
    """A clock that a test moves; begins after whatever was made before."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        yield clock


def to(receiver: Receiver, **columns) -> Delivery:
    """A delivery that is due."""
    about_event = {name: columns.pop(name) for name in ("body", "is_private") if name in columns}
    endpoint = columns.pop("endpoint", None) or EndpointFactory(url=receiver.url)
    event = EventFactory(tenant=endpoint.tenant, **about_event)
    return DeliveryFactory(endpoint=endpoint, event=event, url=receiver.url, **columns)


def deliver_all() -> int:
    return deliver_due(seconds=30)


def wait_seconds(delivery: Delivery) -> float:
    """Until the next try."""
    delivery.refresh_from_db()
    return (delivery.next_attempt_at - timezone.now()).total_seconds()


@pytest.mark.django_db
class TestDeliver:
    def test_receiver_gets_the_stored_bytes_with_id_and_signatures(self):
        body = '{"event":"message.received","text":"Héllo 👋"}'
        with Receiver(Reply(204)) as receiver:
            delivery = to(receiver, body=body)
            assert deliver_all() == 1
        (request,) = receiver.requests
        assert (request.method, request.path) == ("POST", "/hook")
        assert request.body == body.encode()
        assert request.headers["content-type"] == "application/json"
        assert request.headers["user-agent"] == "sms-gateway-webhooks/1"
        assert request.headers["webhook-id"] == delivery.event.external_id
        assert request.headers["x-mac-signature"] == mac_signature(SECRET, body.encode())
        assert verifies(SECRET, request)

    def test_success_ends_the_delivery_and_is_logged(self):
        reply = Reply(202, b"thank you", {"X-Trace": "abc"})
        with Receiver(reply) as receiver:
            delivery = to(receiver)
            with clock_stopped():
                deliver_all()
                now = timezone.now()
        delivery.refresh_from_db()
        assert (delivery.status, delivery.attempts, delivery.last_status) == ("succeeded", 1, 202)
        assert (delivery.finished_at, delivery.next_attempt_at) == (now, None)
        assert (delivery.claimed_until, delivery.last_error) == (None, "")
        attempt = DeliveryAttempt.objects.get()
        assert (attempt.delivery, attempt.endpoint) == (delivery, delivery.endpoint)
        assert (attempt.started_at, attempt.status, attempt.error) == (now, 202, "")
        assert (attempt.address, attempt.response_body) == ("127.0.0.1", "thank you")
        assert attempt.response_headers == {
            "content-length": "9",
            "connection": "close",
            "x-trace": "abc",
        }

    def test_log_shows_what_was_sent_but_no_signature(self):
        with Receiver() as receiver:
            delivery = to(receiver)
            with clock_stopped():
                deliver_all()
                timestamp = str(int(timezone.now().timestamp()))
        assert DeliveryAttempt.objects.get().request_headers == {
            "Content-Type": "application/json",
            "User-Agent": "sms-gateway-webhooks/1",
            "webhook-id": delivery.event.external_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": "(signature)",
            "X-MAC-Signature": "(signature)",
        }

    def test_all_that_is_due_is_delivered(self):
        with Receiver() as receiver:
            endpoint = EndpointFactory(url=receiver.url)
            deliveries = [to(receiver, endpoint=endpoint) for _ in range(12)]
            assert deliver_all() == 12
        assert [r.headers["webhook-id"] for r in receiver.requests] == [
            delivery.event.external_id for delivery in deliveries
        ]

    def test_nothing_due_is_nothing_done(self):
        assert deliver_all() == 0

    def test_worker_that_is_ending_leaves_the_rest_to_others(self):
        with Receiver() as receiver:
            to(receiver)
            is_ending.set()
            try:
                assert deliver_all() == 0
            finally:
                is_ending.clear()
            assert deliver_all() == 1

    def test_time_that_is_over_leaves_the_rest_to_others(self):
        with Receiver() as receiver:
            to(receiver)
            assert deliver_due(seconds=0) == 0
        assert receiver.requests == []


@pytest.mark.django_db
class TestFailure:
    @pytest.mark.parametrize("status", [301, 400, 401, 404, 500, 503])
    def test_everything_but_2xx_is_tried_again(self, status):
        with Receiver(Reply(status)) as receiver:
            delivery = to(receiver)
            with clock_stopped():
                deliver_all()
                assert 4 <= wait_seconds(delivery) <= 6
        assert (delivery.status, delivery.attempts) == ("pending", 1)
        assert (delivery.last_status, delivery.claimed_until) == (status, None)

    def test_connection_that_is_refused_is_tried_again_and_logged(self):
        with Receiver() as receiver:
            delivery = to(receiver)
        with clock_stopped():
            deliver_all()
            assert 4 <= wait_seconds(delivery) <= 6
        attempt = DeliveryAttempt.objects.get()
        assert (attempt.status, attempt.address) == (None, "127.0.0.1")
        assert attempt.error == "connect: The receiver does not accept connections."
        assert (delivery.last_status, delivery.last_error) == (None, attempt.error)

    def test_address_that_is_not_allowed_is_never_dialled(self, settings):
        settings.WEBHOOK_ALLOWED_NETWORKS = []
        with Receiver() as receiver:
            to(receiver)
            deliver_all()
        assert receiver.requests == []
        assert DeliveryAttempt.objects.get().error.startswith("refused_address: ")

    def test_every_try_has_the_same_id_and_bytes_and_a_time_of_its_own(self):
        with Receiver(Reply(500)) as receiver:
            to(receiver)
            with clock_stopped() as clock:
                for _ in range(10):
                    deliver_all()
                    clock.shift(30 * HOUR)
        assert len(receiver.requests) == 10
        assert len({request.body for request in receiver.requests}) == 1
        assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
        assert len({request.headers["webhook-timestamp"] for request in receiver.requests}) == 10

    def test_waits_are_those_of_the_schedule_and_then_it_is_failed(self):
        delays = [5, 300, 1800, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR]
        waits = []
        with Receiver(Reply(500)) as receiver:
            delivery = to(receiver)
            with clock_stopped() as clock:
                for _ in delays:
                    deliver_all()
                    waits.append(wait_seconds(delivery))
                    clock.shift(waits[-1] + 1)
                deliver_all()
                now = timezone.now()
        assert [0.8 <= w / d <= 1.2 for w, d in zip(waits, delays, strict=True)] == [True] * 9
        delivery.refresh_from_db()
        assert (delivery.status, delivery.attempts) == ("failed", 10)
        assert (delivery.finished_at, delivery.next_attempt_at) == (now, None)

    @pytest.mark.parametrize(
        ("wish", "least", "most"),
        [
            ("1", 60, 60),
            ("90", 90, 90),
            ("3600", HOUR, HOUR),
            ("1000000000", 6 * HOUR, 6 * HOUR),
            ("9" * 4000, 6 * HOUR, 6 * HOUR),
            ("-1", 60, 60),
            ("1e9", 60, 60),
            ("nan", 60, 60),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 60, 60),
            ("after lunch", 60, 60),
        ],
    )
    def test_429_waits_as_long_as_the_receiver_says_within_reason(self, wish, least, most):
        with Receiver(Reply(429, headers={"Retry-After": wish})) as receiver:
            delivery = to(receiver)
            with clock_stopped():
                deliver_all()
                assert least <= wait_seconds(delivery) <= most

    def test_503_waits_as_long_as_the_receiver_says(self):
        with Receiver(Reply(503, headers={"Retry-After": "120"})) as receiver:
            delivery = to(receiver)
            with clock_stopped():
                deliver_all()
                assert wait_seconds(delivery) == 120

    def test_answer_that_takes_too_long_is_tried_again_after_a_minute(self):
        delivery = DeliveryFactory()
        with clock_stopped():
            finish(claim_next(), Attempt(timezone.now(), {}, error="timeout: It took too long."))
            assert wait_seconds(delivery) == 60

    def test_secret_that_cannot_be_read_is_an_attempt_that_failed(self, settings):
        with Receiver() as receiver:
            delivery = to(receiver)
            settings.ENCRYPTION_KEYS = ["another"]
            with clock_stopped():
                deliver_all()
                assert 4 <= wait_seconds(delivery) <= 6
        assert receiver.requests == []
        assert delivery.last_error.startswith("internal: ")

    def test_test_event_is_tried_once(self):
        with Receiver(Reply(500)) as receiver:
            delivery = send_test_event(endpoint=EndpointFactory(url=receiver.url))
            deliver_all()
        delivery.refresh_from_db()
        assert (delivery.status, delivery.attempts, delivery.last_status) == ("failed", 1, 500)


@pytest.mark.django_db
class TestHostileAnswers:
    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 200 OK\r\nX-A: \x00\xff\xed\xa0\x80\r\n\r\n\x00\xff\xfe\xed\xa0\x80 ok",
            b"HTTP/1.1 500 \x00\xff\r\nContent-Type: \xf0\x9f\r\n\r\n" + b"\xff\x00" * 9000,
            b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(90)) + b"\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort",
            b"\x00\xff\xfe" * 50,
            b"",
        ],
    )
    def test_whatever_comes_back_is_stored(self, answer):
        with Receiver(raw(answer)) as receiver:
            delivery = to(receiver)
            deliver_all()
        attempt = DeliveryAttempt.objects.get()
        delivery.refresh_from_db()
        assert (delivery.attempts, delivery.last_status) == (1, attempt.status)
        assert len(attempt.response_body) <= 4096
        assert "\x00" not in attempt.response_body + str(attempt.response_headers)


@pytest.mark.django_db
class TestSecrets:
    def test_rotated_secrets_both_sign_until_the_old_one_ends(self):
        with Receiver() as receiver:
            endpoint = EndpointFactory(
                url=receiver.url,
                previous_secret=encrypt(OLD_SECRET),
                previous_secret_until=timezone.now() + timedelta(hours=24),
            )
            with clock_stopped() as clock:
                for hours in (0, 23, 2):
                    clock.shift(hours * HOUR)
                    change(endpoint, last_success_at=timezone.now())
                    to(receiver, endpoint=endpoint)
                    deliver_all()
                    request = receiver.requests[-1]
                    verified = verifies(SECRET, request), verifies(OLD_SECRET, request)
                    assert verified == (True, hours != 2)
        native = [
            (r.headers["x-mac-signature"], r.headers.get("x-mac-signature-previous"))
            for r in receiver.requests
        ]
        new, old = (
            [mac_signature(secret, r.body) for r in receiver.requests]
            for secret in (SECRET, OLD_SECRET)
        )
        assert native == list(zip(new, [*old[:2], None], strict=True))

    def test_callback_is_signed_by_the_tenants_first_endpoint(self):
        with Receiver() as receiver:
            host = HostFactory(url=f"http://127.0.0.1:{receiver.port}")
            EndpointFactory(secret=encrypt(OLD_SECRET))
            deleted = timezone.now()
            EndpointFactory(tenant=host.tenant, secret="", deleted_at=deleted)
            EndpointFactory(tenant=host.tenant)
            EndpointFactory(tenant=host.tenant, secret=encrypt(OLD_SECRET))
            to(receiver, endpoint=host)
            deliver_all()
        assert verifies(SECRET, receiver.requests[0])

    def test_tenant_without_a_secret_sends_unsigned(self):
        with Receiver() as receiver:
            to(receiver, endpoint=HostFactory())
            deliver_all()
        names = set(receiver.requests[0].headers)
        assert names & {"webhook-signature", "x-mac-signature"} == set()
        assert names >= {"webhook-id", "webhook-timestamp"}


def verifies(secret: str, request: Request) -> bool:
    """What the published library says."""
    try:
        standardwebhooks.Webhook(secret).verify(request.body, dict(request.headers))
    except standardwebhooks.WebhookVerificationError:
        return False
    return True


@pytest.mark.django_db
class TestFence:
    ANSWERED = Attempt(timezone.now(), {}, status=200)
    BROKEN = Attempt(timezone.now(), {}, error="connect: No.")

    @pytest.mark.parametrize("late", [ANSWERED, BROKEN])
    def test_worker_that_comes_back_late_is_logged_and_changes_nothing(self, late):
        delivery = DeliveryFactory()
        with clock_stopped() as clock:
            first = claim_next()
            clock.shift(3 * MINUTE)
            second = claim_next()
            delivery.refresh_from_db()
            before = Delivery.objects.values().get()
            assert finish(first, late) is False
            assert Delivery.objects.values().get() == before
            assert finish(second, self.ANSWERED) is True
            assert finish(second, self.BROKEN) is False
        delivery.refresh_from_db()
        assert (delivery.status, delivery.attempts) == ("succeeded", 1)
        assert DeliveryAttempt.objects.count() == 3

    def test_worker_whose_delivery_is_gone_has_nothing_to_say(self):
        delivery = DeliveryFactory()
        claim = claim_next()
        delivery.delete()
        assert finish(claim, self.ANSWERED) is False
        assert DeliveryAttempt.objects.count() == 0

    def test_worker_whose_delivery_is_held_meanwhile_has_nothing_to_say(self):
        delivery = DeliveryFactory()
        claim = claim_next()
        change(delivery, status="held")
        assert finish(claim, self.BROKEN) is False
        delivery.refresh_from_db()
        assert delivery.status == "held"


@pytest.mark.django_db
class TestPrivateText:
    def test_body_goes_when_the_last_delivery_ended(self):
        with Receiver(Reply(200, b"you said: Secret")) as receiver:
            first = to(receiver, body='{"text":"Secret"}', is_private=True)
            elsewhere = HostFactory(tenant=first.tenant, last_success_at=timezone.now())
            second = DeliveryFactory(endpoint=elsewhere, event=first.event, url=receiver.url)
            deliver(claim_next())
            assert Event.objects.get().body == '{"text":"Secret"}'
            deliver(claim_next())
        assert Event.objects.get().body == ""
        assert {second.event_id, first.event_id} == {Event.objects.get().pk}
        logged = DeliveryAttempt.objects.values_list("response_body", flat=True)
        assert list(logged) == ["", ""]

    def test_body_stays_while_it_may_be_needed(self):
        with Receiver(Reply(500)) as receiver:
            to(receiver, body="{}", is_private=True)
            deliver_all()
        assert Event.objects.get().body == "{}"

    def test_body_of_a_text_that_may_be_kept_stays(self):
        with Receiver() as receiver:
            to(receiver, body="{}")
            deliver_all()
        assert Event.objects.get().body == "{}"

    def test_delivery_whose_body_is_gone_is_failed_without_a_request(self):
        with Receiver() as receiver:
            delivery = to(receiver, body="", is_private=True)
            deliver_all()
        assert receiver.requests == []
        delivery.refresh_from_db()
        assert delivery.status == "failed"
        assert delivery.last_error.startswith("internal: Its text was delivered and not kept")


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    @pytest.mark.parametrize("round_", range(3))
    def test_workers_at_once_send_everything_once(self, round_):
        with Receiver() as receiver:
            for _ in range(2):
                endpoint = EndpointFactory(url=receiver.url)
                for _ in range(15):
                    to(receiver, endpoint=endpoint)
            assert sum(at_once(*[deliver_all] * 4)) == 30
        ids = [request.headers["webhook-id"] for request in receiver.requests]
        assert len(ids) == len(set(ids)) == 30
        assert DeliveryAttempt.objects.count() == 30

    def test_url_that_is_posted_while_a_private_body_is_emptied_gets_it(self):
        """Whichever comes first, no delivery is left without its body."""
        message = MessageFactory(inbound=True, text="")
        change(message.tenant, keep_inbound=False)
        for number in range(10):
            Event.objects.all().delete()
            post = partial(post_inbound, message=message, text="Secret")
            with Receiver() as receiver:
                post(url=receiver.url)
                claim = claim_next()
                at_once(
                    partial(finish, claim, TestFence.ANSWERED),
                    partial(post, url=f"https://mirror.example.com/{number}"),
                )
            event = Event.objects.get()
            assert event.deliveries.filter(status="pending").count() == 1
            assert event.body != ""
