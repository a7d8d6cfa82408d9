"""How a tenant's messages fared lately; read by the dashboard, kept for half a minute or so.

Everything is counted in the index of (tenant, status, public_id): a public id is made with the
message and in the order of time, so an interval of time is an interval of ids.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from accounts.ids import first_id_of
from accounts.models import Tenant
from messaging.models import Message
from messaging.queries import messages_for
from messaging.states import UNSENT, Status

# What was counted quickly is counted anew soon: kept 100 times as long as it took, in seconds.
KEPT_FOR, KEPT_AT_LEAST, KEPT_AT_MOST = 100, 2, 30
# Only today and yesterday are counted each time; what was before, once in so many seconds.
FRESH_DAYS, SETTLED_KEPT_FOR = 2, 1800
# What a bar of the chart is made of, from the bottom.
KINDS = ("delivered", "sent", "waiting", "failed", "canceled", "received")
_KIND_OF = {
    Status.DELIVERED: "delivered",
    Status.SENT: "sent",
    Status.RECEIVED: "received",
    Status.FAILED: "failed",
    Status.EXPIRED: "failed",
    Status.UNKNOWN: "failed",
    Status.CANCELED: "canceled",
}
FAILURES = (Status.FAILED, Status.EXPIRED, Status.UNKNOWN)
UUID_MAX = UUID(int=(1 << 128) - 1)
TIMED = 1000  # the median is that of so many of the latest messages
MOST = 10_000  # what is counted further than this is "10,000+"


@dataclass(frozen=True)
class Bucket:
    """One bar: when it begins (in the tenant's zone), and how many messages of each of KINDS."""

    start: datetime
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class Statistics:
    """Bars, oldest first; `today` is since midnight; the median is in seconds from due to sent."""

    buckets: list[Bucket]
    today: Bucket
    median_seconds: float | None

    @property
    def totals(self) -> dict[str, int]:
        return {kind: sum(bucket.counts[kind] for bucket in self.buckets) for kind in KINDS}

    @property
    def sent_today(self) -> int:
        return self.today.counts["sent"] + self.today.counts["delivered"]

    @property
    def delivery_rate(self) -> float | None:
        """Delivered of all that have left or failed, 0 to 1; None when there are none."""
        totals = self.totals
        ended = totals["delivered"] + totals["sent"] + totals["failed"]
        return totals["delivered"] / ended if ended else None


def statistics_of(tenant: Tenant, *, days: int) -> Statistics:
    """The last `days` days: by the hour for one day, else by the day of the tenant's zone."""
    name = f"statistics:{tenant.pk}:{days}:{tenant.time_zone}"
    known: Statistics | None = cache.get(name)
    if known is None:
        began = time.perf_counter()
        known = _read(tenant, days)
        kept = KEPT_FOR * (time.perf_counter() - began)
        cache.set(name, known, int(min(max(kept, KEPT_AT_LEAST), KEPT_AT_MOST)))
    return known


def waiting_count(tenant: Tenant) -> int:
    """Messages that are due and not sent yet; MOST + 1 when there are more than MOST."""
    unsent = Message.objects.of(tenant).filter(status__in=sorted(UNSENT))
    return unsent.order_by()[: MOST + 1].count()


def last_failures(tenant: Tenant, number: int) -> list[Message]:
    """The latest messages that did not get where they should, newest first."""
    by_status = [messages_for(tenant).filter(status=status)[:number] for status in FAILURES]
    return list(by_status[0].union(*by_status[1:]).order_by("-public_id")[:number])


def _read(tenant: Tenant, days: int) -> Statistics:
    now = timezone.now().astimezone(ZoneInfo(tenant.time_zone))
    (today,) = _count(tenant, _last_days(now, 1))
    if days == 1:
        buckets = _count(tenant, _last_hours(now))
    else:
        buckets = _count_days(tenant, _last_days(now, days))
    return Statistics(buckets, today, _median_seconds(tenant, buckets[0].start))


def _last_hours(now: datetime) -> list[datetime]:
    """The beginnings of 24 hours, this one last, where clocks of `now`'s zone show :00.

    They are an hour apart on the day of a clock change too.
    """
    last = now.timestamp() // 1 - now.minute * 60 - now.second
    instants = (last - 3600 * back for back in reversed(range(24)))
    return [datetime.fromtimestamp(instant, now.tzinfo) for instant in instants]


def _last_days(now: datetime, days: int) -> list[datetime]:
    """The midnights with which the last `days` days begin, today's last."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return [midnight - timedelta(days=back) for back in reversed(range(days))]


def _count_days(tenant: Tenant, starts: list[datetime]) -> list[Bucket]:
    """As `_count`; what became of the messages of settled days is looked at once in a while."""
    settled, fresh = starts[:-FRESH_DAYS], starts[-FRESH_DAYS:]
    name = f"statistics:{tenant.pk}:settled:{first_id_of(starts[0])}:{first_id_of(fresh[0])}"
    known: list[Bucket] | None = cache.get(name)
    if known is None:
        known = _count(tenant, settled, until=fresh[0])
        cache.set(name, known, SETTLED_KEPT_FOR)
    return known + _count(tenant, fresh)


def _count(
    tenant: Tenant, starts: list[datetime], *, until: datetime | None = None
) -> list[Bucket]:
    """A bucket for each of `starts`, up to the next one, the last up to `until` or for ever.

    Bucket by bucket, because the planner reads the whole table for a long interval.
    """
    buckets = [Bucket(start) for start in starts]
    lows = [first_id_of(start) for start in starts]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT number, status, count
              FROM unnest(%(lows)s::uuid[], %(highs)s::uuid[])
                   WITH ORDINALITY AS bucket (low, high, number)
             CROSS JOIN LATERAL (
                    SELECT status, count(*)
                      FROM messaging_message
                     WHERE tenant_id = %(tenant)s AND status = ANY(%(statuses)s)
                       AND public_id >= low AND public_id < high
                     GROUP BY status
                   ) AS counted
            """,
            {
                "lows": lows,
                "highs": [*lows[1:], first_id_of(until) if until else UUID_MAX],
                "tenant": tenant.pk,
                "statuses": list(Status.values),
            },
        )
        for number, status, count in cursor.fetchall():
            buckets[number - 1].counts[_KIND_OF.get(status, "waiting")] += count
    return buckets


def _median_seconds(tenant: Tenant, since: datetime) -> float | None:
    """From due to sent, of the TIMED latest messages since then that were sent."""
    sent = messages_for(tenant).filter(public_id__gte=first_id_of(since))
    columns = ("public_id", "created_at", "send_at", "sent_at")
    latest = [
        sent.filter(status=status).values_list(*columns)[:TIMED]
        for status in (Status.SENT, Status.DELIVERED)
    ]
    rows = latest[0].union(latest[1]).order_by("-public_id")[:TIMED]
    waits = [
        max(0.0, (sent_at - max(created_at, send_at or created_at)).total_seconds())
        for _, created_at, send_at, sent_at in rows
        if sent_at is not None
    ]
    return median(waits) if waits else None
