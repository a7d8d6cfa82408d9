"""What stops two machines that answer each other."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

from devices.models import Device, Sim
from rules.models import RuleAction, RuleRun
from rules.services.claims import TOO_LATE, Kind, Outcome, Status

HOUR = timedelta(hours=1)
# Of what one number writes. More than of replies, because here people read what comes.
FORWARDS_PER_HOUR = 60

_OWN_NUMBER = "The text came from one of your own phones; those are not answered automatically."


def refusal(action: RuleAction) -> Outcome | None:
    """Why no automatic message may go out for this text just now, or None.

    Call it in the transaction that settles the action: until that ends, other actions for texts of
    the same number wait, so that two workers cannot both send the last one allowed.
    """
    run = action.run
    own = Sim.objects.filter(tenant_id=run.tenant_id, number=run.sender, is_present=True)
    if own.exclude(device__status=Device.Status.REVOKED).exists():
        return Outcome(Status.SKIPPED, error_code="own_number", error=_OWN_NUMBER)
    _lock(run)
    is_reply = action.kind == Kind.REPLY
    limit = settings.RULE_REPLIES_PER_HOUR if is_reply else FORWARDS_PER_HOUR
    if _sent_lately(action) < limit:
        return None
    what = "replies to" if is_reply else "forwarded texts of"
    sentence = f"Loop guard: {limit} automatic {what} this number in an hour are enough."
    return Outcome(Status.SKIPPED, error_code="loop_guard", error=sentence)


def _lock(run: RuleRun) -> None:
    """Wait for the other transactions about this number; at most `lock_timeout`."""
    with connection.cursor() as cursor:
        name = f"rules.loop_guard:{run.tenant_id}:{run.sender}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def _sent_lately(action: RuleAction) -> int:
    """How many actions of this kind the number's texts have led to within the last hour."""
    now = timezone.now()
    return RuleAction.objects.filter(
        run__tenant_id=action.run.tenant_id,
        run__sender=action.run.sender,
        run__created_at__gt=now - HOUR - TOO_LATE,  # older ones were too late; for the index
        kind=action.kind,
        status=Status.DONE,
        finished_at__gt=now - HOUR,
    ).count()
