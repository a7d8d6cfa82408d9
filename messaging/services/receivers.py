"""Noticing phones that go on sending and receive nothing any more.

Android takes the right to read SMS from programs, or stops their receivers, without a word. All
that shows is that nothing comes in, and that is judged by what came in before.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts.ids import first_id_of
from devices.models import Device, DeviceAlert
from devices.services.alerts import end_alerts, raise_alerts
from messaging.models import Message
from messaging.pacing import HOUR

HISTORY = timedelta(days=14)
FEWEST_TEXTS = 20
SHORTEST_SILENCE = timedelta(hours=24)
TIMES_LONGEST_PAUSE = 1.5

# Two probes of an index for each phone; the history is read for those silent for a day alone.
_SILENT = """
SELECT device.id, device.tenant_id, since.at
  FROM devices_device AS device
 CROSS JOIN LATERAL (
       SELECT max(created_at) AS at FROM messaging_message
        WHERE device_id = device.id AND direction = 'inbound') AS latest
 CROSS JOIN LATERAL (
       SELECT greatest(latest.at, max(ended_at)) AS at FROM devices_devicealert
        WHERE device_id = device.id AND kind = 'offline') AS since
 CROSS JOIN LATERAL (
       SELECT count(*) AS texts, max(pause) AS longest
         FROM (SELECT created_at
                      - lag(created_at, 1, latest.at - %(history)s) OVER (ORDER BY created_at)
                      AS pause
                 FROM messaging_message
                WHERE device_id = device.id AND direction = 'inbound'
                  AND created_at > latest.at - %(history)s
                  AND since.at < %(now)s - %(shortest)s) AS pauses) AS history
 WHERE device.id = ANY(%(devices)s)
   AND since.at < %(now)s - %(shortest)s
   AND history.texts >= %(fewest)s
   AND %(now)s - since.at > history.longest * %(times)s
"""


def watch_receivers() -> int:
    """Raise and end `receiver_silent`; how many alerts changed.

    A phone receives no more when all of this holds: it is online; it received at least 20 texts in
    the 14 days before the last one; it has sent something since; and it is silent for more than a
    day, and for more than one and a half times the longest pause of those 14 days. That pause has
    its nights and weekends in it, and the time before its first text: neither a shop that is closed
    on Sundays nor a phone that got 20 texts in one hour of its life looks broken. Time during which
    the phone was offline does not count. One text that comes in ends it.
    """
    now = timezone.now()
    troubled = DeviceAlert.objects.open().filter(kind=DeviceAlert.Kind.RECEIVER_SILENT)
    received = Message.objects.filter(
        device=OuterRef("device"), direction="inbound", created_at__gt=OuterRef("raised_at")
    )
    well = list(troubled.filter(Exists(received)).values_list("device_id", flat=True))
    ended = end_alerts(device_ids=well, kinds=[DeviceAlert.Kind.RECEIVER_SILENT]) if well else 0
    there = Device.objects.usable().heard(now).exclude(pk__in=troubled.values("device"))
    asked = list(there.filter(received_count__gte=FEWEST_TEXTS).values_list("pk", flat=True))
    return ended + raise_alerts(kind=DeviceAlert.Kind.RECEIVER_SILENT, details=_silent(asked))


def _silent(device_ids: list[int]) -> dict[int, str]:
    """Those of `device_ids` that receive no more, with a sentence about it."""
    now = timezone.now()
    values: dict[str, Any] = {
        "devices": device_ids,
        "now": now,
        "history": HISTORY,
        "shortest": SHORTEST_SILENCE,
        "fewest": FEWEST_TEXTS,
        "times": TIMES_LONGEST_PAUSE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SILENT, values)
        rows = cursor.fetchall()
    return {
        device_id: f"Nothing came in for {(now - since) // HOUR} hours, which is unusual for it."
        for device_id, tenant_id, since in rows
        if _has_sent(tenant_id, device_id, since)
    }


def _has_sent(tenant_id: int, device_id: int, since: datetime) -> bool:
    """Whether the phone's radio works at all: something that was queued since then has left."""
    messages = Message.objects.filter(tenant=tenant_id, device=device_id)
    return messages.filter(public_id__gte=first_id_of(since), sent_at__gt=since).exists()
