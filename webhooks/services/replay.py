"""Sending again what was sent, failed or held: the same bytes with the same webhook-id."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from accounts.errors import Conflict, InvalidInput
from accounts.models import Tenant
from webhooks.models import Delivery, Endpoint, Event
from webhooks.nudges import nudge_after_commit
from webhooks.payloads import TEST
from webhooks.schedule import CLOCKS_DIFFER

LONGEST = timedelta(days=14)
MOST = 10_000
AT_ONCE = 1000
_AGAIN = """
   SET status = 'pending', attempts = 0, crashes = 0, next_attempt_at = %(due)s,
       claimed_until = NULL, finished_at = NULL, last_status = NULL, last_error = ''
"""
_ONE = f"""
UPDATE webhooks_delivery {_AGAIN} WHERE id = %(delivery)s AND status <> 'pending'
"""  # noqa: S608 - no input in it
# Tests were tried out, and a private text that was delivered elsewhere is gone.
_FAILED = f"""
UPDATE webhooks_delivery {_AGAIN}
 WHERE id IN (
       SELECT delivery.id
         FROM webhooks_delivery AS delivery
         JOIN webhooks_event AS event ON event.id = delivery.event_id
        WHERE delivery.endpoint_id = %(endpoint)s AND delivery.tenant_id = %(tenant)s
          AND delivery.status IN ('failed', 'held') AND delivery.created_at >= %(since)s
          AND delivery.created_at <= %(now)s AND event.name <> %(test)s AND event.body <> ''
        ORDER BY delivery.created_at, delivery.id
        LIMIT %(limit)s
          FOR NO KEY UPDATE OF delivery SKIP LOCKED)
"""  # noqa: S608 - no input in it


@transaction.atomic
def replay_delivery(*, delivery: Delivery) -> None:
    """Start a delivery anew, whatever became of it.

    Raises Conflict while it is under way, when its endpoint is disabled, and when its text may not
    be kept and is gone.
    """
    # The lock keeps whoever empties a private body from doing it just now.
    event = Event.objects.select_for_update(no_key=True).get(pk=delivery.event_id)
    if not event.body:
        raise Conflict("Its text was delivered and not kept, so it cannot be sent again.")
    _check(delivery.endpoint)
    with connection.cursor() as cursor:
        due = timezone.now() - CLOCKS_DIFFER
        cursor.execute(_ONE, {"due": due, "delivery": delivery.pk})
        if not cursor.rowcount:
            raise Conflict("This delivery is still under way.")
    delivery.refresh_from_db()
    nudge_after_commit(1)


def replay_failed(*, tenant: Tenant, endpoint: Endpoint, since: datetime) -> int:
    """Start anew what failed or is held for `endpoint` and was made since then; how many it were.

    The oldest 10,000 at most, a thousand in a transaction; called again, it goes on. Raises
    InvalidInput for a time more than 14 days ago, and Conflict when the endpoint is disabled.
    """
    now = timezone.now()
    if since < now - LONGEST:
        raise InvalidInput.at("since", "too_long_ago", "Choose a time within the last 14 days.")
    _check(endpoint)
    wanted: dict[str, Any] = {
        "now": now,
        "due": now - CLOCKS_DIFFER,
        "since": since,
        "tenant": tenant.pk,
        "endpoint": endpoint.pk,
        "test": TEST,
        "limit": AT_ONCE,
    }
    replayed = 0
    while replayed < MOST:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_FAILED, wanted)
            replayed += cursor.rowcount
            nudge_after_commit(cursor.rowcount)
            if cursor.rowcount < AT_ONCE:
                break
    return replayed


def _check(endpoint: Endpoint) -> None:
    if endpoint.state == Endpoint.State.DISABLED:
        raise Conflict("Enable the endpoint first; what waits for a disabled one is held.")
