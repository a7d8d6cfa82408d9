"""Beat's tasks and the workers': what repairs lost nudges, and what forgets."""

from datetime import timedelta
from functools import partial
from threading import Event as Flag
from threading import Thread

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from accounts import redis
from accounts.locks import advisory_lock
from messaging.tests.threads import at_once
from tests.crash.waiting import until
from webhooks import nudges, tasks
from webhooks.models import Delivery, DeliveryAttempt, Endpoint, Event
from webhooks.services import retention
from webhooks.tests.factories import (
    DeliveryAttemptFactory,
    DeliveryFactory,
    EndpointFactory,
    EventFactory,
    HostFactory,
)
from webhooks.tests.receivers import Receiver

DAY = timedelta(days=1)


def queued() -> int:
    """Tasks that wait in Redis."""
    return redis.connection().llen("webhooks")


@pytest.mark.django_db
class TestSweep:
    def test_task_is_queued_for_each_that_is_due(self):
        DeliveryFactory.create_batch(3)
        DeliveryFactory(next_attempt_at=timezone.now() + DAY)
        DeliveryFactory(endpoint__state="paused")
        assert tasks.sweep_deliveries() == 3
        assert queued() == 3

    def test_never_more_tasks_wait_than_there_are_threads(self, settings):
        settings.WEBHOOK_THREADS = 4
        DeliveryFactory.create_batch(3)
        assert [tasks.sweep_deliveries() for _ in range(3)] == [3, 1, 0]
        assert queued() == 4

    def test_nothing_due_queues_nothing(self):
        assert (tasks.sweep_deliveries(), queued()) == (0, 0)

    def test_what_waits_for_a_disabled_endpoint_is_held(self):
        delivery = DeliveryFactory(endpoint__state="disabled")
        assert tasks.sweep_deliveries() == 0
        delivery.refresh_from_db()
        assert delivery.status == "held"

    def test_redis_that_lost_everything_is_asked_again_and_all_is_delivered(self, settings):
        settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]
        with Receiver() as receiver:
            endpoint = EndpointFactory(url=receiver.url)
            DeliveryFactory.create_batch(5, endpoint=endpoint, url=receiver.url)
            tasks.sweep_deliveries()
            redis.connection().flushdb()
            assert tasks.sweep_deliveries() == 5
            assert [tasks.deliver() for _ in range(queued())] == [5, 0, 0, 0, 0]
        assert len({request.headers["webhook-id"] for request in receiver.requests}) == 5


@pytest.mark.django_db(transaction=True)
class TestNudge:
    def test_nudge_queues_tasks_from_a_thread_of_its_own(self):
        nudges.nudge(2)
        until(lambda: queued() == 2, "two tasks in the queue", 10)

    def test_redis_that_is_away_loses_the_nudge_and_nothing_else(self, settings):
        ours = settings.REDIS_URL
        redis.connection.cache_clear()
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        try:
            nudges.nudge(1)
            until(lambda: redis.connection.cache_info().currsize, "Redis is asked", 10)
        finally:
            settings.REDIS_URL = ours
            redis.connection.cache_clear()
        nudges.nudge(1)
        until(lambda: queued() == 1, "the next nudge arrives", 10)


@pytest.mark.django_db(transaction=True)
class TestLocks:
    @pytest.mark.parametrize("task", [tasks.sweep_deliveries, tasks.warn_owners, tasks.prune])
    def test_task_leaves_the_work_to_whoever_has_it_in_hand(self, task):
        DeliveryFactory(endpoint__failing_since=timezone.now() - DAY)
        old = EventFactory(created_at=timezone.now() - 31 * DAY)
        is_held, may_end = Flag(), Flag()

        def hold() -> None:
            with advisory_lock(f"webhooks.{task.__name__}") as is_mine:
                assert is_mine
                is_held.set()
                may_end.wait(timeout=10)
            connection.close()

        holder = Thread(target=hold)
        holder.start()
        assert is_held.wait(timeout=10)
        skipped = task()
        may_end.set()
        holder.join()
        assert (skipped, task()) == (0, 1)
        assert Event.objects.filter(pk=old.pk).exists() is (task is not tasks.prune)

    def test_sweep_at_once_queues_once(self):
        DeliveryFactory.create_batch(3)
        assert sum(at_once(*[tasks.sweep_deliveries] * 3)) == queued() == 3


@pytest.mark.django_db
class TestPrune:
    @pytest.fixture(autouse=True)
    def _clock_stopped(self):
        with time_machine.travel(timezone.now(), tick=False):
            yield

    @staticmethod
    def ago(days: float) -> dict:
        """Made and, if it did, ended so long ago."""
        moment = timezone.now() - days * DAY
        return {"created_at": moment, "event__created_at": moment}

    def test_attempts_go_after_30_days(self):
        delivery = DeliveryFactory()
        make = partial(DeliveryAttemptFactory, delivery=delivery)
        kept = make(started_at=timezone.now() - 29 * DAY)
        make(started_at=timezone.now() - 31 * DAY)
        assert tasks.prune() == 1
        assert DeliveryAttempt.objects.get() == kept

    def test_event_goes_30_days_later_with_all_that_belongs_to_it(self):
        ended = timezone.now() - 30.5 * DAY
        old = DeliveryFactory(failed=True, finished_at=ended, **self.ago(31))
        DeliveryFactory(event=old.event, succeeded=True, finished_at=ended)
        DeliveryAttemptFactory(delivery=old)
        young = DeliveryFactory(succeeded=True, **self.ago(29))
        assert tasks.prune() == 1
        assert list(Delivery.objects.all()) == [young]
        assert list(Event.objects.all()) == [young.event]
        assert DeliveryAttempt.objects.count() == 0

    def test_event_stays_while_something_of_it_is_young_or_open(self):
        for columns in (
            {"succeeded": True, "finished_at": timezone.now() - DAY},
            {"next_attempt_at": timezone.now()},
        ):
            DeliveryFactory(**columns, **self.ago(99))
        assert tasks.prune() == 0
        assert Event.objects.count() == 2

    def test_what_is_held_goes_after_14_days(self):
        DeliveryFactory(held=True, **self.ago(15))
        kept = DeliveryFactory(held=True, **self.ago(13))
        assert tasks.prune() == 1
        assert Delivery.objects.get() == kept

    def test_deleted_endpoint_goes_with_its_last_delivery(self):
        deleted = timezone.now() - DAY
        kept = DeliveryFactory(endpoint__deleted_at=deleted, succeeded=True).endpoint
        EndpointFactory(deleted_at=deleted)
        used = {EndpointFactory(), HostFactory(), kept}
        assert tasks.prune() == 1
        assert set(Endpoint.objects.all()) == used

    def test_private_body_that_a_dead_worker_left_is_emptied(self):
        private = {"event__is_private": True, "event__body": "{}"}
        done = DeliveryFactory(succeeded=True, **private).event
        for columns in ({}, {"held": True}):
            DeliveryFactory(**columns, **private)
        DeliveryFactory(succeeded=True, event__body="{}")
        assert tasks.prune() == 1
        assert list(Event.objects.filter(body="")) == [done]

    def test_many_go_in_chunks_up_to_a_limit(self, monkeypatch):
        monkeypatch.setattr(retention, "AT_ONCE", 2)
        EventFactory.create_batch(7, created_at=timezone.now() - 31 * DAY)
        assert [retention.prune(most=4), retention.prune(most=4)] == [4, 3]
