"""Several connections at once: each message goes to one of them, and nobody waits in vain."""

from functools import partial

import pytest
from django.db import connection, transaction

from devices.tests.factories import SimFactory
from messaging.models import Message, MessageEvent
from messaging.services.leases import lease_messages
from messaging.tests.factories import in_bulk
from messaging.tests.phone import Phone
from messaging.tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("round_", range(5))
def test_connections_that_lease_at_once_share_the_messages(round_):
    phone = Phone()
    SimFactory(device=phone.device, slot=2)
    SimFactory(device=phone.device, slot=3)
    in_bulk(90, device=phone.device)

    def lease_all() -> list[str]:
        taken: list[str] = []
        while offers := phone.pull().offers:
            taken += [offer.attempt_id for offer in offers]
        return taken

    takes = at_once(lease_all, lease_all, lease_all)
    offered = [attempt_id for take in takes for attempt_id in take]
    assert len(offered) == len(set(offered)) == 60  # three windows of twenty
    assert Message.objects.filter(status="leased").count() == 60
    assert MessageEvent.objects.filter(kind="leased").count() == 60


def test_message_in_the_hands_of_another_transaction_is_skipped_without_waiting():
    phone = Phone()
    held, free = phone.queue(), phone.queue()
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT 1 FROM messaging_message WHERE id = %s FOR UPDATE", [held.pk])
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '100ms'")
            assert [offer.attempt_id for offer in phone.pull().offers] == [free.attempt_id]
        other.rollback()
        assert [offer.attempt_id for offer in phone.pull().offers] == [held.attempt_id]
    finally:
        other.close()


def test_phones_lease_at_once_without_waiting_for_each_other():
    first, second = Phone(), Phone()
    messages = [first.queue(), second.queue()]
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM devices_sim WHERE device_id = %s FOR UPDATE", [first.device.pk]
            )
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '100ms'")
            offers = lease_messages(device_id=second.device.pk).offers
        assert [offer.attempt_id for offer in offers] == [messages[1].attempt_id]
    finally:
        other.close()


@pytest.mark.parametrize("round_", range(5))
def test_report_that_comes_on_two_sockets_at_once_counts_once(round_):
    phone = Phone()
    messages = [phone.queue() for _ in range(10)]
    phone.pull()

    def report() -> list[str]:
        return [phone.tell("sent", Message.objects.get(pk=m.pk)) for m in messages]

    assert at_once(report, report) == [["stored"] * 10] * 2
    phone.device.refresh_from_db()
    assert phone.device.sent_count == 10
    assert MessageEvent.objects.filter(kind="sent").count() == 10


@pytest.mark.parametrize("round_", range(5))
def test_sent_and_delivered_that_come_at_once_count_once(round_):
    phone = Phone()
    messages = [phone.queue() for _ in range(10)]
    phone.pull()

    def report(kind: str) -> None:
        for message in messages:
            phone.tell(kind, Message.objects.get(pk=message.pk))

    at_once(partial(report, "sent"), partial(report, "delivered"))
    phone.device.refresh_from_db()
    assert phone.device.sent_count == 10
    assert Message.objects.filter(status="delivered").count() == 10
