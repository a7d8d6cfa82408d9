"""Who delivers what next: fair to tenants and endpoints, and safe against workers that die.

A claim is a short transaction of its own. It locks one endpoint and takes its oldest due delivery;
the lock is what keeps the limit of requests in flight, and the fence (`Delivery.claim`) what a
worker must know to finish what it took. It never reads through what waits for a blocked endpoint:
endpoints with pending deliveries are found by skipping along an index, one probe for each.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from webhooks.models import Delivery, Endpoint

log = structlog.get_logger(__name__)

CLAIM = timedelta(seconds=60)  # three times what an exchange may take
PROBE_EVERY = timedelta(seconds=60)
IN_FLIGHT = 10  # of one endpoint
TENANT_SHARE = 0.2  # of the workers, while others wait
# An endpoint that did not answer well lately is tried with one request at a time, and all of these
# together get half of the workers: whatever hangs, the others go on.
WARM = timedelta(minutes=2)
COLD_IN_FLIGHT, COLD_SHARE = 1, 0.5
MAX_CRASHES = 5

# `waiting`: each endpoint with pending deliveries, and when the first of them is due.
_CLAIMABLE = """
WITH RECURSIVE waiting AS (
    (SELECT endpoint_id, next_attempt_at FROM webhooks_delivery
      WHERE status = 'pending'
      ORDER BY endpoint_id, next_attempt_at LIMIT 1)
     UNION ALL
    SELECT further.*
      FROM waiting
     CROSS JOIN LATERAL (
           SELECT endpoint_id, next_attempt_at FROM webhooks_delivery
            WHERE status = 'pending' AND endpoint_id > waiting.endpoint_id
            ORDER BY endpoint_id, next_attempt_at LIMIT 1) AS further
), flying AS MATERIALIZED (
    SELECT delivery.endpoint_id, delivery.tenant_id,
           endpoint.last_success_at > %(warm_since)s IS TRUE AS is_warm
      FROM webhooks_delivery AS delivery
      JOIN webhooks_endpoint AS endpoint ON endpoint.id = delivery.endpoint_id
     WHERE delivery.claimed_until > %(now)s
), by_endpoint AS (
    SELECT endpoint_id, count(*) AS number FROM flying GROUP BY endpoint_id
), by_tenant AS (
    SELECT tenant_id, count(*) AS number FROM flying GROUP BY tenant_id
)
"""
_FROM = """
  FROM waiting
  JOIN webhooks_endpoint AS endpoint ON endpoint.id = waiting.endpoint_id
  JOIN accounts_tenant AS tenant ON tenant.id = endpoint.tenant_id
  LEFT JOIN by_endpoint ON by_endpoint.endpoint_id = endpoint.id
  LEFT JOIN by_tenant ON by_tenant.tenant_id = endpoint.tenant_id
 WHERE waiting.next_attempt_at <= %(now)s
   AND endpoint.state = 'enabled' AND endpoint.url <> '' AND tenant.status = 'active'
   AND (endpoint.breaker_until IS NULL OR endpoint.breaker_until <= %(now)s)
   AND CASE WHEN endpoint.last_success_at > %(warm_since)s
            THEN coalesce(by_endpoint.number, 0) < %(most)s
            ELSE coalesce(by_endpoint.number, 0) < %(most_cold)s
             AND (SELECT count(*) FROM flying WHERE NOT is_warm) < %(all_cold)s
       END
"""
_LOCK = f"""{_CLAIMABLE}
SELECT endpoint.* {_FROM}
 ORDER BY coalesce(by_tenant.number, 0) >= %(tenant_share)s, coalesce(by_endpoint.number, 0),
          waiting.next_attempt_at
 LIMIT 1
   FOR NO KEY UPDATE OF endpoint
"""  # noqa: S608 - no input in it
_COUNT = f"""{_CLAIMABLE}
SELECT count(*)
  FROM (SELECT endpoint.id {_FROM}) AS claimable
 CROSS JOIN LATERAL (
       SELECT FROM webhooks_delivery
        WHERE endpoint_id = claimable.id AND status = 'pending' AND next_attempt_at <= %(now)s
        LIMIT %(most)s) AS due
"""  # noqa: S608 - no input in it
# The number in flight is asked for again, now that nobody else can change it. An endpoint's
# deliveries go to where it is now; the log shall say so.
_TAKE = """
UPDATE webhooks_delivery AS delivery
   SET claim = claim + 1, claimed_until = %(until)s, next_attempt_at = %(until)s,
       crashes = crashes + (claimed_until IS NOT NULL)::int,
       url = CASE WHEN has_own_url THEN url ELSE %(url)s END
  FROM webhooks_event AS event
 WHERE event.id = delivery.event_id
   AND delivery.id = (
       SELECT id FROM webhooks_delivery
        WHERE endpoint_id = %(endpoint)s AND status = 'pending' AND next_attempt_at <= %(now)s
        ORDER BY next_attempt_at, id LIMIT 1
          FOR NO KEY UPDATE SKIP LOCKED)
   AND (SELECT count(*) FROM webhooks_delivery
         WHERE endpoint_id = %(endpoint)s AND claimed_until > %(now)s) < %(most)s
