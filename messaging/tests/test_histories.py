"""Whatever happens in whatever order: the services end where the reference model ends."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from accounts.errors import Conflict
from devices.services.failures import record_able
from devices.tests.factories import DeviceFactory
from messaging.models import Message, MessageEvent
from messaging.services.leases import lease_messages
from messaging.services.outbound import cancel_message
from messaging.services.reports import Report, ReportKind, record_reports
from messaging.services.sweeps import expire_overdue, mark_silent_unknown, return_expired_leases
from messaging.tests.factories import in_bulk
from messaging.tests.reference import End, ReferenceMessage

pytestmark = pytest.mark.django_db

SEQUENCES, SIDE_BY_SIDE, LENGTH = 5_000, 100, 6
PASSING = ["no_service", "radio_off", "limit_exceeded", "no_sim"]
LASTING = ["invalid_number", "rejected", "generic_failure", "expired", "unknown"]

KINDS = [("accepted", "")] * 3 + [("released", ""), ("failed", "undelivered")] * 2
KINDS += [("failed", code) for code in PASSING + LASTING]
# (kind, code, how many attempts ago, part): mostly of the current attempt, and of the whole.
REPORTS = [(*kind, ago, 0) for kind in KINDS for ago in (0, 0, 0, 0, 0, 0, 1, -1)]
REPORTS += [
    (kind, "", ago, part)
    for kind in ("sent", "delivered")
    for ago in (0, 0, 0, 0, 0, 0, 1, -1)
    for part in (0, 1, 2, 3)
]
OTHERS = ["offer"] * 7 + ["lease_runs_out", "validity_runs_out", "stays_silent"] * 2
OTHERS += ["cancel", "repeat", "foreign"]
happenings = st.sampled_from(REPORTS + OTHERS * (len(REPORTS) // len(OTHERS)))
sequences = st.lists(happenings, min_size=LENGTH, max_size=LENGTH)


class Stage:
    """Messages side by side: in each turn each meets one happening, alike ones in one call."""

    def __init__(self, count: int) -> None:
        self.device = DeviceFactory()
        self.neighbour = DeviceFactory(tenant=self.device.tenant)
        self.parts = [1 + number % 3 for number in range(count)]
        self.messages = in_bulk(count, device=self.device)
        self.models = [ReferenceMessage(parts) for parts in self.parts]
        self.last_reports = [Report(ReportKind.ACCEPTED, m.attempt_id) for m in self.messages]
        self.everything = Message.objects.filter(device=self.device)

    def turn(self, happenings: list) -> None:
        """One happening for each message."""
        meeting = {
            name: [n for n, each in enumerate(happenings) if each == name] for name in OTHERS
        }
        told = [n for n, each in enumerate(happenings) if isinstance(each, tuple)]
        for number in told:
            self.last_reports[number] = self._report(number, *happenings[number])
        self._hear(told + meeting.pop("repeat"))
        for name, chosen in meeting.items():
            if chosen:
                getattr(self, f"_{name}")(chosen)

    def _report(self, number: int, kind: str, code: str, ago: int, part: int) -> Report:
        model, message = self.models[number], self.messages[number]
        part = min(part, model.parts)
        attempt_id = f"{message.external_id}.{max(1, model.attempt - ago)}"
        parts = model.parts if part else 0
        return Report(ReportKind(kind), attempt_id, part=part, parts=parts, code=code)

    def _hear(self, numbers: list[int]) -> None:
        reports = [self.last_reports[number] for number in numbers]
        verdicts = record_reports(device=self.device, reports=reports)
        for number, report, verdict in zip(numbers, reports, verdicts, strict=True):
            attempt = int(report.attempt_id.rpartition(".")[2])
            expected = self.models[number].report(report.kind, report.code, attempt, report.part)
            assert verdict == expected

    def _foreign(self, chosen: list[int]) -> None:
        reports = [
            Report(kind, f"{self.messages[number].external_id}.{self.models[number].attempt}")
            for number in chosen
            for kind in ReportKind
        ]
        verdicts = record_reports(device=self.neighbour, reports=reports)
        assert verdicts == ["unknown_attempt"] * len(reports)

    def _cancel(self, chosen: list[int]) -> None:
        for number in chosen:
            try:
                is_canceled = cancel_message(message=self.messages[number])
                answer = "canceled" if is_canceled else "asked"
            except Conflict:
                answer = "conflict"
            assert answer == self.models[number].cancel()

    def _rows(self, chosen: list[int]):
        return self.everything.filter(pk__in=[self.messages[number].pk for number in chosen])

    def _lease_runs_out(self, chosen: list[int]) -> None:
        self._rows(chosen).update(lease_until=timezone.now() - timedelta(seconds=1))
        return_expired_leases()
        for number in chosen:
            self.models[number].lease_runs_out()

    def _validity_runs_out(self, chosen: list[int]) -> None:
        self._rows(chosen).update(expires_at=timezone.now() - timedelta(seconds=1))
        expire_overdue()
        self.everything.update(expires_at=timezone.now() + timedelta(days=1))
        for number in chosen:
            self.models[number].validity_runs_out()

    def _stays_silent(self, chosen: list[int]) -> None:
        self._rows(chosen).update(accepted_at=timezone.now() - timedelta(minutes=16))
        mark_silent_unknown()
        for number in chosen:
            self.models[number].stays_silent()

    def _offer(self, chosen: list[int]) -> None:
        """Only the chosen ones are due, and the phone is taken for well, whatever it reported."""
        record_able(device=self.device)
        self.device.sims.update(limit_hits=0, next_send_at=None)
        self.everything.update(next_attempt_at=timezone.now() + timedelta(days=1))
        self._rows(chosen).update(next_attempt_at=None)
        lease_messages(device_id=self.device.pk)
        for number in chosen:
            self.models[number].offer()

    def ends(self) -> list[End]:
        """As the database has them."""
        rows = self.everything.order_by("pk")
        return [(m.status, m.attempt, m.error_code, m.sent_at is not None) for m in rows]

    def ends_by_events(self) -> list[End]:
        """As they follow from the stored events alone: a state is only a cache of them."""
        models = [ReferenceMessage(parts) for parts in self.parts]
        by_message = dict(zip([m.pk for m in self.messages], models, strict=True))
        for event in MessageEvent.objects.filter(message__in=by_message).order_by("pk"):
            by_message[event.message_id].replay(event.kind, event.key, event.detail)
        return [model.end for model in models]

    def departures(self) -> tuple[int, int]:
        """(as the device counted them, in the model)."""
        self.device.refresh_from_db()
        return self.device.sent_count, sum(model.has_left for model in self.models)


@pytest.fixture
def wide_window(settings):
    """No SIM's window holds a message back."""
    settings.DEVICE_WINDOW_PER_SIM = 2 * SIDE_BY_SIDE


