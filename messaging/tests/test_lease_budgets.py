"""Pacing: sliding windows of segments, gaps between messages, quiet hours."""

from datetime import UTC, datetime, time, timedelta

import pytest
import time_machine

from devices.models import Sim
from devices.tests.factories import SimFactory
from messaging.models import Message
from messaging.services.leases import return_unaccepted
from messaging.tests.factories import change, in_bulk
from messaging.tests.phone import Phone

pytestmark = pytest.mark.django_db

NOON = datetime(2031, 3, 3, 12, tzinfo=UTC)
WINDOWS = {
    "segments_per_minute": timedelta(minutes=1),
    "segments_per_hour": timedelta(hours=1),
    "segments_per_day": timedelta(days=1),
}


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture
def phone(clock):
    return Phone()


def _limit(phone: Phone, **limits) -> Sim:
    sim = phone.device.sims.get()
    change(sim, **limits)
    return sim


def _queue(phone: Phone, count: int, **columns) -> None:
    in_bulk(count, device=phone.device, expires_at=NOON + timedelta(days=9), **columns)


def _pull_and_send(phone: Phone) -> int:
    """Segments that were offered; all of them leave."""
    offers = phone.pull().offers
    Message.objects.filter(status="leased").update(status="sent")
    return sum(offer.segments for offer in offers)


@pytest.mark.parametrize(("limit", "length"), WINDOWS.items())
def test_limit_counts_segments_in_a_sliding_window(phone, clock, limit, length):
    _limit(phone, **{limit: 10})
    _queue(phone, 9, segments=3)
    assert _pull_and_send(phone) == 9
    clock.shift(length / 2)
    assert _pull_and_send(phone) == 0
    clock.shift(length / 2 - timedelta(seconds=1))
    assert _pull_and_send(phone) == 0
    clock.shift(timedelta(seconds=1))
    assert _pull_and_send(phone) == 9


def test_window_slides_with_each_message(phone, clock):
    _limit(phone, segments_per_minute=2)
    sent = []
    for _ in range(8):
        _queue(phone, 1)
        sent.append(_pull_and_send(phone))
        clock.shift(timedelta(seconds=20))
    assert sent == [1, 1, 0, 1, 1, 0, 1, 1]


def test_tightest_of_several_limits_holds(phone, clock):
    _limit(phone, segments_per_minute=5, segments_per_hour=7, segments_per_day=100)
    _queue(phone, 20)
    sent = []
    for _ in range(4):
        sent.append(_pull_and_send(phone))
        clock.shift(timedelta(minutes=2))
    assert sent == [5, 2, 0, 0]


def test_message_longer_than_the_limit_passes_an_empty_window_only(phone, clock):
    _limit(phone, segments_per_minute=5)
    _queue(phone, 1, segments=2)
    _queue(phone, 2, segments=9)
    sent = []
    for _ in range(4):
        sent.append(_pull_and_send(phone))
        clock.shift(timedelta(minutes=1))
    assert sent == [2, 9, 9, 0]


def test_limit_of_zero_lets_nothing_through(phone):
    _limit(phone, segments_per_day=0)
    _queue(phone, 1)
    assert phone.pull().offers == []


def test_nothing_smaller_overtakes_a_message_that_waits_for_segments(phone):
    _limit(phone, segments_per_minute=4)
    for segments in (3, 3, 1):
        _queue(phone, 1, segments=segments)
    assert _pull_and_send(phone) == 3
    assert _pull_and_send(phone) == 0


def test_message_that_is_offered_again_does_not_wait_for_the_segments_of_its_first_offer(phone):
    _limit(phone, segments_per_day=2)
    _queue(phone, 3)
    first = [offer.attempt_id for offer in phone.pull().offers]
    return_unaccepted(device_id=phone.device.pk)
    assert [offer.attempt_id for offer in phone.pull().offers] == first
    assert phone.pull().offers == []


def test_attempt_that_proved_unsent_gives_its_segments_back(phone):
    _limit(phone, segments_per_day=1)
    message = phone.take(expires_at=NOON + timedelta(days=9))
    _queue(phone, 1)
    assert phone.pull().offers == []
    phone.tell("failed", message, code="no_service")
    assert len(phone.pull().offers) == 1


def test_limit_of_one_sim_does_not_hold_up_the_other(phone):
    _limit(phone, segments_per_day=1)
    SimFactory(device=phone.device, slot=2)
    _queue(phone, 3, sim_slot=1)
    _queue(phone, 3, sim_slot=2)
    _queue(phone, 3)
    assert [offer.sim_slot for offer in phone.pull().offers] == [1, 2, 2, 2, 2, 2, 2]


def test_gap_lets_one_message_out_and_says_when_to_come_again(phone, clock):
    sim = _limit(phone, min_gap_ms=4000)
    _queue(phone, 2)
    lease = phone.pull()
    assert (len(lease.offers), lease.again_in_seconds) == (1, 4.0)
    sim.refresh_from_db()
    assert sim.next_send_at == NOON + timedelta(seconds=4)
    clock.shift(timedelta(seconds=3))
    lease = phone.pull()
    assert (len(lease.offers), lease.again_in_seconds) == (0, 1.0)
    clock.shift(timedelta(seconds=1))
    assert len(phone.pull().offers) == 1


def test_jitter_adds_up_to_itself_to_the_gap(phone):
    sim = _limit(phone, min_gap_ms=1000, jitter_ms=2000)
    pauses = []
    for _ in range(20):
        change(sim, next_send_at=None)
        _queue(phone, 1)
        pauses.append(phone.pull().again_in_seconds)
    assert 1 <= min(pauses) < max(pauses) <= 3
    assert len(set(pauses)) == 20


def test_gap_of_one_sim_leaves_the_other_to_send(phone):
    _limit(phone, min_gap_ms=4000)
    SimFactory(device=phone.device, slot=2)
    _queue(phone, 30)
    lease = phone.pull()
    assert [offer.sim_slot for offer in lease.offers].count(1) == 1
    assert (len(lease.offers), lease.again_in_seconds) == (21, 4.0)


def test_phone_without_gap_is_not_told_to_come_again(phone):
    _queue(phone, 30)
    assert phone.pull().again_in_seconds is None


@pytest.mark.parametrize(
    ("start", "end", "zone", "is_quiet"),
    [
        (time(11), time(13), "UTC", True),
        (time(13), time(11), "UTC", False),
        (time(22), time(8), "UTC", False),
        (time(22), time(8), "Asia/Tokyo", False),  # 21:00 there
        (time(21), time(8), "Asia/Tokyo", True),
        (time(22), time(8), "Pacific/Auckland", True),  # 01:00 there, and summer time
    ],
)
def test_quiet_hours_let_only_urgent_through_in_the_tenants_time_zone(
    phone, start, end, zone, is_quiet
):
    change(phone.device.tenant, time_zone=zone)
    _limit(phone, quiet_from=start, quiet_until=end)
    for lane in Message.Lane.values:
        _queue(phone, 1, lane=lane)
    assert len(phone.pull().offers) == (1 if is_quiet else 3)
    offered = Message.objects.filter(status="leased").order_by("lane").first()
    assert offered.lane == Message.Lane.URGENT


def test_quiet_hours_of_one_sim_do_not_hold_up_the_other(phone):
    _limit(phone, quiet_from=time(11), quiet_until=time(13))
    SimFactory(device=phone.device, slot=2)
    _queue(phone, 2, sim_slot=1)
    _queue(phone, 2)
    assert [offer.sim_slot for offer in phone.pull().offers] == [2, 2]
