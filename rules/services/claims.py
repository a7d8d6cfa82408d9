"""Taking an action in hand, and letting go of it with an outcome.

Each is a commit of its own, or part of its caller's: whoever dies in between leaves a row that a
sweep finds again, and that knows how often it was begun.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from rules.models import RuleAction

Kind, Status = RuleAction.Kind, RuleAction.Status

# What reaches people: not while the tenant is suspended, and not long after the text.
SENDING = frozenset({Kind.REPLY, Kind.FORWARD, Kind.EMAIL})
TOO_LATE = timedelta(hours=24)
SUSPENDED_PAUSE = timedelta(minutes=1)
# After a start that nobody has ended. Another one too early does no harm: the row is locked.
QUICK_PATIENCE = timedelta(seconds=10)
EMAIL_PATIENCE = timedelta(minutes=2)
PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
MOST_STARTS = 1 + len(PAUSES)

_TOO_LATE = "The text came more than a day ago; a late answer is worse than none."
_GAVE_UP = f"The gateway stopped while it did this, {MOST_STARTS} times. It does not try again."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a start; `pending` = to be tried again, unless this was the last start."""

    status: str
    result: str = ""
    error_code: str = ""
    error: str = ""


@transaction.atomic
def claim(action_id: int) -> RuleAction | None:
    """Count one more start of an action that is due, with its run and tenant loaded.

    None when there is nothing to do: it is done, not due, in someone else's hand, or it ends here
    because it is too late or was started too often.
    """
    now = timezone.now()
    action = (
        RuleAction.objects.select_related("run__tenant")
        .select_for_update(of=("self",), skip_locked=True, no_key=True)
        .filter(pk=action_id, status=Status.PENDING, next_attempt_at__lte=now)
        .first()
    )
    if action is None:
        return None
    if action.kind in SENDING and now - action.run.created_at > TOO_LATE:
        settle(action, Outcome(Status.SKIPPED, error_code="too_late", error=_TOO_LATE))
        return None
    if action.attempts >= MOST_STARTS:
        settle(action, Outcome(Status.FAILED, error_code="gave_up", error=_GAVE_UP))
        return None
    if action.kind in SENDING and not action.run.tenant.is_active:
        action.next_attempt_at = now + SUSPENDED_PAUSE
        action.save(update_fields=["next_attempt_at"])
        return None
    _start(action, now)
    return action


def _start(action: RuleAction, now: datetime) -> None:
    action.attempts += 1
    action.started_at = now
    if action.kind == Kind.EMAIL:
        action.status = Status.STARTED
        action.next_attempt_at = now + EMAIL_PATIENCE
    else:
        action.next_attempt_at = now + QUICK_PATIENCE
    action.save(update_fields=["attempts", "started_at", "status", "next_attempt_at"])


def settle(action: RuleAction, outcome: Outcome) -> bool:
    """Write down what came of `action`; False, and nothing, when it is no longer in this hand.

    What was given up as unknown can still turn out to be done.
    """
    now = timezone.now()
    if outcome.status == Status.PENDING and action.attempts < MOST_STARTS:
        columns: dict[str, Any] = {
            "status": Status.PENDING,
            "next_attempt_at": now + PAUSES[action.attempts - 1],
        }
    else:
        is_failed = outcome.status == Status.PENDING
        columns = {
            "status": Status.FAILED if is_failed else outcome.status,
            "next_attempt_at": None,
            "finished_at": now,
            "result": outcome.result,
        }
        if not action.run.tenant.keep_inbound:
            columns["payload"] = {}  # it may quote the text
    columns |= {"error_code": outcome.error_code[:40], "error": outcome.error[:200]}
    held = {action.status, Status.UNKNOWN} if outcome.status == Status.DONE else {action.status}
    return bool(RuleAction.objects.filter(pk=action.pk, status__in=held).update(**columns))
