"""Who may deliver what now; two connections where it matters."""

from collections import Counter
from contextlib import ExitStack
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Tenant
from accounts.tests.factories import TenantFactory
from messaging.tests.factories import change
from messaging.tests.threads import at_once
from webhooks.models import Delivery, Endpoint
from webhooks.services import claims
from webhooks.services.claims import Claim, busy, claim_next, count_due
from webhooks.tests.factories import DeliveryFactory, EndpointFactory, HostFactory

DEAD = {"last_success_at": None}


def claim_all() -> list[Claim]:
    """Whatever may be in flight at once."""
    return list(iter(claim_next, None))


def number_claimed() -> int:
    return len(claim_all())


def wait_for(endpoint: Endpoint, count: int = 1, **columns) -> list[Delivery]:
    return DeliveryFactory.create_batch(count, endpoint=endpoint, **columns)


@pytest.mark.django_db
class TestClaim:
    def test_claim_has_what_a_worker_needs_and_marks_the_row(self):
        delivery = DeliveryFactory()
        with time_machine.travel(timezone.now(), tick=False):
            claim = claim_next()
            delivery.refresh_from_db()
            until = timezone.now() + timedelta(seconds=60)
        assert claim == Claim(
            endpoint=delivery.endpoint,
            delivery_id=delivery.pk,
            number=1,
            attempts=0,
            crashes=0,
            url=delivery.url,
            event_id=delivery.event_id,
            event_public_id=delivery.event.public_id,
            event_name="message.received",
            is_private=False,
            body=delivery.event.body,
        )
        assert (delivery.claim, delivery.status) == (1, "pending")
        assert delivery.claimed_until == delivery.next_attempt_at == until

    def test_oldest_goes_first(self):
        endpoint = EndpointFactory()
        now = timezone.now()
        for seconds in (1, 3, 2):
            wait_for(endpoint, next_attempt_at=now - timedelta(seconds=seconds))
        ages = [
            round((now - delivery.next_attempt_at).total_seconds())
            for delivery in Delivery.objects.order_by("id")
        ]
        assert ages == [1, 3, 2]
        ids = list(Delivery.objects.order_by("next_attempt_at").values_list("pk", flat=True))
        assert [claim.delivery_id for claim in claim_all()] == ids

    @pytest.mark.parametrize(
        "columns",
        [
            {"next_attempt_at": timezone.now() + timedelta(minutes=5)},
            {"succeeded": True},
            {"failed": True},
            {"held": True},
        ],
    )
    def test_what_is_not_due_is_not_claimed(self, columns):
        DeliveryFactory(**columns)
        assert (claim_next(), count_due()) == (None, 0)

    @pytest.mark.parametrize(
        "columns",
        [
            {"state": "paused"},
            {"state": "disabled"},
            {"url": ""},
            {"breaker_until": timezone.now() + timedelta(hours=1)},
        ],
    )
    def test_endpoint_that_gets_nothing_now_lets_its_deliveries_wait(self, columns):
        (delivery,) = wait_for(EndpointFactory(**columns), url="https://example.com/")
        assert (claim_next(), count_due()) == (None, 0)
        delivery.refresh_from_db()
        assert (delivery.status, delivery.attempts, delivery.claim) == ("pending", 0, 0)

    def test_paused_endpoint_gets_them_when_it_is_resumed(self):
        endpoint = EndpointFactory(state="paused")
        wait_for(endpoint, 2)
        change(endpoint, state="enabled")
        assert (count_due(), number_claimed()) == (2, 2)

    def test_suspended_tenant_waits_until_it_is_active_again(self):
        endpoint = EndpointFactory()
        wait_for(endpoint)
        change(endpoint.tenant, status=Tenant.Status.SUSPENDED)
        assert (claim_next(), count_due()) == (None, 0)
        change(endpoint.tenant, status=Tenant.Status.ACTIVE)
        assert number_claimed() == 1

    def test_delivery_goes_to_where_its_endpoint_is_now(self):
        (delivery,) = wait_for(EndpointFactory(url="https://old.example.com/"))
        change(delivery.endpoint, url="https://new.example.com/")
        assert claim_next().url == "https://new.example.com/"
        delivery.refresh_from_db()
        assert delivery.url == "https://new.example.com/"

    def test_callback_goes_to_its_own_url_and_not_to_its_hosts_row(self):
        wait_for(HostFactory(), url="https://elsewhere.example.com/sms?order=7")
        assert claim_next().url == "https://elsewhere.example.com/sms?order=7"


