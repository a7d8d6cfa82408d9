"""The breaker, the end of an endpoint, and the mails about it; time moves, nobody sleeps."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Membership
from accounts.tests.factories import MembershipFactory, TenantFactory, UserFactory
from messaging.events import ContactUnsubscribed, publish
from messaging.tests.factories import change
from messaging.tests.threads import at_once
from webhooks.models import Delivery, DeliveryAttempt, Endpoint
from webhooks.services import health
from webhooks.services.claims import claim_next
from webhooks.services.deliveries import Attempt, deliver_due, finish
from webhooks.services.replay import replay_failed
from webhooks.services.warnings import warn_owners
from webhooks.tests.factories import (
    DeliveryAttemptFactory,
    DeliveryFactory,
    EndpointFactory,
    HostFactory,
)
from webhooks.tests.receivers import Receiver, Reply

GONE = {"status": 410}
ERROR = {"status": 500}
TIMEOUT = {"error": "timeout: The receiver took longer than 20 seconds."}
OK = {"status": 200}


def end(outcome: dict) -> None:
    """Claim whatever is next, and let it end so."""
    claim = claim_next()
    assert claim is not None
    assert finish(claim, Attempt(timezone.now(), {}, **outcome))


def end_all(outcome: dict, count: int, endpoint: Endpoint) -> None:
    """So many deliveries to `endpoint`, one after the other."""
    for _ in range(count):
        DeliveryFactory(endpoint=endpoint)
        end(outcome)
    endpoint.refresh_from_db()


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        yield clock


@pytest.mark.django_db
class TestBreaker:
    @pytest.mark.parametrize("make", [EndpointFactory, HostFactory])
    def test_ten_failures_open_it_for_a_minute(self, make, clock):
        endpoint = make()
        end_all(ERROR, 9, endpoint)
        assert endpoint.breaker_until is None
        end_all(ERROR, 1, endpoint)
        assert endpoint.breaker_until == timezone.now() + timedelta(seconds=60)
        assert endpoint.state == "enabled"

    @pytest.mark.parametrize(("failures", "is_open"), [(13, False), (14, True)])
    def test_it_opens_at_seven_of_ten(self, failures, is_open, clock):
        endpoint = EndpointFactory()
        DeliveryAttemptFactory.create_batch(20 - failures, delivery__endpoint=endpoint, **OK)
        Delivery.objects.update(status="succeeded")
        end_all(ERROR, failures, endpoint)
        assert (endpoint.breaker_until is not None) is is_open

    def test_only_the_last_twenty_count(self, clock):
        endpoint = EndpointFactory()
        DeliveryAttemptFactory.create_batch(100, delivery__endpoint=endpoint, **OK)
        Delivery.objects.update(status="succeeded")
        end_all(ERROR, 14, endpoint)
        assert endpoint.breaker_until is not None

    def test_failures_of_long_ago_do_not_count(self, clock):
        endpoint = EndpointFactory()
        end_all(ERROR, 9, endpoint)
        clock.shift(301)
        Delivery.objects.update(status="failed")
        end_all(ERROR, 9, endpoint)
        assert endpoint.breaker_until is None

    def test_failures_of_others_do_not_count(self, clock):
        end_all(ERROR, 9, EndpointFactory())
        endpoint = EndpointFactory()
        end_all(ERROR, 9, endpoint)
        assert endpoint.breaker_until is None

    def test_three_that_hang_in_a_row_are_enough(self, clock):
        endpoint = EndpointFactory()
        end_all(TIMEOUT, 2, endpoint)
        end_all(OK, 1, endpoint)
        end_all(TIMEOUT, 2, endpoint)
        assert endpoint.breaker_until is None
        end_all(TIMEOUT, 1, endpoint)
        assert endpoint.breaker_until is not None

    def test_what_waits_uses_no_attempts(self, clock):
        endpoint = EndpointFactory()
        end_all(ERROR, 10, endpoint)
        waiting = DeliveryFactory(endpoint=endpoint)
        assert claim_next() is None
        waiting.refresh_from_db()
        assert (waiting.status, waiting.attempts) == ("pending", 0)

    def test_probe_that_succeeds_closes_it_and_what_was_is_forgotten(self, clock):
        endpoint = EndpointFactory()
        end_all(ERROR, 10, endpoint)
        clock.shift(60)
        Delivery.objects.update(next_attempt_at=timezone.now())
        end(OK)
        endpoint.refresh_from_db()
        assert (endpoint.breaker_until, endpoint.failing_since) == (None, None)
        end(ERROR)
        endpoint.refresh_from_db()
        assert endpoint.breaker_until is None

    def test_probe_that_fails_leaves_it_open_for_another_minute(self, clock):
        endpoint = EndpointFactory()
        end_all(ERROR, 10, endpoint)
        clock.shift(60)
        Delivery.objects.update(next_attempt_at=timezone.now())
        end(ERROR)
        assert claim_next() is None
        clock.shift(60)
        end(OK)


@pytest.mark.django_db
class TestRow:
    """The endpoint's row changes when its luck does, and is no row that everyone waits for."""

    def test_healthy_endpoint_is_written_once_a_minute(self, clock):
        endpoint = EndpointFactory()
        writes = []
        for seconds in (0, 59, 1, 59):
            clock.shift(seconds)
            with CaptureQueriesContext(connection) as queries:
                end_all(OK, 1, endpoint)
            writes.append([q["sql"][:25] for q in queries].count('UPDATE "webhooks_endpoint'))
        assert writes == [0, 0, 1, 0]

    def test_failure_and_success_leave_their_times(self, clock):
        endpoint = EndpointFactory()
        began = timezone.now()
        end_all(ERROR, 1, endpoint)
        clock.shift(120)
        end_all(ERROR, 1, endpoint)
        assert (endpoint.failing_since, endpoint.last_failure_at) == (began, timezone.now())
        clock.shift(1)
        end_all(OK, 1, endpoint)
        assert (endpoint.failing_since, endpoint.last_success_at) == (None, timezone.now())

    def test_success_after_a_while_wakes_more_workers(
        self, clock, django_capture_on_commit_callbacks
    ):
        endpoint = EndpointFactory(cold=True)
        woken = []
        for _ in range(2):
            with django_capture_on_commit_callbacks() as callbacks:
                end_all(OK, 1, endpoint)
            woken.append(len(callbacks))
        assert woken == [1, 0]


