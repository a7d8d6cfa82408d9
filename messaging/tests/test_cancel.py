"""cancel_message, from each state."""

import pytest

from accounts.errors import Conflict
from devices.wakeup import nudge
from messaging.services.outbound import cancel_message
from messaging.states import Status
from messaging.tests.factories import MessageFactory
from messaging.tests.nudges import listening_for
from messaging.tests.phone import Phone

pytestmark = pytest.mark.django_db


@pytest.fixture
def phone():
    return Phone()


@pytest.mark.parametrize("status", ["scheduled", "queued"])
def test_message_that_no_phone_has_is_canceled_at_once(phone, published, status):
    message = phone.queue(status=status)
    assert cancel_message(message=message) is True
    message.refresh_from_db()
    assert message.status == "canceled"
    assert message.cancel_requested_at is not None
    assert published() == [("message.canceled", message.pk)]
    assert list(message.events.values_list("kind", "key")) == [("canceled", "1.canceled")]
    assert phone.pull().offers == []


@pytest.mark.parametrize("status", ["leased", "accepted"])
def test_phone_that_has_the_message_is_asked_and_woken(
    phone, published, status, django_capture_on_commit_callbacks
):
    message = phone.queue(**{status: True})
    with listening_for(phone.device) as listener:
        with django_capture_on_commit_callbacks(execute=True) as callbacks:
            assert cancel_message(message=message) is False
        assert listener.next() == phone.device.pk
    message.refresh_from_db()
    assert (message.status, len(callbacks), published()) == (status, 1, [])
    assert phone.pull().cancels == [message.attempt_id]
    assert list(message.events.values_list("kind", flat=True)) == ["cancel_asked"]


def test_asking_twice_is_one_event(phone):
    message = phone.take()
    assert [cancel_message(message=message), cancel_message(message=message)] == [False, False]
    assert [event.kind for event in message.events.all()] == ["leased", "cancel_asked"]


@pytest.mark.parametrize(
    "status", sorted(set(Status.values) - {"scheduled", "queued", "leased", "accepted", "received"})
)
def test_message_that_left_or_ended_is_a_conflict(phone, published, status):
    message = phone.queue(status=status)
    with pytest.raises(Conflict, match=f"A message that is {status} cannot be canceled."):
        cancel_message(message=message)
    message.refresh_from_db()
    assert (message.status, message.cancel_requested_at, published()) == (status, None, [])


def test_inbound_message_is_a_conflict(phone):
    message = MessageFactory(device=phone.device, tenant=phone.device.tenant, inbound=True)
    with pytest.raises(Conflict):
        cancel_message(message=message)


def test_state_that_counts_is_the_one_in_the_database(phone):
    stale = phone.queue()
    phone.pull()
    assert cancel_message(message=stale) is False


def test_nobody_is_woken_for_a_message_that_was_not_with_a_phone(
    phone, django_capture_on_commit_callbacks
):
    with listening_for(phone.device, (idle := Phone()).device) as listener:
        with django_capture_on_commit_callbacks(execute=True):
            cancel_message(message=phone.queue())
        nudge([(idle.device.tenant_id, idle.device.pk)])
        assert listener.next() == idle.device.pk
