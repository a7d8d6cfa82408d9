"""What reports tell of their phone: it is refused by its own limit, or is not set up to send."""

from datetime import timedelta

import pytest
from django.utils import timezone

from devices.models import Device, Sim
from devices.queries import forget_phones
from devices.services.alerts import sweep_alerts
from devices.services.presence import Introduction, record_introduction
from devices.tests.factories import SimFactory
from messaging.models import Message
from messaging.queries import candidates_for
from messaging.services.reports import Report, ReportKind, record_reports
from messaging.services.sweeps import reroute_waiting
from messaging.tests.factories import change
from messaging.tests.phone import Phone

pytestmark = pytest.mark.django_db


@pytest.fixture
def phone():
    return Phone()


@pytest.fixture
def now(time_machine):
    """A function that moves the clock to so many minutes after the start."""
    start = timezone.now()
    time_machine.move_to(start, tick=False)

    def move(minutes: float):
        time_machine.move_to(start + timedelta(minutes=minutes), tick=False)
        return timezone.now()

    return move


def fail(phone, code, count=1) -> None:
    """So many texts that the phone has are refused, one report each."""
    for message in [phone.queue(accepted=True) for _ in range(count)]:
        phone.tell("failed", message, code=code)


def open_kinds(phone) -> list[str]:
    return list(phone.device.alerts.open().values_list("kind", flat=True))


def has_budget(phone) -> bool:
    """As routing sees it; with a second phone, as one alone is not looked at closely."""
    Phone(tenant=phone.device.tenant)
    candidates = {c.device_id: c.has_budget for c in candidates_for(phone.device.tenant)}
    return candidates[phone.device.pk]


def rest(phone) -> timedelta:
    sim = phone.device.sims.get()
    return sim.next_send_at - timezone.now() if sim.next_send_at else timedelta(0)


class TestLimit:
    def test_third_refusal_within_ten_minutes_holds_the_sim_back(self, phone, now):
        fail(phone, "limit_exceeded", 2)
        assert (open_kinds(phone), rest(phone)) == ([], timedelta(0))
        now(9)
        fail(phone, "limit_exceeded")
        assert (open_kinds(phone), rest(phone)) == (["pacing_degraded"], timedelta(minutes=2))
        assert phone.device.alerts.get().detail == (
            "It refused texts of SIM 1 because its own limit for texts was reached."
        )

    def test_refusals_that_are_far_apart_are_nothing(self, phone, now):
        for minutes in range(0, 55, 11):
            now(minutes)
            fail(phone, "limit_exceeded")
        assert open_kinds(phone) == []

    def test_held_sim_gets_nothing_and_goes_on_when_the_rest_is_over(self, phone, now):
        fail(phone, "limit_exceeded", 3)
        phone.queue()
        lease = phone.pull()
        assert (lease.offers, lease.again_in_seconds) == ([], 120.0)
        now(2.1)
        assert len(phone.pull().offers) == 4  # and the three that were refused

    def test_other_sim_of_the_phone_goes_on(self, phone):
        fail(phone, "limit_exceeded", 3)
        SimFactory(device=phone.device, slot=2)
        phone.queue()
        assert [offer.sim_slot for offer in phone.pull().offers] == [2]

    def test_whatever_the_phone_had_already_does_not_lengthen_the_rest(self, phone, now):
        fail(phone, "limit_exceeded", 20)
        now(1)
        fail(phone, "limit_exceeded", 20)
        assert rest(phone) == timedelta(minutes=1)

    def test_batch_of_refusals_is_one_rest(self, phone, now):
        messages = [phone.queue(accepted=True) for _ in range(20)]
        reports = [
            Report(ReportKind.FAILED, message.attempt_id, code="limit_exceeded")
            for message in messages
        ]
        record_reports(device=phone.device, reports=reports)
        assert rest(phone) == timedelta(minutes=2)

    def test_refusal_after_a_rest_doubles_it(self, phone, now):
        rests, minute = [], 0.0
        for _ in range(4):
            now(minute)
            fail(phone, "limit_exceeded", 3)
            rests.append(rest(phone))
            minute += rests[-1] / timedelta(minutes=1) + 0.5
        assert rests == [timedelta(minutes=minutes) for minutes in (2, 4, 8, 16)]
        assert phone.device.alerts.count() == 1

    def test_it_is_over_and_forgotten_after_an_hour_without(self, phone, now):
        fail(phone, "limit_exceeded", 3)
        now(59)
        sweep_alerts()
        assert open_kinds(phone) == ["pacing_degraded"]
        now(61)
        sweep_alerts()
        assert open_kinds(phone) == []
        fail(phone, "limit_exceeded", 1)
        assert (open_kinds(phone), phone.device.sims.get().limit_hits) == ([], 1)

    def test_repeated_report_counts_once(self, phone):
        message = phone.queue(accepted=True)
        for _ in range(3):
            phone.tell("failed", message, attempt=1, code="limit_exceeded")
        assert Sim.objects.get().limit_hits == 1

    def test_held_phone_is_the_second_choice(self, phone, now):
        assert has_budget(phone) is True
        fail(phone, "limit_exceeded", 3)
        assert has_budget(phone) is False
        now(2.1)
        assert has_budget(phone) is True

    def test_messages_are_tried_again_as_before(self, phone):
        message = phone.queue(accepted=True)
        phone.tell("failed", message, code="limit_exceeded")
        assert (message.status, message.attempt) == ("queued", 2)


