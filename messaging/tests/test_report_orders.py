"""The reports of one history end the same in whatever order they come."""

from collections import Counter
from itertools import permutations

import pytest

from messaging.models import Message, MessageEvent
from messaging.services.reports import Report, ReportKind, record_reports
from messaging.tests.factories import in_bulk
from messaging.tests.phone import Phone

pytestmark = pytest.mark.django_db

# End -> what the phone of a message of two parts tells.
HISTORIES = {
    "delivered": ["accepted", "sent 1", "sent 2", "delivered 1", "delivered 2"],
    "failed": ["accepted", "sent 1", "sent 2", "failed undelivered"],
    "sent": ["accepted", "sent 1", "sent 2"],
    "unknown": ["accepted", "failed unknown"],
    "expired": ["accepted", "failed expired"],
    "queued": ["accepted", "failed no_service"],
}


@pytest.mark.parametrize("end", HISTORIES)
def test_history_ends_the_same_in_every_order_of_its_reports(end, settings):
    orders = list(permutations(HISTORIES[end]))
    settings.DEVICE_WINDOW_PER_SIM = len(orders)
    phone = Phone()
    messages = in_bulk(len(orders), device=phone.device)
    phone.pull()
    for facts in zip(*orders, strict=True):
        reports = [_report(m, fact) for m, fact in zip(messages, facts, strict=True)]
        verdicts = record_reports(device=phone.device, reports=reports * 2)
        assert verdicts == ["stored"] * 2 * len(orders)
    assert Counter(Message.objects.values_list("status", flat=True)) == {end: len(orders)}
    assert MessageEvent.objects.filter(kind="leased").count() == len(orders)


def _report(message: Message, fact: str) -> Report:
    kind, _, detail = fact.partition(" ")
    if detail.isdigit():
        part = int(detail)
        return Report(ReportKind(kind), message.attempt_id, part=part, parts=2)
    return Report(ReportKind(kind), message.attempt_id, code=detail)
