"""What one report does: states, parts, verdicts, events, and what the world hears."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from devices.models import Device
from messaging.models import Message, MessageEvent
from messaging.services.reports import Report, ReportKind, record_reports
from messaging.tests.factories import change
from messaging.tests.phone import Phone

pytestmark = pytest.mark.django_db


@pytest.fixture
def phone():
    return Phone()


def _events(message: Message) -> list[tuple[str, str]]:
    """(kind, key) of all but the offers."""
    events = message.events.exclude(kind="leased")
    return [(event.kind, event.key) for event in events]


def test_reports_in_order_lead_to_delivered(phone, published):
    message = phone.take()
    states = []
    for kind in ("accepted", "sent", "delivered"):
        assert phone.tell(kind, message) == "stored"
        states.append(message.status)
    assert states == ["accepted", "sent", "delivered"]
    assert published() == [("message.sent", message.pk), ("message.delivered", message.pk)]
    assert _events(message) == [
        ("accepted", "1.accepted"),
        ("sent", "1.sent"),
        ("delivered", "1.delivered"),
    ]


def test_times_of_sending_and_of_delivery_are_kept_apart(phone):
    message = phone.take()
    phone.tell("sent", message)
    sent_at = message.sent_at
    phone.tell("delivered", message)
    assert message.sent_at == sent_at < message.delivered_at


def test_repeated_report_is_stored_once_and_told_once(phone, published):
    message = phone.take()
    verdicts = [phone.tell("sent", message) for _ in range(3)]
    phone.device.refresh_from_db()
    assert verdicts == ["stored"] * 3
    assert _events(message) == [("sent", "1.sent")]
    assert published() == [("message.sent", message.pk)]
    assert phone.device.sent_count == 1


def test_reports_in_reverse_order_keep_the_highest_state(phone, published):
    message = phone.take()
    for kind in ("delivered", "sent", "accepted"):
        phone.tell(kind, message)
        assert message.status == "delivered"
    phone.device.refresh_from_db()
    assert message.sent_at == message.delivered_at
    assert phone.device.sent_count == 1
    assert published() == [("message.delivered", message.pk)]


@pytest.mark.parametrize("kind", ["sent", "delivered"])
def test_parts_count_when_the_last_of_them_came(phone, kind):
    message = phone.take()
    states = []
    for part in (3, 1, 1, 2):
        phone.tell(kind, message, part=part, parts=3)
        states.append(message.status)
    assert states == ["leased", "leased", "leased", kind]


def test_parts_of_two_attempts_do_not_add_up(phone):
    message = phone.take()
    phone.tell("sent", message, part=1, parts=2)
    phone.tell("released", message)
    change(message, next_attempt_at=None)
    phone.pull()
    phone.tell("sent", message, part=2, parts=2)
    assert (message.status, message.attempt) == ("leased", 2)


def test_only_part_of_one_is_the_whole(phone):
    message = phone.take()
    phone.tell("sent", message, part=1, parts=1)
    assert message.status == "sent"


def test_negative_delivery_report_fails_a_sent_message(phone, published):
    message = phone.take()
    phone.tell("sent", message)
    phone.tell("failed", message, code="undelivered", reason="absent subscriber")
    assert (message.status, message.error_code, message.error) == (
        "failed",
        "undelivered",
        "absent subscriber",
    )
    assert message.failed_at is not None
    assert published() == [("message.sent", message.pk), ("message.failed", message.pk)]


def test_negative_delivery_report_that_overtakes_sent_is_not_undone_by_it(phone):
    message = phone.take()
    phone.tell("failed", message, code="undelivered")
    phone.tell("sent", message)
    phone.device.refresh_from_db()
    assert (message.status, message.error_code) == ("failed", "undelivered")
    assert message.sent_at is not None
    assert phone.device.sent_count == 1


def test_delivered_is_final(phone):
    message = phone.take()
    phone.tell("delivered", message)
    for code in ("undelivered", "generic_failure", "no_service", "unknown", "expired"):
        phone.tell("failed", message, code=code)
        phone.tell("released", message)
        assert (message.status, message.error_code, message.attempt) == ("delivered", "", 1)


@pytest.mark.parametrize("code", ["generic_failure", "no_service", "expired", "unknown"])
def test_sent_is_not_undone_by_a_failure(phone, code):
    message = phone.take()
    phone.tell("sent", message)
    phone.tell("failed", message, code=code)
    assert (message.status, message.error_code, message.attempt) == ("sent", "", 1)


@pytest.mark.parametrize(
    ("code", "end"),
    [
        ("generic_failure", "failed"),
        ("a code from the future", "failed"),
        ("unknown", "unknown"),
        ("expired", "expired"),
    ],
)
@pytest.mark.parametrize("proof", ["sent", "delivered"])
def test_failure_ends_and_late_proof_repairs_it(phone, code, end, proof):
    message = phone.take()
    phone.tell("failed", message, code=code)
    assert (message.status, message.error_code) == (end, code)
    phone.tell(proof, message)
    assert (message.status, message.error_code, message.error, message.failed_at) == (
        proof,
        "",
        "",
        None,
    )


def test_report_after_unknown_that_proves_unsent_is_told_and_not_tried_again(phone):
    """The tenant was told that it is lost, and may have sent it by other means."""
    message = phone.take()
    phone.tell("accepted", message)
    phone.tell("failed", message, code="unknown")
    phone.tell("failed", message, code="no_service")
    assert (message.status, message.error_code, message.attempt) == ("failed", "no_service", 1)


def test_report_of_an_attempt_from_before_a_retry_counts_only_as_proof_that_it_left(phone):
    message = phone.take()
    phone.tell("failed", message, code="no_service")
    for kind, code in [("accepted", ""), ("released", ""), ("failed", "generic_failure")]:
        assert phone.tell(kind, message, attempt=1, code=code) == "stored"
        assert (message.status, message.attempt) == ("queued", 2)
    phone.tell("sent", message, attempt=1)
    assert message.status == "sent"


def test_occurred_at_is_kept_and_orders_nothing(phone):
    message = phone.take()
    future, past = datetime(2050, 1, 1, tzinfo=UTC), datetime(1999, 1, 1, tzinfo=UTC)
    phone.tell("sent", message, occurred_at=future)
    phone.tell("delivered", message, occurred_at=past)
    kept = message.events.exclude(kind="leased").values_list("occurred_at", flat=True)
    assert (message.status, list(kept)) == ("delivered", [future, past])
    assert abs(message.delivered_at - timezone.now()) < timedelta(minutes=1)


def test_batch_answers_in_order_and_a_bad_report_does_not_stop_the_others(phone):
    messages = [phone.queue() for _ in range(3)]
    phone.pull()
    ids = [messages[0].attempt_id, "nonsense", messages[1].attempt_id, messages[2].attempt_id]
    reports = [Report(ReportKind.ACCEPTED, attempt_id) for attempt_id in ids]
    verdicts = record_reports(device=phone.device, reports=reports)
    assert verdicts == ["stored", "unknown_attempt", "stored", "stored"]
    assert Message.objects.filter(status="accepted").count() == 3


def test_transaction_that_is_rolled_back_takes_state_events_and_counts_with_it(phone, published):
    message = phone.take()
    with transaction.atomic():
        phone.tell("sent", message)
        assert published() == [("message.sent", message.pk)]
        transaction.set_rollback(True)
    message.refresh_from_db()
    assert (message.status, _events(message)) == ("leased", [])
    assert Device.objects.get().sent_count == 0


def test_handler_that_raises_keeps_the_report_from_being_stored(phone, settings):
    message = phone.take()
    settings.MESSAGE_EVENT_HANDLERS = ["messaging.tests.listening.refuse"]
    with pytest.raises(RuntimeError), transaction.atomic():
        phone.tell("sent", message)
    message.refresh_from_db()
    assert (message.status, MessageEvent.objects.exclude(kind="leased").count()) == ("leased", 0)
