"""What the clock does to messages; each sweep may run twice, late, or after a restart."""

from datetime import timedelta

import pytest
from django.utils import timezone

from devices.wakeup import nudge
from messaging.models import Message, MessageEvent
from messaging.services.outbound import cancel_message
from messaging.services.sweeps import (
    AT_ONCE,
    expire_overdue,
    mark_silent_unknown,
    nudge_due,
    queue_scheduled,
    reroute_waiting,
    return_expired_leases,
)
from messaging.tests.factories import MessageFactory, change, in_bulk
from messaging.tests.nudges import listening_for
from messaging.tests.phone import Phone

pytestmark = pytest.mark.django_db


@pytest.fixture
def phone():
    return Phone()


def _ago(**duration) -> object:
    return timezone.now() - timedelta(**duration)


def _of(message: Message, *columns: str) -> tuple:
    return Message.objects.values_list(*columns).get(pk=message.pk)


def test_scheduled_message_is_queued_at_its_time_on_a_phone_chosen_then(phone):
    tenant = phone.device.tenant
    now = timezone.now()
    due = MessageFactory(tenant=tenant, device=None, status="scheduled", send_at=now)
    later = MessageFactory(
        tenant=tenant, device=None, status="scheduled", send_at=now + timedelta(minutes=1)
    )
    change(phone.device, last_seen_at=_ago(hours=1))
    there = Phone(tenant=tenant)
    assert [queue_scheduled(), queue_scheduled()] == [1, 0]
    assert _of(due, "status", "device") == ("queued", there.device.pk)
    assert _of(later, "status", "device") == ("scheduled", None)
    assert list(due.events.values_list("kind", "key")) == [("due", "1.due")]


def test_scheduled_message_without_a_phone_waits_for_one(phone):
    change(phone.device, last_seen_at=None)
    message = MessageFactory(
        tenant=phone.device.tenant, device=None, status="scheduled", send_at=_ago(days=2)
    )
    assert queue_scheduled() == 1
    assert _of(message, "status", "device") == ("queued", None)


def test_pinned_scheduled_message_stays_with_its_phone(phone):
    Phone(tenant=phone.device.tenant, is_default=True)
    message = phone.queue(status="scheduled", send_at=_ago(seconds=1), is_pinned=True)
    change(phone.device, last_seen_at=None)
    assert queue_scheduled() == 1
    assert _of(message, "status", "device") == ("queued", phone.device.pk)


def test_lease_that_ran_out_is_offered_again_under_the_same_id(phone, published):
    message, fresh = phone.queue(), phone.queue()
    first = [offer.attempt_id for offer in phone.pull().offers]
    change(message, lease_until=timezone.now())
    assert [return_expired_leases(), return_expired_leases()] == [1, 0]
    assert (_of(message, "status"), _of(fresh, "status")) == (("queued",), ("leased",))
    assert [offer.attempt_id for offer in phone.pull().offers] == first[:1]
    assert published() == []


def test_lease_that_ran_out_on_a_cancelled_message_cancels_it(phone, published):
    message = phone.take()
    cancel_message(message=message)
    change(message, lease_until=timezone.now())
    assert [return_expired_leases(), return_expired_leases()] == [1, 0]
    assert _of(message, "status") == ("canceled",)
    assert published() == [("message.canceled", message.pk)]


def test_accepted_message_has_no_lease_to_run_out(phone):
    message = phone.take()
    phone.tell("accepted", message)
    assert message.lease_until is None
    assert return_expired_leases() == 0


@pytest.mark.parametrize(
    ("status", "end"),
    [
        ("scheduled", "expired"),
        ("queued", "expired"),
        ("leased", "leased"),
        ("accepted", "accepted"),
        ("sent", "sent"),
        ("canceled", "canceled"),
    ],
)
def test_only_what_no_phone_has_expires(phone, published, status, end):
    message = phone.queue(status=status, expires_at=timezone.now())
    assert [expire_overdue(), expire_overdue()] == [int(end == "expired"), 0]
    assert _of(message, "status") == (end,)
    expected = [("message.expired", message.pk)] if end == "expired" else []
    assert published() == expected


def test_expired_message_says_why(phone):
    message = phone.queue(expires_at=timezone.now())
    expire_overdue()
    assert _of(message, "error_code", "error") == (
        "expired",
        "Its validity ran out before a phone could send it.",
    )
    assert list(message.events.values_list("kind", "key")) == [("expired", "1.expired")]