@pytest.mark.django_db
class TestLimits:
    def test_ten_of_one_endpoint_are_in_flight(self):
        wait_for(EndpointFactory(), 15)
        assert (count_due(), number_claimed(), count_due()) == (10, 10, 0)

    def test_ten_of_one_host_are_in_flight(self):
        host = HostFactory()
        for number in range(12):
            wait_for(host, url=f"https://elsewhere.example.com/{number}")
        assert number_claimed() == 10

    def test_endpoint_that_did_not_answer_lately_gets_one_at_a_time(self):
        for last in (None, timezone.now() - timedelta(minutes=3)):
            wait_for(EndpointFactory(last_success_at=last), 5)
        assert Counter(claim.endpoint.pk for claim in claim_all()).most_common() == [
            (pk, 1) for pk in Endpoint.objects.order_by("id").values_list("pk", flat=True)
        ]

    def test_those_that_did_not_answer_lately_share_half_of_the_workers(self, settings):
        settings.WEBHOOK_THREADS = 8
        for _ in range(6):
            wait_for(EndpointFactory(**DEAD), 2)
        well = EndpointFactory()
        wait_for(well, 2)
        assert Counter(claim.endpoint == well for claim in claim_all()) == {False: 4, True: 2}

    def test_endpoint_gets_at_most_half_of_what_is_free(self, settings):
        settings.WEBHOOK_THREADS = 8
        wait_for(EndpointFactory(), 9)
        with ExitStack() as stack:
            for _ in range(4):
                stack.enter_context(busy())
            assert number_claimed() == 2
        assert number_claimed() == 2

    def test_last_free_thread_may_still_take_something(self, settings):
        settings.WEBHOOK_THREADS = 1
        wait_for(EndpointFactory(), 2)
        assert number_claimed() == 1

    def test_tenant_beyond_its_share_comes_after_the_others(self, settings):
        settings.WEBHOOK_THREADS = 100
        busy_one, other = TenantFactory(), TenantFactory()
        an_hour_ago = timezone.now() - timedelta(hours=1)
        for _ in range(4):
            wait_for(EndpointFactory(tenant=busy_one), 10, next_attempt_at=an_hour_ago)
        first = [claim_next().endpoint.tenant for _ in range(20)]
        wait_for(EndpointFactory(tenant=other), 3)
        then = [claim_next().endpoint.tenant for _ in range(5)]
        assert first == [busy_one] * 20
        assert then == [other] * 3 + [busy_one] * 2

    def test_endpoints_take_turns(self):
        for _ in range(3):
            wait_for(EndpointFactory(), 3)
        turns = [claim_next().endpoint.pk for _ in range(9)]
        assert [len(set(turns[start : start + 3])) for start in (0, 3, 6)] == [3, 3, 3]

    def test_claim_that_ran_out_takes_no_room(self):
        wait_for(EndpointFactory(), 15)
        with time_machine.travel(timezone.now(), tick=False) as clock:
            assert number_claimed() == 10
            clock.shift(61)
            assert number_claimed() == 10


@pytest.mark.django_db
class TestProbe:
    def test_open_breaker_lets_one_through_each_minute(self):
        now = timezone.now()
        endpoint = EndpointFactory(breaker_until=now + timedelta(seconds=60))
        wait_for(endpoint, 12)
        claimed = []
        with time_machine.travel(now, tick=False) as clock:
            for _ in range(4):
                claimed.append(number_claimed())
                clock.shift(59)
                claimed.append(number_claimed())
                clock.shift(2)
        assert claimed == [0, 0, 1, 0, 1, 0, 1, 0]

    def test_closed_breaker_lets_all_through(self):
        endpoint = EndpointFactory(breaker_until=timezone.now())
        wait_for(endpoint, 5)
        assert number_claimed() == 1
        change(endpoint, breaker_until=None)
        assert number_claimed() == 4


