"""The overview: how messages, phones and webhooks fare; and the page behind a pairing code."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.members import MemberRequest, member_required
from accounts.models import Tenant
from devices.models import Device
from devices.pages.cards import Card, ShownAlert, cards_of
from devices.pages.pairing import smsgate_context
from devices.queries import devices_for
from gateway_site.charts import BarChart, Column, stacked_bars
from messaging.statistics import (
    KINDS,
    MOST,
    TIMED,
    Bucket,
    Statistics,
    last_failures,
    statistics_of,
    waiting_count,
)
from webhooks.queries import endpoints_for

RANGES = {"1": "24 hours", "7": "7 days", "30": "30 days"}
PHONES, FAILURES, ENDPOINTS, ALERTS = 6, 6, 6, 6  # shown here; the rest is on their own pages


@require_safe
@member_required()
def home(request: MemberRequest) -> HttpResponse:
    """The whole page."""
    return render(request, "home.html", _overview(request))


@require_safe
@member_required()
def now(request: MemberRequest) -> HttpResponse:
    """What has changed since: fragments, each of which takes its place on the page by its id."""
    return render(request, "overview/now.html", _overview(request) | {"is_update": True})


@require_safe
def pair(request: HttpRequest) -> HttpResponse:
    """Where a pairing link leads: how to use the code on a phone."""
    code = request.GET.get("code", "")[:20]
    context = {"code": code, "public_url": settings.PUBLIC_URL, **smsgate_context()}
    return render(request, "pair.html", context)


def _overview(request: MemberRequest) -> dict[str, Any]:
    tenant = request.tenant
    days = request.GET.get("days", "1")
    if days not in RANGES:
        days = "1"
    phones = cards_of(list(devices_for(tenant)))
    endpoints = list(endpoints_for(tenant)[: ENDPOINTS + 1])
    statistics = statistics_of(tenant, days=int(days))
    return {
        **_alerts(phones),
        "days": days,
        "ranges": RANGES,
        "stats": _stats(tenant, statistics, RANGES[days]),
        "chart": _chart(statistics, is_by_hour=days == "1"),
        "legend": [(kind, f"{n:,}") for kind, n in statistics.totals.items()],
        "rows": [
            (_label(bucket, days == "1"), [f"{n:,}" for n in bucket.counts.values()])
            for bucket in statistics.buckets
        ],
        "kinds": KINDS,
        "phones": phones[:PHONES],
        "phone_count": len(phones),
        "online_count": sum(phone.state == "online" for phone in phones),
        "failures": last_failures(tenant, FAILURES),
        "endpoints": endpoints[:ENDPOINTS],
        "has_more_endpoints": len(endpoints) > ENDPOINTS,
        "is_new": tenant.onboarded_at is None,
    }


def _alerts(phones: list[Card]) -> dict[str, Any]:
    """What is wrong with phones, grave things first."""
    alerts: list[tuple[Device, ShownAlert]] = [
        (card.device, shown) for card in phones for shown in card.alerts
    ]
    alerts.sort(key=lambda pair: not pair[1].words.is_grave)
    return {
        "alerts": alerts[:ALERTS],
        "alert_count": len(alerts),
        "is_grave": any(shown.words.is_grave for _, shown in alerts),
    }


def _stats(tenant: Tenant, statistics: Statistics, name: str) -> list[tuple[str, str, str]]:
    """(the number, what it is, how it is counted) for each tile."""
    totals, waiting = statistics.totals, waiting_count(tenant)
    ended = totals["delivered"] + totals["sent"] + totals["failed"]
    rate, seconds = statistics.delivery_rate, statistics.median_seconds
    received = statistics.today.counts["received"]
    return [
        (f"{statistics.sent_today:,}", "sent today", f"{received:,} received"),
        (
            "–" if rate is None else percent(rate),
            "delivered",
            f"of {ended:,} sent or failed in {name}",
        ),
        (
            "–" if seconds is None else duration(seconds),
            "median time to send",
            f"of the last {TIMED:,} in {name}",
        ),
        (f"{MOST:,}+" if waiting > MOST else f"{waiting:,}", "waiting", "due and not sent yet"),
    ]


def _chart(statistics: Statistics, *, is_by_hour: bool) -> BarChart:
    columns = []
    for bucket in statistics.buckets:
        parts = [f"{count:,} {kind}" for kind, count in bucket.counts.items() if count]
        title = f"{_label(bucket, is_by_hour)}: {', '.join(parts) or 'none'}"
        label = f"{bucket.start:%H:%M}" if is_by_hour else f"{bucket.start.day} {bucket.start:%b}"
        columns.append(Column(label, title, bucket.counts))
    return stacked_bars(columns)


def _label(bucket: Bucket, is_by_hour: bool) -> str:
    day = f"{bucket.start:%a} {bucket.start.day} {bucket.start:%b}"
    return f"{day} {bucket.start:%H:%M}" if is_by_hour else day


def percent(share: float) -> str:
    """0 to 1 with a digit behind the point; what is not all is never 100 %."""
    return f"{int(share * 1000) / 10:g} %"


def duration(seconds: float) -> str:
    """In the unit in which people would say it."""
    for limit, unit, divisor in ((100, "s", 1), (6000, "min", 60), (172_800, "h", 3600)):
        if seconds < limit:
            value = seconds / divisor
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"
