"""Sending again: the same event, from the start of its schedule."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.errors import Conflict, InvalidInput
from accounts.tests.factories import TenantFactory
from messaging.tests.factories import change
from webhooks.models import Delivery, Endpoint
from webhooks.services import replay
from webhooks.services.claims import claim_next
from webhooks.services.replay import replay_delivery, replay_failed
from webhooks.tests.factories import DeliveryFactory, EndpointFactory, EventFactory

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
STATES = ["succeeded", "failed", "held"]


@pytest.fixture(autouse=True)
def _clock_stopped():
    with time_machine.travel(timezone.now(), tick=False):
        yield


def replay_all(endpoint: Endpoint, *, days: float = 14) -> int:
    since = timezone.now() - days * DAY
    return replay_failed(tenant=endpoint.tenant, endpoint=endpoint, since=since)


def pending() -> set[int]:
    return set(Delivery.objects.filter(status="pending").values_list("pk", flat=True))


class TestOne:
    @pytest.mark.parametrize("state", STATES)
    def test_whatever_became_of_it_it_starts_anew_as_the_same_event(self, state):
        delivery = DeliveryFactory(**{state: True}, claim=3, last_error="broken", crashes=2)
        replay_delivery(delivery=delivery)
        assert (delivery.status, delivery.attempts, delivery.crashes) == ("pending", 0, 0)
        assert (delivery.finished_at, delivery.last_status) == (None, None)
        assert delivery.last_error == ""
        # For a worker whose clock is behind, too.
        assert delivery.next_attempt_at == timezone.now() - timedelta(seconds=5)
        claim = claim_next()
        assert (claim.delivery_id, claim.number) == (delivery.pk, 4)
        assert claim.event_public_id == delivery.event.public_id

    def test_replay_wakes_a_worker(self, django_capture_on_commit_callbacks):
        delivery = DeliveryFactory(failed=True)
        with django_capture_on_commit_callbacks() as callbacks:
            replay_delivery(delivery=delivery)
        assert [nudge.deliveries for nudge in callbacks] == [1]

    @pytest.mark.parametrize("is_in_flight", [False, True])
    def test_what_is_under_way_cannot_be_replayed(self, is_in_flight):
        delivery = DeliveryFactory()
        if is_in_flight:
            claim_next()
        before = Delivery.objects.values().get()
        with pytest.raises(Conflict, match="still under way"):
            replay_delivery(delivery=delivery)
        assert Delivery.objects.values().get() == before

    def test_disabled_endpoint_must_be_enabled_first(self):
        delivery = DeliveryFactory(held=True, endpoint__state="disabled")
        with pytest.raises(Conflict, match="Enable the endpoint first"):
            replay_delivery(delivery=delivery)

    def test_private_text_that_was_delivered_cannot_be_replayed(self):
        delivery = DeliveryFactory(succeeded=True, event__body="", event__is_private=True)
        with pytest.raises(Conflict, match="not kept"):
            replay_delivery(delivery=delivery)


class TestMany:
    def test_what_failed_or_is_held_for_the_endpoint_since_then_starts_anew(self):
        endpoint = EndpointFactory()
        then = timezone.now() - 2 * DAY
        wanted = {
            DeliveryFactory(endpoint=endpoint, created_at=moment, **{state: True}).pk
            for state in ("failed", "held")
            for moment in (then, timezone.now())
        }
        DeliveryFactory(endpoint=endpoint, failed=True, created_at=then - timedelta(seconds=1))
        DeliveryFactory(endpoint=endpoint, succeeded=True)
        DeliveryFactory(endpoint=EndpointFactory(tenant=endpoint.tenant), failed=True)
        assert [replay_all(endpoint, days=2) for _ in range(2)] == [4, 0]
        assert pending() == wanted
        assert set(Delivery.objects.filter(pk__in=wanted).values_list("attempts")) == {(0,)}

    def test_tests_and_texts_that_are_gone_stay_as_they_are(self):
        endpoint = EndpointFactory()
        for columns in ({"name": "webhook.test"}, {"body": "", "is_private": True}):
            event = EventFactory(tenant=endpoint.tenant, **columns)
            DeliveryFactory(endpoint=endpoint, event=event, failed=True)
        assert replay_all(endpoint) == 0

    def test_another_tenants_endpoint_has_nothing(self):
        endpoint = DeliveryFactory(failed=True).endpoint
        since = timezone.now() - DAY
        assert replay_failed(tenant=TenantFactory(), endpoint=endpoint, since=since) == 0

    def test_oldest_go_first_in_chunks_up_to_a_limit(self, monkeypatch):
        monkeypatch.setattr(replay, "AT_ONCE", 2)
        monkeypatch.setattr(replay, "MOST", 4)
        endpoint = EndpointFactory()
        now = timezone.now()
        made = [
            DeliveryFactory(endpoint=endpoint, failed=True, created_at=now - hours * DAY / 24).pk
            for hours in (1, 5, 3, 2, 4)
        ]
        assert replay_all(endpoint) == 4
        assert pending() == set(made) - {made[0]}
        assert replay_all(endpoint) == 1

    def test_more_than_14_days_is_too_long(self):
        with pytest.raises(InvalidInput):
            replay_all(EndpointFactory(), days=14.01)

    def test_disabled_endpoint_must_be_enabled_first(self):
        delivery = DeliveryFactory(held=True, endpoint__state="disabled")
        with pytest.raises(Conflict):
            replay_all(delivery.endpoint)
        change(delivery.endpoint, state="enabled")
        assert replay_all(delivery.endpoint) == 1
