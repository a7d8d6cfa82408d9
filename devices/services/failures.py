"""What texts that failed tell about their phone: that it is refused, or that it cannot send.

One such text says little, so rows count: the third makes SIMs rest, and each failure after a rest
doubles it. What fails during a rest was with the phone already, and says nothing new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db import transaction
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
FIRST_REST, LONGEST_REST = timedelta(minutes=2), timedelta(minutes=30)
MOST_COUNTED = 1000


@transaction.atomic
def record_limit_hits(*, device: Device, hits: Mapping[int, int]) -> None:
    """SIMs (key -> how many of their texts) were refused by the phone's own limit.

    The third within ten minutes holds the SIM back and raises an alert.
    """
    now = timezone.now()
    _lock(device)
    sims = Sim.objects.filter(device=device, pk__in=hits).select_for_update(no_key=True)
    held = [sim.slot for sim in sims.order_by("pk") if _count_hits(sim, hits[sim.pk], now)]
    if held:
        slots = " and ".join(map(str, held))
        detail = f"It refused texts of SIM {slots} because its own limit for texts was reached."
        raise_alerts(kind=DeviceAlert.Kind.PACING_DEGRADED, details={device.pk: detail})


@transaction.atomic
def record_unable(*, device: Device, codes: Iterable[str]) -> None:
    """Texts could not leave for reasons of CANNOT_SEND; the third in a row raises an alert.

    From then on the phone gets a text only now and then, to see whether it is well again: the rest
    waits, or moves to other phones. A text that leaves sets the count to 0
    (messaging/services/reports.py), and so does `record_able`.
    """
    codes, now = list(codes), timezone.now()
    phone = _lock(device)
    was_resting = phone.sims.filter(next_send_at__gt=now).exists()
    count = _counted(phone.unable_count, len(codes), UNABLE, was_resting=was_resting)
    Device.objects.filter(pk=device.pk).update(unable_count=min(count, MOST_COUNTED))
    if count >= UNABLE and not was_resting:
        phone.sims.update(next_send_at=now + rest_after(count - UNABLE))
    if count >= UNABLE:
        details = {device.pk: CANNOT_SEND[codes[-1]]}
        raise_alerts(kind=DeviceAlert.Kind.CANNOT_SEND, details=details)


def record_able(*, device: Device) -> None:
    """It said hello: whoever put a SIM in, or gave a permission, need not wait."""
    if Device.objects.filter(pk=device.pk, unable_count__gt=0).update(unable_count=0):
        device.sims.update(next_send_at=None)


def rest_after(failures: int) -> timedelta:
    """How long SIMs rest after so many failures more than it took: 2, 4, 8, 16, 30 minutes."""
    return min(FIRST_REST * (1 << min(failures, 10)), LONGEST_REST)


def _lock(device: Device) -> Device:
    """First the phone, then its SIMs: everybody takes them in this order."""
    return Device.objects.select_for_update(no_key=True).get(pk=device.pk)


def _count_hits(sim: Sim, hits: int, now: datetime) -> bool:
    """Count refusals of a locked SIM, and let it rest when they are too many; True if it was."""
    before, was_held = _recent(sim, now), sim.is_held
    sim.limit_hits = _counted(before, hits, LIMIT_HITS, was_resting=was_held)
    sim.last_limit_at = now
    is_too_much = sim.limit_hits >= LIMIT_HITS and not was_held
    if is_too_much:
        sim.next_send_at = now + rest_after(sim.limit_hits - LIMIT_HITS)
    sim.save(update_fields=["limit_hits", "last_limit_at", "next_send_at"])
    return is_too_much


def _recent(sim: Sim, now: datetime) -> int:
    """The count so far, unless it is of long ago."""
    together = HITS_BELONG_TOGETHER if sim.limit_hits < LIMIT_HITS else LIMITS_ARE_PAST
    is_recent = sim.last_limit_at is not None and sim.last_limit_at > now - together
    return sim.limit_hits if is_recent else 0


def _counted(before: int, failures: int, enough: int, *, was_resting: bool) -> int:
    """The count after `failures` more: up to `enough` each counts, and then one for each rest."""
    if before < enough:
        return min(enough, before + failures)
    return before if was_resting else before + 1
