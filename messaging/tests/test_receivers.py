"""Phones that stop receiving: noticed soon, and never by mistake of the calendar."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from accounts.ids import first_id_of
from devices.models import Device, DeviceAlert
from devices.tests.factories import DeviceFactory
from messaging.models import Message
from messaging.services.inbound import InboundText, receive_message
from messaging.services.receivers import watch_receivers
from messaging.tests.factories import MessageFactory

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 6, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def device():
    return DeviceFactory(last_seen_at=MONDAY)


@pytest.fixture
def at(time_machine):
    """A function: the kinds of alerts that are open after a sweep at this time, phone online."""

    def look(moment: datetime) -> list[str]:
        time_machine.move_to(moment, tick=False)
        Device.objects.filter(is_online=True).update(last_seen_at=moment)
        watch_receivers()
        return list(DeviceAlert.objects.open().values_list("kind", flat=True))

    return look


def receive(device: Device, *moments: datetime) -> None:
    Message.objects.bulk_create(
        MessageFactory.build(inbound=True, device=device, tenant=device.tenant, created_at=moment)
        for moment in moments
    )
    Device.objects.filter(pk=device.pk).update(received_count=len(moments))


def send(device: Device, moment: datetime, **columns) -> None:
    """A text that was queued and left at `moment`."""
    left = {"status": "sent", "sent_at": moment} | columns
    MessageFactory(device=device, public_id=first_id_of(moment), created_at=moment, **left)


def office_hours(weeks: int) -> list[datetime]:
    """A text every hour from 9 to 17, Monday to Friday."""
    days = [MONDAY + n * DAY for n in range(7 * weeks) if (MONDAY + n * DAY).weekday() < 5]
    return [day + n * HOUR for day in days for n in range(9, 18)]


def every_hour(count: int) -> list[datetime]:
    return [MONDAY + n * HOUR for n in range(count)]


def test_phone_that_received_all_day_is_silent_after_24_hours(device, at):
    receive(device, *every_hour(14 * 24))
    last = MONDAY + 14 * DAY - HOUR
    send(device, last + 2 * HOUR)
    assert [at(last + n * HOUR) for n in (1, 23, 24, 25)] == [[], [], [], ["receiver_silent"]]
    assert DeviceAlert.objects.get().detail == (
        "Nothing came in for 25 hours, which is unusual for it."
    )


def test_weekend_is_no_silence_for_a_phone_of_office_hours(device, at):
    receive(device, *office_hours(2))
    friday = MONDAY + 11 * DAY + 17 * HOUR
    send(device, friday + DAY)
    pause = timedelta(hours=64)  # Friday 17:00 to Monday 9:00
    assert at(friday + pause) == []
    assert at(friday + pause + DAY) == []  # a holiday on Monday
    assert at(friday + 1.5 * pause + HOUR) == ["receiver_silent"]


def test_twenty_texts_in_one_hour_of_its_life_are_no_habit(device, at):
    receive(device, *(MONDAY + n * timedelta(minutes=3) for n in range(20)))
    send(device, MONDAY + DAY)
    assert at(MONDAY + 10 * DAY) == []


@pytest.mark.parametrize(("count", "kinds"), [(19, []), (20, ["receiver_silent"])])
def test_few_texts_prove_nothing(device, at, count, kinds):
    moments = [MONDAY + n * 16 * HOUR for n in range(count)]
    receive(device, *moments)
    Device.objects.update(received_count=100)
    send(device, moments[-1] + HOUR)
    assert at(moments[-1] + 3 * DAY) == kinds


def test_phone_that_sends_nothing_either_is_not_in_use(device, at):
    receive(device, *every_hour(14 * 24))
    send(device, MONDAY + DAY)
    send(device, MONDAY + 15 * DAY, status="queued", sent_at=None)
    assert at(MONDAY + 20 * DAY) == []


def test_phone_that_never_received_is_never_silent(device, at):
    send(device, MONDAY)
    assert at(MONDAY + 20 * DAY) == []


def test_time_that_it_was_offline_does_not_count(device, at):
    receive(device, *every_hour(14 * 24))
    end = MONDAY + 20 * DAY
    DeviceAlert.objects.create(
        tenant=device.tenant,
        device=device,
        kind="offline",
        raised_at=MONDAY + 14 * DAY,
        ended_at=end,
    )
    send(device, end + HOUR)
    assert [at(end + n * HOUR) for n in (23, 25)] == [[], ["receiver_silent"]]


@pytest.mark.parametrize(
    "columns", [{"is_online": False}, {"status": "paused"}, {"status": "revoked"}]
)
def test_phone_that_is_away_or_put_aside_is_not_asked(device, at, columns):
    receive(device, *every_hour(14 * 24))
    send(device, MONDAY + 14 * DAY + HOUR)
    Device.objects.update(**columns)
    assert at(MONDAY + 16 * DAY) == []


def test_one_text_that_comes_in_ends_it(device, at):
    receive(device, *every_hour(14 * 24))
    send(device, MONDAY + 14 * DAY + HOUR)
    assert at(MONDAY + 16 * DAY) == ["receiver_silent"]
    assert at(MONDAY + 17 * DAY) == ["receiver_silent"]
    receive_message(device=device, inbound=InboundText("1", "+6581230000", "Hi"))
    assert at(MONDAY + 17 * DAY + HOUR) == []
    assert DeviceAlert.objects.count() == 1


def test_sweep_takes_few_queries_for_many_phones(device, at, django_assert_max_num_queries):
    receive(device, *every_hour(14 * 24))
    for other in DeviceFactory.create_batch(29):
        receive(other, *every_hour(30))
    with django_assert_max_num_queries(8):
        assert at(MONDAY + 14 * DAY) == []


def test_history_is_read_from_the_index_of_inbound_texts(device):
    receive(device, *every_hour(14 * 24))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE messaging_message")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT max(created_at) FROM messaging_message"
            " WHERE device_id = %s AND direction = 'inbound'",
            [device.pk],
        )
        plan = " ".join(row[0] for row in cursor.fetchall())
    assert plan.count("using message_inbound_by_device") == 1
