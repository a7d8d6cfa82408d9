"""Beat's tasks: one at a time across all processes, whichever of them run."""

from datetime import timedelta
from threading import Event, Thread

import pytest
from django.db import connection
from django.utils import timezone

from accounts.locks import advisory_lock
from messaging import tasks
from messaging.models import Message, MessageEvent
from messaging.tests.factories import in_bulk
from messaging.tests.phone import Phone
from messaging.tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

PAST = timezone.now() - timedelta(hours=1)
DUE = [
    (tasks.queue_scheduled, {"status": "scheduled", "send_at": PAST}, "queued"),
    (tasks.return_expired_leases, {"status": "leased", "lease_until": PAST}, "queued"),
    (tasks.expire_overdue, {"expires_at": PAST}, "expired"),
    (tasks.mark_silent_unknown, {"status": "accepted", "accepted_at": PAST}, "unknown"),
]


@pytest.mark.parametrize(("task", "columns", "end"), DUE)
def test_task_at_once_in_two_workers_does_the_work_once(task, columns, end, published):
    in_bulk(300, device=Phone().device, **columns)
    assert sum(at_once(task, task, task)) == 300
    assert Message.objects.filter(status=end).count() == 300
    assert len(published()) == len(set(published()))
    assert MessageEvent.objects.count() == MessageEvent.objects.values("message").distinct().count()


@pytest.mark.parametrize("task", [*(row[0] for row in DUE), tasks.reroute_waiting, tasks.nudge_due])
def test_task_leaves_the_work_to_whoever_has_it_in_hand(task):
    phone = Phone()
    for _, columns, _ in DUE:
        in_bulk(1, device=phone.device, **columns)
    in_bulk(1, device=phone.device)
    Message.objects.filter(status="queued", expires_at__gt=timezone.now()).update(device=None)
    is_held, may_end = Event(), Event()

    def hold() -> None:
        with advisory_lock(f"messaging.{task.__name__}") as is_mine:
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
    if task is tasks.nudge_due:
        tasks.reroute_waiting()
    assert (skipped, task()) == (0, 1)