class TestCannotSend:
    @pytest.mark.parametrize(
        ("code", "detail"),
        [
            ("no_sim", "It says that it finds no SIM."),
            ("no_permission", "It says that its program may not send SMS."),
            ("no_default_app", "It says that its program is not the phone's SMS app."),
        ],
    )
    def test_third_in_a_row_raises_it(self, phone, code, detail):
        fail(phone, code, 2)
        assert open_kinds(phone) == []
        fail(phone, code)
        assert open_kinds(phone) == ["cannot_send"]
        assert phone.device.alerts.get().detail == detail

    def test_text_that_left_in_between_starts_the_row_anew(self, phone):
        fail(phone, "no_sim", 2)
        phone.tell("sent", phone.queue(accepted=True))
        fail(phone, "no_sim", 2)
        assert open_kinds(phone) == []

    def test_order_within_a_batch_counts(self, phone):
        messages = [phone.queue(accepted=True) for _ in range(6)]
        kinds = ["failed", "failed", "failed", "sent", "failed", "failed"]
        reports = [
            Report(ReportKind(kind), message.attempt_id, code="no_sim" if kind == "failed" else "")
            for kind, message in zip(kinds, messages, strict=True)
        ]
        record_reports(device=phone.device, reports=reports)
        phone.device.refresh_from_db()
        assert (phone.device.unable_count, open_kinds(phone)) == (2, [])

    def test_text_that_leaves_ends_it(self, phone):
        fail(phone, "no_sim", 3)
        phone.tell("sent", phone.queue(accepted=True))
        sweep_alerts()
        assert open_kinds(phone) == []

    def test_other_failures_say_nothing_of_the_phone(self, phone):
        for code in ("no_service", "radio_off", "invalid_number", "rejected", "generic_failure"):
            fail(phone, code, 3)
        assert phone.device.alerts.count() == 0

    def test_what_waits_for_it_moves_to_a_phone_that_can_and_stays_without_one(self, phone):
        other = Phone(tenant=phone.device.tenant)
        change(other.device, last_seen_at=None)
        message, pinned = phone.queue(), phone.queue(is_pinned=True)
        fail(phone, "no_sim", 3)
        assert reroute_waiting() == 0
        change(other.device, last_seen_at=timezone.now())
        forget_phones()
        assert reroute_waiting() == 4  # with those that failed, as they never left
        message.refresh_from_db()
        pinned.refresh_from_db()
        assert (message.device, pinned.device) == (other.device, phone.device)
        assert reroute_waiting() == 0

    def test_alone_it_is_tried_with_one_text_after_each_rest(self, phone, now):
        fail(phone, "no_sim", 3)
        for _ in range(5):
            phone.queue()
        offered, rests, minute = [], [], 0.0
        for _ in range(4):
            assert phone.pull().offers == []
            rests.append(rest(phone))
            minute += rests[-1] / timedelta(minutes=1) + 0.1
            now(minute)
            (offer,) = phone.pull().offers
            offered.append(offer.attempt_id)
            report = Report(ReportKind.FAILED, offer.attempt_id, code="no_sim")
            record_reports(device=phone.device, reports=[report])
        assert rests == [timedelta(minutes=minutes) for minutes in (2, 4, 8, 16)]
        assert len(set(offered)) == 4

    def test_phone_that_starts_anew_is_tried_at_once(self, phone):
        fail(phone, "no_sim", 3)
        assert phone.pull().offers == []
        record_introduction(device=phone.device, introduction=Introduction("", "", ()))
        Message.objects.update(next_attempt_at=None)
        assert len(phone.pull().offers) == 3

    def test_whatever_it_had_already_does_not_lengthen_the_rest(self, phone, now):
        fail(phone, "no_sim", 20)
        assert (Device.objects.get().unable_count, rest(phone)) == (3, timedelta(minutes=2))


def test_reports_of_a_phone_that_is_well_cost_no_query_more(phone, django_assert_num_queries):
    message = phone.take()
    phone.tell("accepted", message)
    report = Report(ReportKind.SENT, message.attempt_id)
    with django_assert_num_queries(7):
        record_reports(device=phone.device, reports=[report])
