"""What texts that failed tell about their phone: that it is refused, or that it cannot send.

One such text says little, so rows count. Messaging calls this with the reports of a phone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from devices.models import LIMIT_HITS, UNABLE, Device, DeviceAlert, Sim
from devices.services.alerts import LIMITS_ARE_PAST, raise_alerts

LIMIT_EXCEEDED = "limit_exceeded"
# Failure codes of a phone that is not set up to send -> what it says.
CANNOT_SEND = {
    "no_sim": "It says that it finds no SIM.",
    "no_permission": "It says that its program may not send SMS.",
    "no_default_app": "It says that its program is not the phone's SMS app.",
}

HITS_BELONG_TOGETHER = timedelta(minutes=10)
FIRST_HOLD, LONGEST_HOLD = timedelta(minutes=2), timedelta(minutes=30)


@transaction.atomic
def record_limit_hits(*, device: Device, hits: Mapping[int, int]) -> None:
    """SIMs (key -> how many of their texts) were refused by the phone's own limit.

    The third within ten minutes holds the SIM back for two minutes and raises an alert; each
    refusal after that rest doubles it, to half an hour at most. Refusals during a rest are of texts
    that the phone had already, and change nothing but the time of the last one.
    """
    now = timezone.now()
    sims = Sim.objects.filter(device=device, pk__in=hits).select_for_update(no_key=True)
    held = [sim.slot for sim in sims.order_by("pk") if _count_hits(sim, hits[sim.pk], now)]
    if held:
        slots = " and ".join(map(str, held))
        detail = f"It refused texts of SIM {slots} because its own limit for texts was reached."
        raise_alerts(kind=DeviceAlert.Kind.PACING_DEGRADED, details={device.pk: detail})


@transaction.atomic
def record_unable(*, device: Device, codes: Iterable[str]) -> None:
    """Texts could not leave for reasons of CANNOT_SEND; the third in a row raises an alert.

    A text that leaves sets the count to 0 (messaging/services/reports.py), and so does a `hello`.
    """
    codes = list(codes)
    row = Device.objects.filter(pk=device.pk)
    # No further than needed, lest it run over in a phone that nobody looks after.
    row.filter(unable_count__lt=UNABLE).update(unable_count=F("unable_count") + len(codes))
    if row.filter(unable_count__gte=UNABLE).exists():
        details = {device.pk: CANNOT_SEND[codes[-1]]}
        raise_alerts(kind=DeviceAlert.Kind.CANNOT_SEND, details=details)


def _count_hits(sim: Sim, hits: int, now: datetime) -> bool:
    """Count refusals of a locked SIM, and let it rest when they are too many; True if it was."""
    before, was_held = _recent(sim, now), sim.is_held
    if before < LIMIT_HITS:
        sim.limit_hits = min(LIMIT_HITS, before + hits)
    elif not was_held:
        sim.limit_hits = before + 1
    sim.last_limit_at = now
    is_too_much = sim.limit_hits >= LIMIT_HITS and not was_held
    if is_too_much:
        sim.next_send_at = now + hold_after(sim.limit_hits)
    sim.save(update_fields=["limit_hits", "last_limit_at", "next_send_at"])
    return is_too_much


def _recent(sim: Sim, now: datetime) -> int:
    """The count so far, unless it is of long ago."""
    together = HITS_BELONG_TOGETHER if sim.limit_hits < LIMIT_HITS else LIMITS_ARE_PAST
    is_recent = sim.last_limit_at is not None and sim.last_limit_at > now - together
    return sim.limit_hits if is_recent else 0


def hold_after(limit_hits: int) -> timedelta:
    """How long a SIM rests after so many refusals: 2, 4, 8, 16, 30 minutes."""
    doublings = min(limit_hits - LIMIT_HITS, 10)
    return min(FIRST_HOLD * (1 << doublings), LONGEST_HOLD)