RETURNING delivery.id, delivery.claim, delivery.attempts, delivery.crashes, delivery.url,
          event.id, event.public_id, event.name, event.is_private, event.body
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery in one worker's hands. `number` is the fence, `attempts` those before."""

    endpoint: Endpoint
    delivery_id: int
    number: int
    attempts: int
    crashes: int
    url: str
    event_id: int
    event_public_id: UUID
    event_name: str
    is_private: bool
    body: str


def claim_next() -> Claim | None:
    """Take the next delivery that is due, for 60 seconds; None when none may go now.

    An endpoint that another worker locks just now is passed over. If it is the only one with work,
    it is waited for, and then looked at again: the other may have left nothing of it.
    """
    if not _is_anything_due():
        return None
    for lock in ("SKIP LOCKED", "", ""):
        try:
            claim = _claim(lock)
            while claim is not None and claim.crashes >= MAX_CRASHES:
                _give_up(claim)
                claim = _claim(lock)
        except _NothingLeft:
            continue
        if claim is not None or not lock:
            return claim
    return None


def count_due() -> int:
    """How many deliveries could be on their way now."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, _limits(timezone.now()))
        (count,) = cursor.fetchone() or (0,)
        return int(count)


def _is_anything_due() -> bool:
    """A cheap look before the dear one, because a worker asks once more after each delivery."""
    due = Delivery.objects.filter(
        status=Delivery.Status.PENDING, next_attempt_at__lte=timezone.now()
    )
    return due.exists()


@contextmanager
def busy() -> Iterator[None]:
    """Around an exchange: this thread is not free."""
    _busy.add(1)
    try:
        yield
    finally:
        _busy.add(-1)


class _NothingLeft(Exception):
    """The endpoint that was waited for has its limit in flight by now, or nothing due."""


class _Counter:
    def __init__(self) -> None:
        self.value = 0
        self._lock = threading.Lock()

    def add(self, number: int) -> None:
        with self._lock:
            self.value += number


_busy = _Counter()


def _limits(now: datetime) -> dict[str, Any]:
    """The parameters of `_CLAIMABLE`. Nobody takes more than half of what this process has free.

    So one dead endpoint gets its ten, and ten that die at once get two or three each.
    """
    threads: int = settings.WEBHOOK_THREADS
    free = threads - _busy.value
    return {
        "now": now,
        "warm_since": now - WARM,
        "most": max(1, min(IN_FLIGHT, free // 2)),
        "most_cold": COLD_IN_FLIGHT,
        "all_cold": max(1, round(threads * COLD_SHARE)),
        "tenant_share": max(IN_FLIGHT, round(threads * TENANT_SHARE)),
    }


@transaction.atomic
def _claim(lock: str) -> Claim | None:
    now = timezone.now()
    limits = _limits(now)
    with connection.cursor() as cursor:
        # The same plan serves any values, and to make it takes longer than to carry it out.
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    endpoint = next(iter(Endpoint.objects.raw(f"{_LOCK} {lock}", limits)), None)
    if endpoint is None:
        return None
    last_success_at = endpoint.last_success_at
    is_warm = last_success_at is not None and last_success_at > limits["warm_since"]
    taken = {
        "now": now,
        "until": now + CLAIM,
        "endpoint": endpoint.pk,
        "url": endpoint.url,
        "most": limits["most" if is_warm else "most_cold"],
    }
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, taken)
        row = cursor.fetchone()
    if row is None:
        raise _NothingLeft
    if endpoint.breaker_until is not None:
        # This is the probe; the next one is a minute away, whatever becomes of it.
        Endpoint.objects.filter(pk=endpoint.pk).update(breaker_until=now + PROBE_EVERY)
    return Claim(endpoint, *row)


def _give_up(claim: Claim) -> None:
    """Fail what ended its worker each time, so that the others go on."""
    log.error("delivery given up", delivery=claim.delivery_id, crashes=claim.crashes)
    Delivery.objects.filter(pk=claim.delivery_id, claim=claim.number).update(
        status=Delivery.Status.FAILED,
        claimed_until=None,
        next_attempt_at=None,
        finished_at=timezone.now(),
        last_error=f"The gateway broke off {claim.crashes} times while it sent this.",
    )