@pytest.mark.django_db
class TestGone:
    def test_410_ends_the_endpoint_at_once_and_holds_what_waits(
        self, clock, django_capture_on_commit_callbacks
    ):
        endpoint = EndpointFactory(events=["contact.unsubscribed"])
        gone = DeliveryFactory(endpoint=endpoint)
        DeliveryFactory.create_batch(3, endpoint=endpoint)
        with django_capture_on_commit_callbacks(execute=True):
            end(GONE)
        endpoint.refresh_from_db()
        assert (endpoint.state, endpoint.disabled_at) == ("disabled", timezone.now())
        assert endpoint.disabled_reason == "The receiver answered 410 Gone."
        gone.refresh_from_db()
        assert gone.status == "failed"
        now = timezone.now()
        publish(ContactUnsubscribed(endpoint.tenant_id, "+6581230000", "api", now))
        held = Delivery.objects.filter(status="held", next_attempt_at=None)
        assert (Delivery.objects.count(), held.count()) == (5, 4)

    def test_410_of_a_host_fails_that_delivery_alone(self, clock):
        host = HostFactory()
        other = DeliveryFactory(endpoint=host, url="https://elsewhere.example.com/other")
        Delivery.objects.update(next_attempt_at=timezone.now() + timedelta(hours=1))
        end_all(GONE, 1, host)
        assert host.state == "enabled"
        assert Delivery.objects.exclude(pk=other.pk).get().status == "failed"
        other.refresh_from_db()
        assert other.status == "pending"

    def test_what_a_worker_has_in_hand_is_held_when_it_comes_back(self, clock):
        endpoint = EndpointFactory()
        DeliveryFactory.create_batch(3, endpoint=endpoint)
        claims = [claim_next(), claim_next()]
        change(endpoint, state="disabled")
        assert health.hold_for_disabled() == 1
        finish(claims[0], Attempt(timezone.now(), {}, status=200))
        finish(claims[1], Attempt(timezone.now(), {}, status=500))
        assert health.hold_for_disabled() == 1
        statuses = Delivery.objects.order_by("id").values_list("status", flat=True)
        assert list(statuses) == ["succeeded", "held", "held"]

    def test_many_are_held_in_chunks(self, monkeypatch):
        monkeypatch.setattr(health, "AT_ONCE", 2)
        endpoint = EndpointFactory(state="disabled")
        DeliveryFactory.create_batch(5, endpoint=endpoint)
        others = DeliveryFactory(endpoint__tenant=endpoint.tenant)
        assert health.hold_for_disabled() == 5
        assert Delivery.objects.exclude(status="held").get() == others

    def test_endpoint_that_is_enabled_meanwhile_holds_nothing(self):
        endpoint = EndpointFactory()
        DeliveryFactory(endpoint=endpoint)
        assert health.hold_pending(endpoint.pk) == 0

    def test_enabling_starts_afresh_and_leaves_what_is_held(self, clock):
        endpoint = EndpointFactory(
            state="disabled",
            disabled_at=timezone.now(),
            disabled_reason=health.FAILING,
            failing_since=timezone.now() - timedelta(days=5),
            warnings_sent=3,
            breaker_until=timezone.now(),
        )
        DeliveryAttemptFactory.create_batch(
            9, delivery=DeliveryFactory(endpoint=endpoint, held=True), **ERROR
        )
        clock.shift(1)
        health.enable(endpoint)
        endpoint.refresh_from_db()
        assert (endpoint.state, endpoint.disabled_reason) == ("enabled", "")
        assert (endpoint.disabled_at, endpoint.failing_since) == (None, None)
        assert (endpoint.warnings_sent, endpoint.breaker_until) == (0, None)
        assert Delivery.objects.get().status == "held"
        end_all(ERROR, 1, endpoint)
        assert (endpoint.state, endpoint.breaker_until) == ("enabled", None)


