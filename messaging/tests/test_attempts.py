"""Attempts: who may report on which, what is tried again, and what is taken back."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.errors import Conflict
from devices.tests.factories import DeviceFactory
from messaging.models import MessageEvent
from messaging.services.outbound import cancel_message
from messaging.services.reports import Report, ReportKind, record_reports
from messaging.services.sweeps import mark_silent_unknown, reroute_waiting
from messaging.tests.factories import MessageFactory, change
from messaging.tests.phone import Phone

pytestmark = pytest.mark.django_db

REPORTS = [("accepted", ""), ("sent", ""), ("delivered", ""), ("failed", "rejected")]
REPORTS += [("failed", "undelivered"), ("released", "")]


@pytest.fixture
def phone():
    return Phone()


@pytest.mark.parametrize(("kind", "code"), REPORTS)
@pytest.mark.parametrize("is_neighbour", [True, False])
def test_report_of_another_phone_is_refused_and_changes_nothing(phone, kind, code, is_neighbour):
    message = phone.take()
    tenant = {"tenant": phone.device.tenant} if is_neighbour else {}
    assert Phone(**tenant).tell(kind, message, code=code) == "unknown_attempt"
    assert (message.status, message.attempt) == ("leased", 1)
    assert [event.kind for event in message.events.all()] == ["leased"]


@pytest.mark.parametrize(("kind", "code"), REPORTS)
def test_report_of_a_message_that_was_never_offered_is_refused(phone, kind, code):
    message = phone.queue()
    assert phone.tell(kind, message, code=code) == "unknown_attempt"
    assert message.status == "queued"


@pytest.mark.parametrize(("kind", "code"), REPORTS)
@pytest.mark.parametrize("attempt", [2, 3, 9999])
def test_report_of_an_attempt_that_was_not_offered_yet_is_refused(phone, kind, code, attempt):
    message = phone.take()
    phone.tell("released", message)
    assert phone.tell(kind, message, attempt=attempt, code=code) == "unknown_attempt"
    assert (message.status, message.attempt) == ("queued", 2)


def test_attempts_beyond_the_table_of_pauses_wait_as_long_as_the_last(phone, settings):
    settings.MESSAGE_MAX_ATTEMPTS = 9
    message = phone.take()
    change(message, attempt=5)
    phone.tell("failed", message, attempt=5, code="no_service")
    pause = message.next_attempt_at - timezone.now()
    assert (message.attempt, round(pause / timedelta(minutes=1))) == (6, 30)


def test_phone_to_which_a_message_moved_cannot_report_the_attempt_of_the_first(phone):
    message = phone.take()
    phone.tell("failed", message, code="no_service")
    change(phone.device, last_seen_at=timezone.now() - timedelta(hours=1))
    second = Phone(tenant=phone.device.tenant)
    assert reroute_waiting() == 1
    assert second.tell("sent", message, attempt=1) == "unknown_attempt"
    assert (message.status, message.device) == ("queued", second.device)


def test_late_proof_of_the_phone_that_had_the_message_before_counts_for_that_phone(phone):
    message = phone.take()
    phone.tell("failed", message, code="no_service")
    second = Phone(tenant=phone.device.tenant)
    change(message, device=second.device)
    assert phone.tell("sent", message, attempt=1) == "stored"
    phone.device.refresh_from_db()
    second.device.refresh_from_db()
    assert message.status == "sent"
    assert (phone.device.sent_count, second.device.sent_count) == (1, 0)


@pytest.mark.parametrize(
    "change",
    [
        lambda name: name.partition(".")[0],
        lambda name: name + "0000",
        lambda name: name.replace(".1", ".0"),
        lambda name: name.replace(".1", ".-1"),
        lambda name: name.replace(".1", ".１"),
        lambda name: name + "\n",
        lambda name: name + "\x00",
        lambda name: name.replace("msg_", "dev_"),
        lambda name: name.replace("msg_", "msg_zz"),
        lambda name: "msg_" + "z" * 22 + ".1",
        lambda name: "",
        lambda name: "🙂" * 64,
    ],
)
def test_malformed_attempt_id_is_unknown(phone, change):
    message = phone.take()
    report = Report(ReportKind.SENT, change(message.attempt_id))
    assert record_reports(device=phone.device, reports=[report]) == ["unknown_attempt"]
    message.refresh_from_db()
    assert message.status == "leased"


@pytest.mark.parametrize("code", ["no_service", "radio_off", "limit_exceeded", "no_sim"])
def test_passing_cause_is_tried_again_with_new_ids_and_pauses_three_times_at_most(phone, code):
    message = phone.take()
    pauses = []
    for attempt in (1, 2):
        assert message.attempt_id == f"{message.external_id}.{attempt}"
        phone.tell("failed", message, code=code)
        assert (message.status, message.leased_at, message.sim) == ("queued", None, None)
        pauses.append(round((message.next_attempt_at - timezone.now()).total_seconds()))
        assert phone.pull().offers == []
        change(message, next_attempt_at=timezone.now())
        (offer,) = phone.pull().offers
        message.refresh_from_db()
        assert offer.attempt_id == message.attempt_id
    assert pauses == [30, 300]
    phone.tell("failed", message, code=code)
    assert (message.status, message.error_code, message.attempt) == ("failed", code, 3)


@pytest.mark.parametrize("code", ["invalid_number", "rejected", "generic_failure", "new"])
def test_lasting_or_unproven_cause_is_not_tried_again(phone, code, published):
    message = phone.take()
    phone.tell("failed", message, code=code)
    assert (message.status, message.error_code, message.attempt) == ("failed", code, 1)
    assert published() == [("message.failed", message.pk)]


def test_released_message_waits_a_moment_and_is_offered_under_a_new_id(phone, published):
    """At once would be a loop, as long as the reason lasts: `queue_full`."""
    message = phone.take()
    phone.tell("released", message, reason="queue_full")
    assert (message.status, message.attempt_id) == ("queued", f"{message.external_id}.2")
    assert phone.pull().offers == []
    change(message, next_attempt_at=timezone.now())
    assert [offer.attempt_id for offer in phone.pull().offers] == [message.attempt_id]
    assert published() == []


def test_release_after_a_cancel_cancels(phone, published):
    message = phone.take()
    phone.tell("accepted", message)
    assert cancel_message(message=message) is False
    assert phone.pull().cancels == [message.attempt_id]
    phone.tell("released", message, reason="canceled")
    assert message.status == "canceled"
    assert phone.pull().cancels == []
    assert published() == [("message.canceled", message.pk)]
    with pytest.raises(Conflict):
        cancel_message(message=message)


@pytest.mark.parametrize(
    ("code", "end"), [("no_service", "canceled"), ("rejected", "failed"), ("unknown", "unknown")]
)
def test_failure_after_a_cancel_is_not_tried_again(phone, code, end):
    message = phone.take()
    cancel_message(message=message)
    phone.tell("failed", message, code=code)
    assert (message.status, message.attempt) == (end, 1)


@pytest.mark.parametrize("kind", ["sent", "delivered"])
def test_message_that_is_sent_in_spite_of_a_cancel_is_sent(phone, kind):
    message = phone.take()
    cancel_message(message=message)
    phone.tell(kind, message)
    assert message.status == kind
    assert phone.pull().cancels == []


def test_release_of_a_cancelled_message_that_was_given_up_cancels_it_after_all(phone):
    message = phone.take()
    phone.tell("accepted", message)
    cancel_message(message=message)
    change(message, accepted_at=timezone.now() - timedelta(minutes=16))
    assert mark_silent_unknown() == 1
    phone.tell("released", message, reason="canceled")
    assert (message.status, message.error_code, message.failed_at) == ("canceled", "", None)


def test_events_are_unique_for_each_message_and_only_added_to(phone):
    message, other = phone.take(), MessageFactory(device=DeviceFactory())
    phone.tell("accepted", message)
    first = list(message.events.values())
    phone.tell("released", message)
    phone.tell("accepted", message, attempt=1)
    assert list(message.events.values())[: len(first)] == first
    assert [event.key for event in message.events.all()] == [
        "1.leased.1",
        "1.accepted",
        "1.released",
    ]
    assert MessageEvent.objects.filter(message=other).count() == 0


@pytest.mark.parametrize(("segments", "status"), [(1, "queued"), (2, "failed")])
def test_failure_of_any_part_is_tried_again_only_where_there_is_one_part(phone, segments, status):
    message = phone.take(segments=segments)
    phone.tell("failed", message, code="no_service", is_of_any_part=True)
    assert (message.status, message.attempt) == (status, 2 if status == "queued" else 1)


def test_failure_of_the_whole_is_tried_again_however_many_parts_there_are(phone):
    message = phone.take(segments=2)
    phone.tell("failed", message, code="no_service")
    assert (message.status, message.attempt) == ("queued", 2)
