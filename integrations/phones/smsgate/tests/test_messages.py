"""What the app fetches and reports."""

import pytest
from django.utils import timezone

from accounts.services.tenants import suspend_tenant
from devices.tests.factories import SimFactory
from integrations.phones.smsgate.tests.factories import AppClient
from messaging.models import Message
from messaging.services.outbound import cancel_message
from messaging.tests.factories import MessageFactory, in_bulk
from messaging.tests.nudges import listening_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def phone():
    return AppClient()


def wire(message: Message) -> str:
    return message.attempt_id.replace(".", "-")


def report(phone: AppClient, message: Message, state: str, **more):
    return phone("PATCH", "/message", [{"id": wire(message), "state": state, **more}])


def status(message: Message) -> str:
    message.refresh_from_db()
    return message.status


def test_message_is_listed_as_every_app_reads_it(phone, time_machine):
    time_machine.move_to("2026-06-12T12:00:00.123456+00:00", tick=False)
    message = MessageFactory(device=phone.device, text="Hi", recipient="+6581230000")
    (listed,) = phone("GET", "/message?order=lifo").json()
    assert listed == {
        "id": wire(message),
        "message": "Hi",
        "textMessage": {"text": "Hi"},
        "phoneNumbers": ["+6581230000"],
        "simNumber": 1,
        "withDeliveryReport": True,
        "isEncrypted": False,
        "priority": 0,
        "state": "Pending",
        "createdAt": listed["createdAt"],
        "validUntil": "2026-06-13T12:00:00.123Z",
    }


def test_list_is_empty_without_work_and_has_what_two_sims_take(phone):
    assert phone("GET", "/message").content == b"[]"
    SimFactory(device=phone.device, slot=2)
    in_bulk(50, device=phone.device)
    listed = phone("GET", "/message").json()
    assert (len(listed), {row["simNumber"] for row in listed}) == (40, {1, 2})
    assert len(phone("GET", "/message").json()) == 40


def test_urgent_message_goes_first(phone):
    for lane in Message.Lane.values:
        MessageFactory(device=phone.device, lane=lane)
    assert [row["priority"] for row in phone("GET", "/message").json()] == [1, 0, -1]


def test_message_is_listed_until_its_first_report(phone):
    message = MessageFactory(device=phone.device)
    phone("GET", "/message")
    assert len(phone("GET", "/message").json()) == 1
    assert report(phone, message, "Pending").status_code == 204
    assert (status(message), phone("GET", "/message").json()) == ("accepted", [])


@pytest.mark.parametrize(("version", "states"), [("1.66.1", []), ("1.67.0", ["Cancelling"])])
def test_cancelled_message_is_listed_only_to_apps_that_know_it(version, states):
    phone = AppClient(version=version)
    message = MessageFactory(device=phone.device, accepted=True)
    cancel_message(message=message)
    listed = phone("GET", "/message").json()
    assert [row["state"] for row in listed] == states
    report(phone, message, "Cancelled")
    assert status(message) == "canceled"


def test_element_that_makes_no_sense_does_not_stop_the_others(phone):
    message = MessageFactory(device=phone.device, accepted=True)
    states = {"Sent": "2026-01-02T12:04:09.000+02:00"}
    body = [5, {"id": 7}, {}, {"id": wire(message), "state": "Sent", "states": states}, None]
    assert phone("PATCH", "/message", body).status_code == 204
    assert status(message) == "sent"


@pytest.mark.parametrize("body", [b"", b"{}", b"x", b"5", b"[" * 100_000])
def test_what_is_no_list_is_malformed(phone, body):
    assert phone("PATCH", "/message", body).status_code == 400


def test_reason_is_stored_whatever_is_in_it(phone):
    message = MessageFactory(device=phone.device, accepted=True)
    recipients = [{"phoneNumber": "x", "state": "Failed", "error": "a\x00b" + "c" * 5000}]
    assert report(phone, message, "Failed", recipients=recipients).status_code == 204
    assert (status(message), message.error_code) == ("failed", "generic_failure")
    assert message.error == "ab" + "c" * 198


def test_another_phones_message_cannot_be_reported(phone):
    message = MessageFactory(accepted=True)
    assert report(phone, message, "Sent").status_code == 204
    assert status(message) == "accepted"


def test_suspended_accounts_phone_may_tell_what_it_sent(phone):
    message = MessageFactory(device=phone.device, accepted=True)
    suspend_tenant(tenant=phone.device.tenant, actor=None, reason="unpaid")
    assert report(phone, message, "Sent").status_code == 204
    assert status(message) == "sent"


def test_end_of_a_message_calls_for_the_next(phone):
    message = MessageFactory(device=phone.device, accepted=True)
    with listening_for(phone.device) as listener:
        report(phone, message, "Sent")
        assert listener.next() == phone.device.pk


def test_validity_is_by_the_phones_clock(phone, time_machine):
    time_machine.move_to("2026-06-12T12:00:00+00:00", tick=False)
    phone.app.clock_skew_seconds = 7200
    phone.app.save()
    MessageFactory(device=phone.device, expires_at=timezone.now())
    MessageFactory(device=phone.device)
    (listed,) = phone("GET", "/message").json()
    assert listed["validUntil"] == "2026-06-13T14:00:00.000Z"


def test_fetching_nothing_takes_four_queries(phone, django_assert_num_queries):
    phone("GET", "/message")
    with django_assert_num_queries(4):
        phone("GET", "/message")