@pytest.mark.django_db
class TestOutage:
    """A receiver that is down for days, with real requests; something happens twice a day."""

    @pytest.fixture
    def live_through(self, settings, clock, django_capture_on_commit_callbacks):
        settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]

        def live(endpoint: Endpoint, hours: int) -> None:
            for hour in range(hours):
                if hour % 12 == 0:
                    publish(ContactUnsubscribed(endpoint.tenant_id, "+6581", "api", timezone.now()))
                with django_capture_on_commit_callbacks(execute=True):
                    deliver_due(seconds=30)
                warn_owners()
                clock.shift(timedelta(hours=1))

        return live

    @pytest.fixture
    def endpoint(self, settings) -> Endpoint:
        settings.MESSAGE_EVENT_HANDLERS = ["webhooks.handlers.message_events"]
        endpoint = EndpointFactory(events=["contact.unsubscribed"], name="Shop")
        MembershipFactory(tenant=endpoint.tenant, user=UserFactory(email="alice@example.com"))
        return endpoint

    def test_down_for_four_days_and_23_hours_then_up_is_delivered(self, endpoint, live_through):
        """But for what used up its ten tries in three days, which a replay brings."""
        with Receiver(Reply(503)) as receiver:
            change(endpoint, url=receiver.url)
            live_through(endpoint, 119)
        endpoint.refresh_from_db()
        assert endpoint.state == "enabled"
        assert [m.subject for m in mail.outbox] == ["Webhook failing: Shop"] * 2
        with Receiver() as receiver:
            change(endpoint, url=receiver.url)
            live_through(endpoint, 30)
            since = timezone.now() - timedelta(days=13)
            replayed = replay_failed(tenant=endpoint.tenant, endpoint=endpoint, since=since)
            deliver_due(seconds=30)
        assert set(Delivery.objects.values_list("status", flat=True)) == {"succeeded"}
        ids = {request.headers["webhook-id"] for request in receiver.requests}
        assert len(ids) == len(receiver.requests) == 13
        assert 0 < replayed < 10
        assert len(mail.outbox) == 2

    def test_down_for_five_days_and_an_hour_is_disabled_and_replay_brings_all(
        self, endpoint, live_through
    ):
        with Receiver(Reply(503)) as receiver:
            change(endpoint, url=receiver.url)
            live_through(endpoint, 121)
        endpoint.refresh_from_db()
        assert (endpoint.state, endpoint.disabled_reason) == ("disabled", health.FAILING)
        failing = timezone.now() - timedelta(days=5, hours=1)
        assert endpoint.disabled_at - failing >= timedelta(days=5)
        subjects = ["Webhook failing: Shop", "Webhook failing: Shop", "Webhook disabled: Shop"]
        assert [m.subject for m in mail.outbox] == subjects
        assert not Delivery.objects.exclude(status__in=["failed", "held"]).exists()
        with Receiver() as receiver:
            change(endpoint, url=receiver.url)
            live_through(endpoint, 10)
            assert receiver.requests == []
            health.enable(endpoint)
            since = timezone.now() - timedelta(days=13)
            assert replay_failed(tenant=endpoint.tenant, endpoint=endpoint, since=since) == 12
            deliver_due(seconds=60)
        ids = {request.headers["webhook-id"] for request in receiver.requests}
        assert len(ids) == len(receiver.requests) == 12
        assert set(Delivery.objects.values_list("status", flat=True)) == {"succeeded"}

    def test_few_tries_in_five_days_say_too_little(self, endpoint, clock):
        end_all(ERROR, 8, endpoint)
        clock.shift(timedelta(days=6))
        Delivery.objects.update(status="failed")
        end_all(ERROR, 1, endpoint)
        assert endpoint.state == "enabled"
        end_all(ERROR, 1, endpoint)
        assert endpoint.state == "disabled"


