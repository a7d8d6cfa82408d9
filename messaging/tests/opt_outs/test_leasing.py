"""Opt-outs that come between queueing and leasing."""

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from accounts.models import Tenant
from devices.tests.factories import DeviceFactory, SimFactory
from messaging.models import Message, OptOut
from messaging.queries import devices_with_due_work
from messaging.services.leases import Lease
from messaging.services.outbound import queue_message
from messaging.services.sweeps import queue_scheduled
from messaging.tests import listening
from messaging.tests.factories import draft
from messaging.tests.opt_outs.helpers import (
    API,
    NUMBER,
    OTHER,
    STOPPED,
    stop,
    told,
)
from messaging.tests.phone import Phone
from messaging.tests.threads import at_once

pytestmark = pytest.mark.django_db


def _write_opt_out(tenant: Tenant, number: str = NUMBER) -> None:
    """As if it came between queueing and leasing: nothing else is done."""
    OptOut.objects.create(tenant=tenant, number=number, source="api")


def test_message_whose_recipient_opted_out_since_it_was_queued_is_never_offered(phone, tenant):
    message, other = phone.queue(recipient=NUMBER), phone.queue(recipient=OTHER)
    _write_opt_out(tenant)
    lease = phone.pull()
    assert [offer.attempt_id for offer in lease.offers] == [other.attempt_id]
    assert lease.again_in_seconds == 0
    message.refresh_from_db()
    assert (message.status, message.error_code, message.leased_at) == (
        "failed",
        "recipient_opted_out",
        None,
    )
    assert [event.kind for event in message.events.all()] == ["opted_out"]
    assert [(event.name, event.message_id) for event in listening.heard] == [
        ("message.failed", message.pk)
    ]


def test_stop_between_queueing_and_leasing_is_honoured(phone, tenant, receive):
    queue_message(tenant=tenant, draft=draft(NUMBER, text="Sale!"), origin=API)
    receive("STOP")
    assert [offer.text for offer in phone.pull().offers] == [STOPPED]
    assert Message.objects.get(origin=API).status == "failed"


def test_scheduled_message_is_caught_when_it_becomes_due(phone, tenant):
    past = timezone.now() - timedelta(seconds=1)
    message = phone.queue(recipient=NUMBER, status="scheduled", send_at=past)
    _write_opt_out(tenant)
    queue_scheduled()
    assert phone.pull().offers == []
    message.refresh_from_db()
    assert (message.status, message.error_code) == ("failed", "recipient_opted_out")


def test_those_who_opted_out_leave_their_places_to_others(phone, tenant, settings):
    settings.DEVICE_WINDOW_PER_SIM = 3
    gone = [phone.queue(recipient=NUMBER) for _ in range(7)]
    kept = [phone.queue(recipient=OTHER) for _ in range(4)]
    _write_opt_out(tenant)
    offered, leases = [], 0
    while len(offered) < 3:
        lease = phone.pull()
        leases += 1
        offered += [offer.attempt_id for offer in lease.offers]
        assert leases <= 4
    assert offered == [message.attempt_id for message in kept[:3]]
    assert Message.objects.filter(pk__in=[m.pk for m in gone], status="failed").count() == 7
    assert phone.pull().again_in_seconds is None


def test_opted_out_message_spends_nothing_of_a_budget(phone, tenant):
    SimFactory(device=phone.device, slot=2, segments_per_minute=2)
    phone.device.sims.filter(slot=1).delete()
    phone.queue(recipient=NUMBER, segments=2)
    other = phone.queue(recipient=OTHER, segments=2)
    _write_opt_out(tenant)
    assert [offer.attempt_id for offer in phone.pull().offers] == [other.attempt_id]


def test_phone_is_no_longer_said_to_have_due_work(phone, tenant):
    phone.queue(recipient=NUMBER)
    _write_opt_out(tenant)
    assert devices_with_due_work(device_ids=[phone.device.pk]) == [phone.device.pk]
    phone.pull()
    assert devices_with_due_work(device_ids=[phone.device.pk]) == []
    assert phone.pull() == Lease()


def test_opt_out_of_another_tenant_or_number_holds_nothing_up(phone):
    message = phone.queue(recipient=NUMBER)
    _write_opt_out(DeviceFactory().tenant)
    _write_opt_out(phone.device.tenant, OTHER)
    assert [offer.attempt_id for offer in phone.pull().offers] == [message.attempt_id]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(8))
def test_stop_and_lease_at_once_end_each_message_or_ask_it_back(round_):
    phone = Phone()
    for _ in range(10):
        phone.queue(recipient=NUMBER)
    at_once(phone.pull, partial(stop, phone.device.tenant), phone.pull)
    phone.pull()
    ends = {
        (message.status, message.cancel_requested_at is not None)
        for message in Message.objects.all()
    }
    assert ends <= {("failed", False), ("leased", True)}


@pytest.mark.django_db(transaction=True)
def test_stop_on_two_connections_at_once_is_new_once():
    tenant = DeviceFactory().tenant
    assert sorted(at_once(*[partial(stop, tenant)] * 4)) == [False, False, False, True]
    assert [name for name, *_ in told()] == ["contact.unsubscribed"]