def test_accepted_message_that_stays_silent_is_unknown_and_says_so(phone, published):
    silent, fresh = phone.queue(accepted=True), phone.queue(accepted=True)
    change(silent, accepted_at=_ago(minutes=15))
    change(fresh, accepted_at=_ago(minutes=14, seconds=50))
    assert [mark_silent_unknown(), mark_silent_unknown()] == [1, 0]
    assert _of(silent, "status", "error_code", "error") == (
        "unknown",
        "unknown",
        "The phone accepted the message and never said what became of it.",
    )
    assert _of(fresh, "status") == ("accepted",)
    assert published() == [("message.failed", silent.pk)]


def test_message_of_a_silent_phone_moves_to_one_that_is_there(phone):
    message = phone.queue()
    second = Phone(tenant=phone.device.tenant)
    assert reroute_waiting() == 0
    change(phone.device, last_seen_at=_ago(seconds=76))
    assert [reroute_waiting(), reroute_waiting()] == [1, 0]
    assert _of(message, "status", "device") == ("queued", second.device.pk)


@pytest.mark.parametrize("status", ["paused", "revoked"])
def test_message_of_a_phone_that_may_not_send_moves(phone, status):
    message = phone.queue()
    second = Phone(tenant=phone.device.tenant)
    change(phone.device, status=status)
    assert reroute_waiting() == 1
    assert _of(message, "device") == (second.device.pk,)


def test_what_the_silent_phone_may_hold_or_is_pinned_to_it_does_not_move(phone):
    Phone(tenant=phone.device.tenant)
    for columns in ({"leased": True}, {"accepted": True}, {"is_pinned": True}):
        phone.queue(**columns)
    phone.queue(leased=True, status="queued", lease_until=None)
    change(phone.device, last_seen_at=_ago(hours=1))
    assert reroute_waiting() == 0
    assert set(Message.objects.values_list("device", flat=True)) == {phone.device.pk}


def test_held_messages_get_the_phone_that_connects_and_no_other_tenants(phone):
    held = MessageFactory(tenant=phone.device.tenant, device=None)
    other = Phone()
    foreign = MessageFactory(tenant=other.device.tenant, device=None)
    assert reroute_waiting(tenant_id=phone.device.tenant.pk) == 1
    assert (_of(held, "device"), _of(foreign, "device")) == ((phone.device.pk,), (None,))


def test_held_test_message_waits_for_a_simulated_phone(phone):
    change(phone.device, kind="android")
    message = MessageFactory(tenant=phone.device.tenant, device=None, is_test=True)
    assert reroute_waiting() == 0
    simulated = Phone(tenant=phone.device.tenant)
    assert reroute_waiting() == 1
    assert _of(message, "device") == (simulated.device.pk,)


@pytest.mark.parametrize(
    ("blocker", "blocked"),
    [({"kind": "android"}, {"is_test": True}), ({"status": "paused"}, {})],
)
def test_messages_that_nobody_can_carry_do_not_block_those_behind_them(phone, blocker, blocked):
    in_bulk(AT_ONCE, device=Phone(**blocker).device, **blocked)
    Message.objects.update(device=None)
    message = MessageFactory(tenant=phone.device.tenant, device=None)
    assert reroute_waiting() == 1
    assert _of(message, "device") == (phone.device.pk,)


def test_nudge_due_wakes_each_phone_with_due_work_once(phone):
    second, idle, waiting = Phone(), Phone(), Phone()
    in_bulk(3, device=phone.device)
    second.queue()
    waiting.queue(next_attempt_at=timezone.now() + timedelta(hours=1))
    MessageFactory(device=None, tenant=phone.device.tenant)
    with listening_for(*(p.device for p in (phone, second, idle, waiting))) as listener:
        assert nudge_due() == 2
        woken = {listener.next(), listener.next()}
        nudge([(idle.device.tenant_id, idle.device.pk)])
        assert listener.next() == idle.device.pk
    assert woken == {phone.device.pk, second.device.pk}


@pytest.mark.parametrize(
    ("sweep", "columns", "end"),
    [
        (queue_scheduled, {"status": "scheduled", "send_at": _ago(seconds=1)}, "queued"),
        (return_expired_leases, {"status": "leased", "lease_until": _ago(seconds=1)}, "queued"),
        (expire_overdue, {"expires_at": _ago(seconds=1)}, "expired"),
        (mark_silent_unknown, {"status": "accepted", "accepted_at": _ago(hours=1)}, "unknown"),
    ],
)
def test_sweep_of_many_goes_on_where_it_stopped(phone, sweep, columns, end):
    in_bulk(AT_ONCE + 1, device=phone.device, **columns)
    assert [sweep(), sweep(), sweep()] == [AT_ONCE, 1, 0]
    assert Message.objects.filter(status=end).count() == AT_ONCE + 1
    told = MessageEvent.objects.values("message").distinct().count()
    assert told == AT_ONCE + 1