@pytest.mark.django_db
class TestWarnings:
    def failing(self, hours: float = 1, **columns) -> Endpoint:
        since = timezone.now() - timedelta(hours=hours)
        return EndpointFactory(name="Shop", failing_since=since, **columns)

    def owner(self, endpoint: Endpoint, email: str, **membership) -> None:
        user = UserFactory(email=email, is_active=membership.pop("is_active", True))
        MembershipFactory(tenant=endpoint.tenant, user=user, **membership)

    def test_owners_are_told_once_and_nobody_else(self, clock):
        endpoint = self.failing()
        self.owner(endpoint, "alice@example.com")
        self.owner(endpoint, "anna@example.com")
        self.owner(endpoint, "gone@example.com", is_active=False)
        self.owner(endpoint, "bob@example.com", role=Membership.Role.ADMIN)
        MembershipFactory(tenant=TenantFactory())
        assert [warn_owners(), warn_owners()] == [1, 0]
        assert [m.to for m in mail.outbox] == [["alice@example.com"], ["anna@example.com"]]
        assert endpoint.external_id in mail.outbox[0].body

    def test_mail_names_the_host_and_nothing_of_the_path(self, clock):
        endpoint = self.failing(url="https://shop.example.com/hook?token=secret")
        self.owner(endpoint, "alice@example.com")
        warn_owners()
        assert "shop.example.com" in mail.outbox[0].body
        assert "secret" not in mail.outbox[0].body

    @pytest.mark.parametrize(
        ("hours", "columns"),
        [
            (0.9, {}),
            (23, {"warnings_sent": 1}),
            (99, {"warnings_sent": 2}),
            (99, {"state": "paused"}),
            (99, {"state": "disabled", "disabled_reason": "You disabled it."}),
            (99, {"kind": "host"}),
            (99, {"deleted_at": timezone.now()}),
        ],
    )
    def test_nothing_to_tell(self, hours, columns, clock):
        self.owner(self.failing(hours, **columns), "alice@example.com")
        assert (warn_owners(), mail.outbox) == (0, [])

    def test_warnings_that_were_missed_are_one_mail(self, clock):
        endpoint = self.failing(25)
        self.owner(endpoint, "alice@example.com")
        assert [warn_owners(), warn_owners()] == [1, 0]
        endpoint.refresh_from_db()
        assert (len(mail.outbox), endpoint.warnings_sent) == (1, 2)

    def test_mail_that_cannot_be_sent_is_sent_later(self, clock, settings):
        endpoint = self.failing()
        self.owner(endpoint, "alice@example.com")
        ours = settings.EMAIL_BACKEND
        settings.EMAIL_BACKEND = "webhooks.tests.test_health.BrokenServer"
        assert warn_owners() == 0
        settings.EMAIL_BACKEND = ours
        assert [warn_owners(), warn_owners()] == [1, 0]
        assert len(mail.outbox) == 1

    def test_endpoint_without_owners_warns_nobody(self, clock):
        self.failing()
        assert [warn_owners(), warn_owners()] == [1, 0]
        assert mail.outbox == []


class BrokenServer(EmailBackend):
    """A mail server that is away."""

    def send_messages(self, messages):
        raise ConnectionRefusedError


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_mail_is_sent_once_whoever_comes(self):
        endpoint = EndpointFactory(failing_since=timezone.now() - timedelta(hours=2))
        MembershipFactory(tenant=endpoint.tenant)
        assert sorted(at_once(*[warn_owners] * 4)) == [0, 0, 0, 1]
        assert len(mail.outbox) == 1

    def test_ten_that_hang_at_once_open_the_breaker_with_the_first_that_end(self):
        endpoint = EndpointFactory()
        DeliveryFactory.create_batch(20, endpoint=endpoint)
        claims = list(iter(claim_next, None))
        assert len(claims) == 10
        for claim in claims[:3]:
            finish(claim, Attempt(timezone.now(), {}, **TIMEOUT))
        assert claim_next() is None
        assert DeliveryAttempt.objects.count() == 3
