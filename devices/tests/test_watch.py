"""Silence that is the gateway's own."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.redis import connection
from devices import tasks
from devices.models import DeviceAlert
from devices.tests.factories import DeviceFactory
from devices.watch import BREAK_SECONDS, KEY, watching_since

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _just_started():
    connection().delete(KEY)


def test_watch_goes_on_from_sweep_to_sweep():
    assert watching_since() == watching_since()
    assert 0 < connection().ttl(KEY) <= BREAK_SECONDS


def test_phones_get_their_time_to_come_back_after_the_gateway_was_away(settings, time_machine):
    settings.DEVICE_HEARTBEAT_SECONDS = 25
    start = timezone.now()
    DeviceFactory(last_seen_at=start - timedelta(hours=1))
    gone = []
    for seconds in (0, 50, 100, 106):
        time_machine.move_to(start + timedelta(seconds=seconds))
        gone.append(tasks.mark_silent_offline())
    assert gone == [0, 0, 0, 1]
    assert DeviceAlert.objects.get().kind == "offline"


def test_phone_that_falls_silent_while_the_gateway_listens_has_its_own_patience(
    settings, time_machine
):
    settings.DEVICE_HEARTBEAT_SECONDS = 25
    start = timezone.now()
    tasks.mark_silent_offline()
    time_machine.move_to(start + timedelta(hours=1))
    connection().set(KEY, start.timestamp())
    DeviceFactory(last_seen_at=timezone.now() - timedelta(seconds=76))
    assert tasks.mark_silent_offline() == 1
