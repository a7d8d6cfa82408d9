"""Receiving: a text that was sent twice is two messages, one that is reported twice is one."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from devices.tests.factories import DeviceFactory, SimFactory
from messaging.frames import Received
from messaging.models import Message, MessageEvent
from messaging.services.inbound import InboundText, receive_message
from messaging.tests.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def device():
    return DeviceFactory()


def _receive(device, key="key:1", sender="+6581230000", text="Hi", **told) -> Message | None:
    return receive_message(device=device, inbound=InboundText(key, sender, text, **told))


def test_text_is_stored_and_told(device, published):
    told_at = datetime(2031, 3, 3, tzinfo=UTC)
    message = _receive(device, occurred_at=told_at)
    message.refresh_from_db()
    assert (message.direction, message.status, message.origin) == ("inbound", "received", "phone")
    assert (message.sender, message.recipient, message.text) == ("+6581230000", "+6598765432", "Hi")
    assert (message.tenant, message.device, message.sim) == (
        device.tenant,
        device,
        device.sims.get(),
    )
    assert timezone.now() - message.created_at < timedelta(minutes=1)
    (event,) = message.events.all()
    assert (event.kind, event.key, event.occurred_at) == ("received", "received", told_at)
    assert published() == [("message.received", message.pk)]


def test_equal_texts_in_the_same_second_are_two_messages(device):
    moment = timezone.now()
    _receive(device, "key:1", occurred_at=moment)
    _receive(device, "key:2", occurred_at=moment)
    device.refresh_from_db()
    assert (Message.objects.count(), device.received_count) == (2, 2)


def test_report_that_is_repeated_ten_times_is_one_message_and_one_event(device, published):
    first, *repeats = [_receive(device) for _ in range(10)]
    device.refresh_from_db()
    assert repeats == [None] * 9
    assert list(Message.objects.all()) == [first]
    assert (device.received_count, MessageEvent.objects.count()) == (1, 1)
    assert published() == [("message.received", first.pk)]


@pytest.mark.django_db(transaction=True)
def test_report_that_comes_on_several_sockets_at_once_is_one_message(published):
    device = DeviceFactory()
    results = at_once(*[lambda: _receive(device)] * 4)
    device.refresh_from_db()
    assert [result is None for result in results].count(False) == 1
    assert (Message.objects.count(), device.received_count, len(published())) == (1, 1, 1)


def test_keys_of_one_phone_say_nothing_about_another(device):
    neighbour = DeviceFactory(tenant=device.tenant)
    assert [_receive(each) is None for each in (device, neighbour, DeviceFactory())] == [False] * 3


def test_frame_without_a_providers_key_is_known_by_its_id(device):
    def receive(id_: str, provider_key: str | None) -> bool:
        frame = Received(id=id_, sender="+6581230000", text="Hi", provider_key=provider_key)
        return receive_message(device=device, inbound=frame.inbound()) is not None

    reports = [("a", None), ("a", None), ("b", None), ("c", "b"), ("d", "b"), ("b", None)]
    assert [receive(*report) for report in reports] == [True, False, True, True, False, False]


@pytest.mark.parametrize(
    ("sender", "stored"),
    [
        ("+65 8123 0000", "+6581230000"),
        ("81230000", "+6581230000"),
        ("72227", "72227"),
        ("DBS-Bank", "DBS-Bank"),
        ("  Grüße  ", "Grüße"),
        ("x" * 40, "x" * 32),
        ("", ""),
    ],
)
def test_sender_is_stored_as_a_number_or_as_it_is(device, sender, stored):
    assert _receive(device, sender=sender).sender == stored


def test_slot_says_which_number_the_text_was_sent_to(device):
    SimFactory(device=device, slot=2, number="+6590000002")
    SimFactory(device=device, slot=3, number="")
    received = [
        _receive(device, "1", sim_slot=2),
        _receive(device, "2", sim_slot=3),
        _receive(device, "3", sim_slot=9),
        _receive(device, "4", sim_slot=2, recipient="+65 7777-7777"),
        _receive(device, "5", sim_slot=2, recipient="9000 0009"),
    ]
    assert [(m.recipient, m.sim and m.sim.slot) for m in received] == [
        ("+6590000002", 2),
        ("", 3),
        ("", None),
        ("+6577777777", 2),
        ("+6590000009", 2),
    ]


def test_phone_with_several_sims_that_names_none_does_not_make_us_guess(device):
    SimFactory(device=device, slot=2, number="+6590000002")
    message = _receive(device)
    assert (message.recipient, message.sim) == ("", None)


def test_long_text_is_kept_whole_and_counted(device):
    message = _receive(device, text="ä🙂" * 5000)
    message.refresh_from_db()
    assert (message.text, message.encoding, message.segments) == ("ä🙂" * 5000, "ucs2", 228)


def test_frame_with_what_postgresql_cannot_hold_is_stored_without_it(device):
    frame = Received(
        id="\x00id", sender="+6581\x00230000", text="a\x00b\ud800c", to="\x00", provider_key="k\x00"
    )
    message = receive_message(device=device, inbound=frame.inbound())
    message.refresh_from_db()
    assert (message.sender, message.text, message.phone_key) == ("+6581230000", "ab?c", "key:k")


def test_rolled_back_receipt_can_be_repeated(device):
    with transaction.atomic():
        _receive(device)
        transaction.set_rollback(True)
    assert _receive(device) is not None