def test_random_orders_of_5000_sequences_end_as_in_the_reference_model(wide_window):
    played, ended = 0, Counter()

    @seed(20_260_801)
    @settings(
        max_examples=SEQUENCES // SIDE_BY_SIDE,
        phases=[Phase.generate],  # what is shown below is short; shrinking a hundred takes minutes
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),  # an example is a hundred sequences
    )
    @given(st.lists(sequences, min_size=SIDE_BY_SIDE, max_size=SIDE_BY_SIDE))
    def play(batch):
        nonlocal played
        with transaction.atomic():
            stage = Stage(SIDE_BY_SIDE)
            stage.turn(["offer"] * SIDE_BY_SIDE)
            for happenings in zip(*batch, strict=True):
                stage.turn(list(happenings))
            stored, by_events = stage.ends(), stage.ends_by_events()
            counted, times_left = stage.departures()
            transaction.set_rollback(True)
        model = [reference.end for reference in stage.models]
        histories = zip(batch, model, stored, by_events, strict=True)
        assert [
            history for history in histories if not history[1] == history[2] == history[3]
        ] == []
        assert counted == times_left
        played += SIDE_BY_SIDE
        ended.update(row[0] for row in stored)

    play()
    assert played >= SEQUENCES
    assert set(ended) == {
        *("queued", "leased", "accepted", "sent", "delivered"),
        *("failed", "expired", "canceled", "unknown"),
    }
