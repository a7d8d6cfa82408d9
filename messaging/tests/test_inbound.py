"""Receiving: a text that was sent twice is two messages, one that is reported twice is one."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from accounts.models import Tenant
from devices.models import Device
from devices.tests.factories import DeviceFactory, SimFactory
from messaging.frames import Received
from messaging.models import Contact, Message, MessageEvent
from messaging.services.inbound import InboundText, receive_message
from messaging.tests import listening, reacting
from messaging.tests.threads import at_once

pytestmark = pytest.mark.django_db

NOON = datetime(2031, 3, 3, 12, tzinfo=UTC)


@pytest.fixture
def device():
    return DeviceFactory()


@pytest.fixture(autouse=True)
def rules(published, settings):
    """What the rules were asked: (message, its stored text, the text); they match nothing."""
    settings.INBOUND_RULES = ["messaging.tests.reacting.look"]
    reacting.asked.clear()
    return reacting.asked


def _report(device: Device, **told) -> Message | None:
    """A phone's frame, with an inbox key unless `told` otherwise."""
    usual = {"id": "1", "sender": "+6581230000", "text": "Hi", "provider_key": "inbox/1"}
    frame = Received(**{**usual, "received_at": NOON, **told})
    return receive_message(device=device, inbound=frame.inbound())


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


@pytest.mark.parametrize("keys", [("inbox/1", "inbox/2"), (None, None)])
def test_equal_texts_one_second_apart_are_two_messages(device, published, keys):
    later = NOON + timedelta(seconds=1)
    first = _report(device, id="1", provider_key=keys[0])
    second = _report(device, id="2", provider_key=keys[1], received_at=later)
    assert (first.text, second.text) == ("Hi", "Hi")
    assert published() == [("message.received", first.pk), ("message.received", second.pk)]


def test_report_that_is_repeated_ten_times_over_three_days_is_one_message_and_one_event(
    device, published
):
    def report(hour: int, **told) -> Message | None:
        with time_machine.travel(NOON + timedelta(hours=hour), tick=False):
            return _report(device, **told)

    first, *repeats = [report(hour) for hour in range(0, 80, 8)]
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


def test_text_with_the_key_of_an_inbox_is_the_same_under_another_event_id(device):
    assert [_report(device, id=str(n)) is None for n in range(3)] == [False, True, True]


@pytest.mark.parametrize(
    "changed",
    [
        {"text": "Other"},
        {"sender": "+6581230001"},
        {"received_at": NOON + timedelta(seconds=1)},
        {"sim": 2},
        {"provider_key": "inbox/2"},
    ],
)
def test_key_that_a_wiped_inbox_gives_to_another_text_does_not_hide_it(device, changed):
    assert _report(device) is not None
    assert _report(device, id="2", **changed) is not None
    assert _report(device, id="3", **changed) is None


def test_time_of_a_text_counts_as_a_moment_and_not_as_it_is_written(device):
    in_singapore = NOON.astimezone(timezone.get_fixed_timezone(8 * 60))
    assert [_report(device, received_at=when) is None for when in (NOON, in_singapore)] == [
        False,
        True,
    ]


def test_event_id_alone_decides_when_there_is_no_key_of_an_inbox(device):
    assert _report(device, provider_key=None) is not None
    assert _report(device, provider_key=None, received_at=NOON + timedelta(days=3)) is None


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
    assert (message.sender, message.text) == ("+6581230000", "ab?c")


def test_rolled_back_receipt_can_be_repeated(device):
    with transaction.atomic():
        _receive(device)
        transaction.set_rollback(True)
    assert _receive(device) is not None


def test_text_that_may_not_be_kept_is_told_and_counted_but_stored_nowhere(device, rules):
    Tenant.objects.update(keep_inbound=False)
    message = _report(device, text="Geheim 🙂" * 20)
    message.refresh_from_db()
    assert (message.text, message.encoding, message.segments) == ("", "ucs2", 3)
    assert [event.text for event in listening.heard] == ["Geheim 🙂" * 20]
    assert rules == [(message.pk, "", "Geheim 🙂" * 20)]
    assert [event.detail for event in message.events.all()] == [{}]


def test_tenant_is_read_anew_because_a_socket_lives_long(device):
    assert device.tenant.default_country == "SG"
    Tenant.objects.update(default_country="DE", keep_inbound=False)
    message = _report(device, sender="0171 1234567")
    assert (message.sender, message.text) == ("+491711234567", "")


def test_sender_becomes_a_contact_and_stays_the_one_that_it_is(device):
    _report(device)
    contact = Contact.objects.get()
    assert (contact.tenant, contact.number, contact.name) == (device.tenant, "+6581230000", "")
    Contact.objects.update(name="Alice", last_inbound_at=NOON)
    message = _report(device, id="2", provider_key="2", sender="8123 0000")
    again = Contact.objects.get()
    assert (again.pk, again.public_id, again.name) == (contact.pk, contact.public_id, "Alice")
    assert again.last_inbound_at == message.created_at


def test_repeated_report_does_not_touch_the_contact(device):
    _report(device)
    Contact.objects.update(last_inbound_at=NOON)
    _report(device)
    assert Contact.objects.get().last_inbound_at == NOON


@pytest.mark.parametrize(("sender", "numbers"), [("DBS-Bank", ["DBS-Bank"]), ("", [])])
def test_name_is_a_contact_and_a_withheld_number_is_none(device, sender, numbers):
    _report(device, sender=sender)
    assert [contact.number for contact in Contact.objects.all()] == numbers


def test_contacts_of_two_tenants_are_two(device):
    _report(device)
    _report(DeviceFactory())
    assert Contact.objects.filter(number="+6581230000").count() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(5))
def test_two_first_texts_at_once_make_one_contact(round_):
    device = DeviceFactory()
    neighbour = DeviceFactory(tenant=device.tenant)
    at_once(lambda: _report(device), lambda: _report(neighbour))
    assert (Message.objects.count(), Contact.objects.count()) == (2, 1)


def test_event_carries_what_the_rules_said(device, settings):
    settings.INBOUND_RULES = ["messaging.tests.reacting.look", "messaging.tests.reacting.match"]
    _report(device)
    (event,) = listening.heard
    assert (event.text, event.keyword, event.matched_rule_id, event.is_forwarded) == (
        "Hi",
        "",
        "rule_1",
        False,
    )


def test_text_that_no_rule_matched_is_forwarded(device, settings):
    settings.INBOUND_RULES = []
    _report(device)
    (event,) = listening.heard
    assert (event.matched_rule_id, event.is_forwarded) == ("", True)


def test_text_to_a_suspended_tenant_is_stored_and_told_but_no_rule_sees_it(
    device, rules, published
):
    Tenant.objects.update(status=Tenant.Status.SUSPENDED)
    message = _report(device)
    assert (Message.objects.get(), Contact.objects.count(), rules) == (message, 1, [])
    assert published() == [("message.received", message.pk)]


def test_listener_that_breaks_takes_everything_back(device, settings):
    settings.MESSAGE_EVENT_HANDLERS = ["messaging.tests.listening.refuse"]
    with pytest.raises(RuntimeError), transaction.atomic():
        _report(device)
    assert (Message.objects.count(), MessageEvent.objects.count(), Contact.objects.count()) == (
        0,
        0,
        0,
    )


def test_receiving_takes_five_queries(device, django_assert_num_queries):
    _report(device)
    with transaction.atomic(), django_assert_num_queries(5 + 2):  # and a savepoint
        _report(device, id="2", provider_key="2")
