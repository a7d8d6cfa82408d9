"""What a phone is offered, through which SIM and in which order; and what it is not."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Tenant
from devices.models import Device, Sim
from devices.tests.factories import DeviceFactory, SimFactory
from messaging.models import Message
from messaging.services.leases import (
    Lease,
    Preview,
    lease_messages,
    offer_messages,
    preview_lease,
    return_unaccepted,
)
from messaging.services.outbound import cancel_message
from messaging.services.sweeps import return_expired_leases
from messaging.tests.factories import MessageFactory, OptOutFactory, change, in_bulk
from messaging.tests.phone import Phone

pytestmark = pytest.mark.django_db

URGENT, NORMAL, BULK = Message.Lane.values


@pytest.fixture
def phone():
    return Phone()


def _ids(lease: Lease) -> list[str]:
    return [offer.attempt_id for offer in lease.offers]


def test_offer_carries_what_the_phone_needs_and_the_row_says_who_has_it(phone):
    sim = phone.device.sims.get()
    message = phone.queue(text="Grüße 🙂", encoding="ucs2", segments=1)
    (offer,) = phone.pull().offers
    message.refresh_from_db()
    assert (offer.attempt_id, offer.recipient, offer.text) == (
        f"{message.external_id}.1",
        message.recipient,
        "Grüße 🙂",
    )
    assert (offer.sim_slot, offer.segments, offer.encoding) == (1, 1, "ucs2")
    assert 86_390_000 < offer.expires_in_ms <= 86_400_000
    assert (message.status, message.sim, message.sender, message.leases) == (
        "leased",
        sim,
        "+6598765432",
        1,
    )
    assert message.lease_until - message.leased_at == timedelta(seconds=60)
    assert [(event.kind, event.key) for event in message.events.all()] == [("leased", "1.leased.1")]


def test_window_is_twenty_unacknowledged_for_each_sim(phone):
    SimFactory(device=phone.device, slot=2)
    in_bulk(50, device=phone.device)
    assert len(phone.pull().offers) == 40
    assert phone.pull().offers == []
    counts = [Message.objects.filter(sim__slot=slot).count() for slot in (1, 2)]
    assert counts == [20, 20]
    done = Message.objects.filter(sim__slot=2).first()
    phone.tell("accepted", done)
    assert phone.pull().offers == []
    phone.tell("sent", done)
    assert [offer.sim_slot for offer in phone.pull().offers] == [2]


def test_lanes_go_before_each_other_and_first_in_first_out_inside_a_lane(phone, settings):
    settings.DEVICE_WINDOW_PER_SIM = 2
    lanes = [BULK, NORMAL, URGENT, BULK, NORMAL, URGENT]
    queued = [phone.queue(lane=lane) for lane in lanes]
    offered = []
    for _ in range(3):
        lease = phone.pull()
        offered += _ids(lease)
        Message.objects.filter(status="leased").update(status="sent")
    assert offered == [queued[place].attempt_id for place in (2, 5, 1, 4, 0, 3)]


def test_requested_slot_is_used_and_a_missing_one_waits(phone):
    SimFactory(device=phone.device, slot=2, number="+6590000002")
    messages = {slot: phone.queue(sim_slot=slot) for slot in (3, 2, 1)}
    offers = {offer.attempt_id: offer.sim_slot for offer in phone.pull().offers}
    assert offers == {messages[2].attempt_id: 2, messages[1].attempt_id: 1}
    messages[2].refresh_from_db()
    messages[3].refresh_from_db()
    assert (messages[2].sender, messages[3].status) == ("+6590000002", "queued")


def test_sim_that_the_phone_no_longer_lists_carries_nothing(phone):
    SimFactory(device=phone.device, slot=2, is_present=False)
    phone.queue(sim_slot=2)
    message = phone.queue()
    assert _ids(phone.pull()) == [message.attempt_id]


def test_message_that_waits_for_a_full_sim_holds_up_only_that_sim(phone, settings):
    settings.DEVICE_WINDOW_PER_SIM = 3
    SimFactory(device=phone.device, slot=2)
    first = phone.queue()
    in_bulk(10, device=phone.device, sim_slot=1)
    in_bulk(2, device=phone.device, sim_slot=2)
    last = phone.queue()
    lease = phone.pull()
    assert [offer.sim_slot for offer in lease.offers] == [1, 1, 1, 2, 2, 2]
    assert (_ids(lease)[0], _ids(lease)[-1]) == (first.attempt_id, last.attempt_id)


def test_message_for_any_sim_does_not_overtake_one_that_waits_for_any(phone):
    sim = phone.device.sims.get()
    Sim.objects.filter(pk=sim.pk).update(segments_per_minute=4)
    SimFactory(device=phone.device, slot=2, segments_per_minute=2)
    first, _, _ = phone.queue(segments=3), phone.queue(segments=2), phone.queue(segments=3)
    late = phone.queue(segments=1)
    offered = _ids(phone.pull())
    late.refresh_from_db()
    assert (len(offered), offered[0], late.status) == (2, first.attempt_id, "queued")


@pytest.mark.parametrize(
    "columns",
    [
        {"status": "scheduled"},
        {"expires_at": timezone.now() - timedelta(seconds=1)},
        {"next_attempt_at": timezone.now() + timedelta(hours=1)},
        {"cancel_requested_at": timezone.now()},
        {"status": "canceled"},
        {"status": "unknown"},
    ],
)
def test_message_that_is_not_due_is_not_offered(phone, columns):
    phone.queue(**columns)
    due = phone.queue(next_attempt_at=timezone.now() - timedelta(seconds=1))
    assert _ids(phone.pull()) == [due.attempt_id]


def test_phone_gets_only_its_own_messages(phone):
    other = Phone(tenant=phone.device.tenant)
    mine, theirs = phone.queue(), other.queue()
    MessageFactory(device=DeviceFactory())
    Message.objects.create(
        tenant=phone.device.tenant,
        direction="outbound",
        status="queued",
        origin="api",
        segments=1,
        expires_at=timezone.now() + timedelta(days=1),
    )
    assert (_ids(phone.pull()), _ids(other.pull())) == ([mine.attempt_id], [theirs.attempt_id])


@pytest.mark.parametrize("status", [Device.Status.PAUSED, Device.Status.REVOKED])
def test_device_that_may_not_send_is_offered_nothing(phone, status):
    phone.queue()
    change(phone.device, status=status)
    assert phone.pull() == Lease()


def test_suspended_tenant_is_offered_nothing(phone):
    phone.queue()
    change(phone.device.tenant, status=Tenant.Status.SUSPENDED)
    assert phone.pull() == Lease()


def test_paused_phone_is_still_asked_to_give_back_what_was_cancelled(phone):
    message = phone.take()
    phone.tell("accepted", message)
    change(phone.device, status=Device.Status.PAUSED)
    cancel_message(message=message)
    assert phone.pull() == Lease(cancels=[message.attempt_id])


def test_device_without_sim_or_that_does_not_exist_is_offered_nothing():
    MessageFactory(device=(device := DeviceFactory(sim=None)))
    assert lease_messages(device_id=device.pk) == Lease()
    assert lease_messages(device_id=0) == Lease()


def test_hello_returns_what_was_not_accepted_and_it_is_offered_under_the_same_id(phone):
    accepted, offered = phone.queue(), phone.queue()
    first = _ids(phone.pull())
    phone.tell("accepted", accepted)
    assert return_unaccepted(device_id=phone.device.pk) == 1
    again = _ids(phone.pull())
    offered.refresh_from_db()
    assert (first, again) == ([accepted.attempt_id, offered.attempt_id], [offered.attempt_id])
    assert (offered.attempt, offered.leases) == (1, 2)
    told = [event.kind for event in offered.events.all()]
    assert told == ["leased", "lease_ran_out", "leased"]


def test_hello_of_one_phone_leaves_the_offers_of_another(phone):
    message = phone.take()
    assert return_unaccepted(device_id=Phone(tenant=phone.device.tenant).device.pk) == 0
    message.refresh_from_db()
    assert message.status == "leased"


def test_hello_leaves_a_cancelled_offer_to_be_taken_back(phone):
    message = phone.take()
    cancel_message(message=message)
    return_unaccepted(device_id=phone.device.pk)
    assert phone.pull() == Lease(cancels=[message.attempt_id])
    change(message, lease_until=timezone.now())
    return_expired_leases()
    message.refresh_from_db()
    assert message.status == "canceled"


def test_phone_that_asks_by_request_gets_what_it_has_not_answered_again(phone):
    first, second = phone.queue(), phone.queue()
    asked = [_ids(offer_messages(device_id=phone.device.pk)) for _ in range(2)]
    assert asked == [[f"{first.external_id}.1", f"{second.external_id}.1"]] * 2
    phone.tell("accepted", first)
    assert _ids(offer_messages(device_id=phone.device.pk)) == [f"{second.external_id}.1"]
    second.refresh_from_db()
    assert second.leases == 1


def test_what_is_wanted_back_is_not_offered_again_to_one_that_asks(phone):
    message = phone.take()
    cancel_message(message=message)
    asked = offer_messages(device_id=phone.device.pk)
    assert (_ids(asked), asked.cancels) == ([], [f"{message.external_id}.1"])


def test_preview_tells_what_a_lease_would_bring_and_leases_nothing(phone):
    assert preview_lease(device_id=phone.device.pk) == Preview()
    first, _ = phone.queue(), phone.queue()
    assert preview_lease(device_id=phone.device.pk) == Preview(first.pk)
    assert len(phone.pull().offers) == 2
    assert preview_lease(device_id=phone.device.pk) == Preview()


def test_preview_brings_nothing_while_the_window_is_full(phone):
    in_bulk(21, device=phone.device)
    phone.pull()
    assert preview_lease(device_id=phone.device.pk) == Preview()


def test_preview_tells_when_a_pause_is_over(phone, time_machine):
    time_machine.move_to("2026-06-12T12:00:00+00:00", tick=False)
    phone.device.sims.update(min_gap_ms=3000)
    phone.take()
    waiting = phone.queue()
    assert preview_lease(device_id=phone.device.pk) == Preview(again_in_seconds=3.0)
    time_machine.shift(3)
    assert preview_lease(device_id=phone.device.pk).first == waiting.pk


def test_preview_brings_what_is_wanted_back(phone):
    message = phone.take()
    cancel_message(message=message)
    assert preview_lease(device_id=phone.device.pk) == Preview(cancels=(message.attempt_id,))


def test_preview_has_a_recipient_that_opted_out_come_up(phone):
    message = phone.queue(recipient="+6581230000")
    OptOutFactory(tenant=phone.device.tenant, number="+6581230000")
    assert preview_lease(device_id=phone.device.pk).first == message.pk


def test_preview_of_a_paused_phone_is_empty(phone):
    phone.queue()
    change(phone.device, status=Device.Status.PAUSED)
    assert preview_lease(device_id=phone.device.pk) == Preview()
