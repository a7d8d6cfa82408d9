"""How an endpoint does: the breaker, warnings to its owners, and the end of one that is gone.

All of it is derived from the attempts and from a few columns that change only when the endpoint's
luck does, so that a busy endpoint's row is written about once a minute.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from webhooks.models import Delivery, DeliveryAttempt, Endpoint
from webhooks.services.claims import PROBE_EVERY, WARM

# The breaker (Convoy's numbers): of the last requests, within a window.
WINDOW = timedelta(minutes=5)
LAST, AT_LEAST, FAILED_SHARE = 20, 10, 0.7
# What hangs holds a worker for 20 seconds each time, so it is believed sooner.
TIMEOUTS_IN_A_ROW = 3
TIMEOUT = "timeout"

DISABLED_AFTER, DISABLED_AFTER_TRIES = timedelta(days=5), 10
GONE = "The receiver answered 410 Gone."
FAILING = "Every delivery failed for 5 days."
WRITE_EVERY = timedelta(minutes=1)
AT_ONCE = 1000

_HOLD = """
UPDATE webhooks_delivery SET status = 'held', next_attempt_at = NULL, claimed_until = NULL
 WHERE id IN (
       SELECT id FROM webhooks_delivery
        WHERE endpoint_id = %(endpoint)s AND status = 'pending'
          AND (claimed_until IS NULL OR claimed_until <= %(now)s)
        LIMIT %(at_once)s
          FOR NO KEY UPDATE SKIP LOCKED)
"""


def note_success(endpoint: Endpoint) -> bool:
    """An attempt succeeded; True when `endpoint`, as it was claimed, comes (back) to life."""
    now, last = timezone.now(), endpoint.last_success_at
    is_well = endpoint.failing_since is None and endpoint.breaker_until is None
    if is_well and last is not None and last > now - WRITE_EVERY:
        return False
    changes = {"counted_since": now} if endpoint.breaker_until is not None else {}
    Endpoint.objects.filter(pk=endpoint.pk).exclude(state=Endpoint.State.DISABLED).update(
        last_success_at=now, failing_since=None, warnings_sent=0, breaker_until=None, **changes
    )
    return endpoint.breaker_until is not None or last is None or last <= now - WARM


def note_failure(endpoint: Endpoint, *, is_gone: bool) -> None:
    """An attempt failed, and is written down already. `is_gone`: the receiver said so itself.

    Opens the breaker or disables the endpoint if that was the last straw. Rows of hosts are never
    disabled: others use them too.
    """
    now = timezone.now()
    may_end = endpoint.kind == Endpoint.Kind.ENDPOINT
    if may_end and is_gone:
        _disable(endpoint, GONE, now)
    elif may_end and _is_hopeless(endpoint, now):
        _disable(endpoint, FAILING, now)
    elif endpoint.breaker_until is None and _is_last_straw(endpoint, now):
        _write_failure(endpoint, now, breaker_until=now + PROBE_EVERY)
    elif _is_news(endpoint, now):
        _write_failure(endpoint, now)


def enable(endpoint: Endpoint) -> None:
    """Let `endpoint` start afresh. What was held for it stays so until it is replayed."""
    fresh = {
        "state": Endpoint.State.ENABLED,
        "disabled_at": None,
        "disabled_reason": "",
        "failing_since": None,
        "warnings_sent": 0,
        "breaker_until": None,
        "counted_since": timezone.now(),
    }
    Endpoint.objects.filter(pk=endpoint.pk).update(**fresh)
    for column, value in fresh.items():
        setattr(endpoint, column, value)


def hold_pending(endpoint_id: int) -> int:
    """Hold what waits for a disabled endpoint, a thousand at once; how many it were.

    What a worker has in hand is left to it; the sweeper comes for it later.
    """
    held = 0
    while Endpoint.objects.filter(pk=endpoint_id, state=Endpoint.State.DISABLED).exists():
        with connection.cursor() as cursor:
            cursor.execute(
                _HOLD, {"endpoint": endpoint_id, "now": timezone.now(), "at_once": AT_ONCE}
            )
            held += cursor.rowcount
            if cursor.rowcount < AT_ONCE:
                break
    return held


def hold_for_disabled() -> int:
    """`hold_pending` for every disabled endpoint for which anything waits."""
    in_hand = Q(claimed_until__gt=timezone.now())
    waiting = Delivery.objects.filter(
        ~in_hand, endpoint=OuterRef("pk"), status=Delivery.Status.PENDING
    )
    disabled = Endpoint.objects.filter(Exists(waiting), state=Endpoint.State.DISABLED)
    return sum(hold_pending(pk) for pk in disabled.values_list("pk", flat=True))


def _is_news(endpoint: Endpoint, now: datetime) -> bool:
    last = endpoint.last_failure_at
    return endpoint.failing_since is None or last is None or last <= now - WRITE_EVERY


def _write_failure(endpoint: Endpoint, now: datetime, **changes: Any) -> None:
    Endpoint.objects.filter(pk=endpoint.pk).exclude(state=Endpoint.State.DISABLED).update(
        failing_since=Coalesce("failing_since", now), last_failure_at=now, **changes
    )


def _disable(endpoint: Endpoint, reason: str, now: datetime) -> None:
    """Tell it nothing more; what waits for it is held for a replay."""
    end = {"state": Endpoint.State.DISABLED, "disabled_at": now, "disabled_reason": reason}
    _write_failure(endpoint, now, **end, breaker_until=None)
    transaction.on_commit(partial(hold_pending, endpoint.pk), robust=True)


def _is_last_straw(endpoint: Endpoint, now: datetime) -> bool:
    """Whether the last requests say that the breaker opens."""
    since = max(now - WINDOW, endpoint.counted_since or now - WINDOW)
    tried = DeliveryAttempt.objects.filter(endpoint=endpoint, started_at__gt=since)
    last = list(tried.order_by("-id").values_list("status", "error")[:LAST])
    if len(last) >= TIMEOUTS_IN_A_ROW and all(
        error.startswith(TIMEOUT) for _, error in last[:TIMEOUTS_IN_A_ROW]
    ):
        return True
    failures = sum(status is None or not 200 <= status < 300 for status, _ in last)
    return len(last) >= AT_LEAST and failures >= FAILED_SHARE * len(last)


def _is_hopeless(endpoint: Endpoint, now: datetime) -> bool:
    """Whether it failed for five days, and often enough to say so."""
    since = endpoint.failing_since
    if since is None or since > now - DISABLED_AFTER:
        return False
    tried = DeliveryAttempt.objects.filter(endpoint=endpoint, started_at__gte=since)
    return tried.order_by()[:DISABLED_AFTER_TRIES].count() >= DISABLED_AFTER_TRIES
