"""The table of transitions, every pair of states; and that the guarded UPDATE obeys it."""

from itertools import product

import pytest

from devices.tests.factories import DeviceFactory
from messaging.models import Message
from messaging.states import ENDS, RANK, TRANSITIONS, Status, advance
from messaging.tests.factories import MessageFactory

# From each state, where it may go. What is not here may not happen.
AFTER_UNKNOWN = {"sent", "delivered", "failed", "expired", "canceled"}
MAY_BECOME = {
    "scheduled": {"queued", "failed", "expired", "canceled"},
    "queued": AFTER_UNKNOWN | {"queued", "leased", "accepted", "unknown"},
    "leased": AFTER_UNKNOWN | {"queued", "accepted", "unknown"},
    "accepted": AFTER_UNKNOWN | {"queued", "unknown"},
    "sent": {"delivered", "failed"},
    "delivered": set(),
    "failed": {"sent", "delivered", "failed"},
    "expired": {"sent", "delivered", "failed"},
    "canceled": {"sent", "delivered", "failed"},
    "unknown": AFTER_UNKNOWN,
    "received": set(),
}
EVIDENCE_THAT_IT_LEFT = {"sent", "delivered", "undelivered"}


def _ways(source: str, target: str) -> set[str]:
    """The transitions that lead from one state to the other."""
    return {
        kind
        for kind, transition in TRANSITIONS.items()
        if source in transition.sources and transition.to == target
    }


@pytest.mark.parametrize(("source", "target"), list(product(Status.values, Status.values)))
def test_pair_of_states_is_decided(source, target):
    assert bool(_ways(source, target)) == (target in MAY_BECOME[source])


def test_rank_falls_only_for_what_comes_back_unsent_or_was_not_delivered():
    falling = {
        kind
        for kind, transition in TRANSITIONS.items()
        for source in transition.sources
        if source in RANK and transition.to in RANK and RANK[transition.to] < RANK[source]
    }
    assert falling == {"lease_ran_out", "returned", "retried"}


def test_sent_ends_only_by_a_delivery_report():
    assert [kind for kind, transition in TRANSITIONS.items() if "sent" in transition.sources] == [
        "delivered",
        "undelivered",
    ]


def test_delivered_and_received_are_final():
    assert [kind for kind, to in TRANSITIONS.items() if "delivered" in to.sources] == []
    assert [kind for kind, to in TRANSITIONS.items() if "received" in to.sources] == []


@pytest.mark.parametrize("end", sorted(ENDS - {Status.UNKNOWN}))
def test_end_is_repaired_only_by_evidence_that_it_left(end):
    ways = {kind for kind, transition in TRANSITIONS.items() if end in transition.sources}
    assert ways == EVIDENCE_THAT_IT_LEFT


def test_unknown_is_also_settled_by_the_phones_word_but_never_queued_again():
    ways = {kind for kind, to in TRANSITIONS.items() if Status.UNKNOWN in to.sources}
    assert ways == EVIDENCE_THAT_IT_LEFT | {"failed", "expired_on_phone", "canceled_on_phone"}


@pytest.mark.django_db
@pytest.mark.parametrize("kind", TRANSITIONS)
def test_advance_moves_exactly_the_rows_in_a_source(kind):
    device = DeviceFactory()
    before = {
        MessageFactory(device=device, status=status, attempt=7).pk: status
        for status in Status.values
    }
    transition = TRANSITIONS[kind]
    moved = advance(Message.objects.filter(pk__in=before), kind, attempt=8)
    after = {
        pk: (transition.to.value, 8) if status in transition.sources else (status, 7)
        for pk, status in before.items()
    }
    assert moved == len(transition.sources)
    assert {m.pk: (m.status, m.attempt) for m in Message.objects.all()} == after