@pytest.mark.django_db
class TestCrash:
    def test_claim_that_ran_out_is_claimed_anew_with_another_number(self):
        DeliveryFactory()
        with time_machine.travel(timezone.now(), tick=False) as clock:
            first = claim_next()
            clock.shift(59)
            assert claim_next() is None
            clock.shift(1)
            second = claim_next()
        assert (first.number, first.crashes) == (1, 0)
        assert (second.number, second.crashes) == (2, 1)
        assert second.event_public_id == first.event_public_id

    def test_what_kills_its_worker_again_and_again_is_given_up_and_the_others_go_on(self):
        poison = DeliveryFactory()
        claimed = []
        with time_machine.travel(timezone.now(), tick=False) as clock:
            for _ in range(6):
                claimed.append([claim.delivery_id for claim in claim_all()])
                clock.shift(60)
            other = DeliveryFactory(endpoint=poison.endpoint)
            claimed.append([claim.delivery_id for claim in claim_all()])
        assert claimed == [[poison.pk]] * 5 + [[], [other.pk]]
        poison.refresh_from_db()
        assert (poison.status, poison.claimed_until) == ("failed", None)
        assert poison.last_error == "The gateway broke off 5 times while it sent this."


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    @pytest.mark.parametrize("round_", range(5))
    def test_connections_never_claim_the_same_and_keep_the_limits(self, round_):
        for _ in range(2):
            wait_for(EndpointFactory(), 30)
        wait_for(EndpointFactory(**DEAD), 30)
        takes = at_once(*[claim_all] * 8)
        claimed = [claim.delivery_id for take in takes for claim in take]
        assert len(claimed) == len(set(claimed)) == 21
        in_flight = Delivery.objects.filter(claim=1).values_list("endpoint", flat=True)
        assert sorted(Counter(in_flight).values()) == [1, 10, 10]

    @pytest.mark.parametrize("round_", range(5))
    def test_one_connection_of_many_has_the_probe(self, round_):
        wait_for(EndpointFactory(breaker_until=timezone.now()), 8)
        assert sorted(at_once(*[number_claimed] * 8)) == [0] * 7 + [1]

    def test_endpoint_in_the_hands_of_another_transaction_is_passed_over(self):
        held, free = (wait_for(EndpointFactory())[0] for _ in range(2))
        other = connection.copy()
        try:
            other.set_autocommit(False)
            with other.cursor() as cursor:
                cursor.execute(
                    "SELECT 1 FROM webhooks_endpoint WHERE id = %s FOR UPDATE", [held.endpoint_id]
                )
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '100ms'")
                assert claim_next().delivery_id == free.pk
            other.rollback()
            assert claim_next().delivery_id == held.pk
        finally:
            other.close()


# A dead endpoint with 20,000 that wait, one with 100 due, and a long history of both.
_FILL = """
INSERT INTO webhooks_delivery
       (public_id, tenant_id, event_id, endpoint_id, url, has_own_url, status, attempts,
        next_attempt_at, claim, crashes, created_at, last_error)
SELECT gen_random_uuid(), %(tenant)s, %(event)s, %(endpoint)s, 'https://example.com/' || n, true,
       %(status)s::text, 1,
       CASE %(status)s::text WHEN 'pending' THEN now() - n * interval '1 second' END,
       1, 0, now(), ''
  FROM generate_series(1, %(count)s) AS n
"""


@pytest.mark.django_db
def test_claim_does_not_read_what_waits_for_a_blocked_endpoint():
    dead, well = EndpointFactory(state="paused"), EndpointFactory()
    rows = [(dead, "succeeded", 40_000), (dead, "pending", 20_000), (well, "pending", 100)]
    with connection.cursor() as cursor:
        for endpoint, status, count in rows:
            event = DeliveryFactory(endpoint=endpoint, succeeded=True).event
            cursor.execute(
                _FILL,
                {
                    "tenant": endpoint.tenant_id,
                    "event": event.pk,
                    "endpoint": endpoint.pk,
                    "status": status,
                    "count": count,
                },
            )
        cursor.execute("ANALYZE webhooks_delivery")
    blocks = []

    def explain(execute, sql, values, many, context):
        if sql.startswith(claims._LOCK) or sql == claims._TAKE:
            with connection.connection.cursor() as cursor:
                cursor.execute("SAVEPOINT explained")
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", values)
                ((plans,),) = cursor.fetchall()
                cursor.execute("ROLLBACK TO SAVEPOINT explained")
            plan = plans[0]["Plan"]
            blocks.append(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
        return execute(sql, values, many, context)

    with connection.execute_wrapper(explain):
        assert claim_next().endpoint == well
    assert len(blocks) == 2
    assert max(blocks) < 500  # of thousands; rows of tests before this one may be in the way
