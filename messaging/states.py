"""The life of a message: one table of transitions and one guarded UPDATE.

    scheduled ─▶ queued ─▶ leased ─▶ accepted ─▶ sent ─▶ delivered
                   ▲          │          │
                   └──────────┴──────────┘  the lease ran out; the phone gave it back
    ends: failed, expired, canceled, unknown

The rank only rises, but for what comes back unsent. Reports come late, twice and in any order: a
transition whose row is not in one of its sources changes nothing and raises nothing. Late evidence
repairs an end, because an SMS that left is a fact: a message that was thought failed, expired,
canceled or unknown becomes sent. Only a negative delivery report takes sent back to failed, and it
says that the SMS left, so it settles every other end too. What its phone says of an unknown one is
believed, but it is not tried again. Delivered is final.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db import models


class Status(models.TextChoices):
    """Each says who sets it."""

    SCHEDULED = "scheduled"  # queue_batch, when the message has a time to be sent
    QUEUED = "queued"  # queue_batch; the sweeper at the time; a lease that ran out; a retry
    LEASED = "leased"  # lease_messages: offered to a phone, which has not answered yet
    ACCEPTED = "accepted"  # the phone has stored it durably and will not lose it
    SENT = "sent"  # the radio took every part
    DELIVERED = "delivered"  # every part has a positive delivery report
    FAILED = "failed"  # the phone, a negative delivery report, or the recipient's opt-out
    EXPIRED = "expired"  # the sweeper or the phone: its validity ran out before the radio
    CANCELED = "canceled"  # the tenant
    UNKNOWN = "unknown"  # accepted, and then nobody can tell whether it was sent
    RECEIVED = "received"  # inbound


RANK = {
    Status.SCHEDULED: 0,
    Status.QUEUED: 0,
    Status.LEASED: 1,
    Status.ACCEPTED: 2,
    Status.SENT: 3,
    Status.DELIVERED: 4,
}
ENDS = frozenset({Status.FAILED, Status.EXPIRED, Status.CANCELED, Status.UNKNOWN})
WAITING = frozenset({Status.SCHEDULED, Status.QUEUED})
IN_FLIGHT = frozenset({Status.LEASED, Status.ACCEPTED})
UNSENT = frozenset({Status.QUEUED}) | IN_FLIGHT


class Transition(NamedTuple):
    """Where a message goes, and from where alone."""

    to: Status
    sources: frozenset[Status]


TRANSITIONS: dict[str, Transition] = {
    "due": Transition(Status.QUEUED, frozenset({Status.SCHEDULED})),
    "leased": Transition(Status.LEASED, frozenset({Status.QUEUED})),
    "lease_ran_out": Transition(Status.QUEUED, frozenset({Status.LEASED})),
    # `queued`: the lease ran out while the phone's answer was on its way.
    "accepted": Transition(Status.ACCEPTED, frozenset({Status.QUEUED, Status.LEASED})),
    "returned": Transition(Status.QUEUED, UNSENT),
    "retried": Transition(Status.QUEUED, UNSENT),
    "sent": Transition(Status.SENT, UNSENT | ENDS),
    "delivered": Transition(Status.DELIVERED, UNSENT | ENDS | {Status.SENT}),
    "failed": Transition(Status.FAILED, UNSENT | {Status.UNKNOWN}),
    "undelivered": Transition(Status.FAILED, UNSENT | ENDS | {Status.SENT}),
    "opted_out": Transition(Status.FAILED, WAITING),
    "expired": Transition(Status.EXPIRED, WAITING),
    "expired_on_phone": Transition(Status.EXPIRED, UNSENT | {Status.UNKNOWN}),
    "canceled": Transition(Status.CANCELED, WAITING),
    "canceled_on_phone": Transition(Status.CANCELED, UNSENT | {Status.UNKNOWN}),
    "unknown": Transition(Status.UNKNOWN, UNSENT),
}


def advance(messages: models.QuerySet[Any], kind: str, **changes: Any) -> int:
    """Take those of `messages` that may go there through the transition `kind`.

    `changes` are columns written along. Returns how many rows moved; 0 = old news.
    """
    transition = TRANSITIONS[kind]
    return messages.filter(status__in=transition.sources).update(status=transition.to, **changes)
