"""What the documentation promises about phones that go silent, with the clock in its worst place.

The sweeps' intervals are those of the settings: whoever makes them longer is told here.
"""

from datetime import timedelta

import pytest
from django.conf import settings as real
from django.utils import timezone

from accounts.redis import connection
from accounts.tests.factories import MembershipFactory
from devices import tasks
from devices.models import MISSED_CONTACTS, Device, DeviceAlert
from devices.queries import forget_phones
from devices.services.devices import pause_device
from devices.tests.factories import DeviceFactory
from devices.watch import KEY
from messaging import tasks as messaging_tasks
from messaging.models import Message
from messaging.tests.factories import MessageFactory, change

pytestmark = pytest.mark.django_db

MOVED_SECONDS, MAILED_SECONDS = 90, 120
PATIENCE = MISSED_CONTACTS * real.DEVICE_HEARTBEAT_SECONDS


def interval(task: str) -> float:
    """Seconds between two runs of a sweep."""
    (entry,) = (entry for entry in real.CELERY_BEAT_SCHEDULE.values() if entry["task"] == task)
    return entry["schedule"]


MARK = interval("devices.tasks.mark_silent_offline")
MAIL = interval("devices.tasks.mail_alerts")
MOVE = interval("messaging.tasks.reroute_waiting")


@pytest.fixture
def at(time_machine):
    """A function that moves the clock to so many seconds after the phone's last sign of life."""
    start = timezone.now()

    def move(seconds: float) -> None:
        time_machine.move_to(start + timedelta(seconds=seconds), tick=False)
        forget_phones()

    move(0)
    return move


@pytest.fixture
def device(at):
    return DeviceFactory()


def test_intervals_keep_the_promises():
    assert PATIENCE + MOVE < MOVED_SECONDS
    assert PATIENCE + MARK + MAIL < MAILED_SECONDS


def test_what_a_silent_phone_was_never_offered_is_with_another_within_90_seconds(device, at):
    message = MessageFactory(device=device)
    other = DeviceFactory(tenant=device.tenant)
    found = []
    # The sweep that just misses it, and the next one.
    for seconds in (PATIENCE - 0.1, PATIENCE - 0.1 + MOVE):
        at(seconds)
        change(other, last_seen_at=timezone.now())
        messaging_tasks.reroute_waiting()
        found.append(Message.objects.get(pk=message.pk).device_id)
    assert found == [device.pk, other.pk]


def test_what_a_paused_phone_was_never_offered_moves_with_the_next_sweep(device, at):
    message = MessageFactory(device=device)
    other = DeviceFactory(tenant=device.tenant)
    pause_device(device=device, actor=None)
    messaging_tasks.reroute_waiting()
    assert Message.objects.get(pk=message.pk).device_id == other.pk


def test_phone_that_polls_keeps_its_texts_for_three_of_its_own_intervals(device, at):
    change(device, contact_seconds=900)
    message = MessageFactory(device=device)
    other = DeviceFactory(tenant=device.tenant)
    found = []
    for seconds in (2699, 2701):
        at(seconds)
        change(other, last_seen_at=timezone.now())
        messaging_tasks.reroute_waiting()
        found.append(Message.objects.get(pk=message.pk).device_id)
    assert found == [device.pk, other.pk]


def test_owner_has_the_mail_within_two_minutes_even_when_the_nudge_is_lost(device, at, mailoutbox):
    MembershipFactory(tenant=device.tenant)
    connection().delete(KEY)
    tasks.mark_silent_offline()
    at(3600)  # the gateway has listened for long
    Device.objects.update(last_seen_at=timezone.now())
    for seconds in (PATIENCE - 0.1, PATIENCE - 0.1 + MARK):
        at(3600 + seconds)
        tasks.mark_silent_offline()
    at(3600 + PATIENCE - 0.1 + MARK + MAIL)
    assert (tasks.mail_alerts(), len(mailoutbox)) == (1, 1)
    assert DeviceAlert.objects.get().kind == "offline"
