"""Reads of devices, always from a tenant."""

import threading
from datetime import timedelta
from typing import NamedTuple

from cachetools import TTLCache
from django.db.models import Avg, DateTimeField, F, Func, Value
from django.utils import timezone

from accounts.errors import NotFound
from accounts.ids import decode_id
from accounts.models import Tenant
from accounts.upward import listeners
from devices.models import Device, DeviceAlert, DeviceQuerySet, Heartbeat, PairingCode, Sim

# Every send asks for the tenant's phones, and they change by the heartbeat: a second is fresh.
_phones: TTLCache[int, list[Device]] = TTLCache(maxsize=10_000, ttl=1.0)
_phones_lock = threading.Lock()

VITALS_STEP = timedelta(minutes=10)


class Vital(NamedTuple):
    """Means of the `step`-th ten minutes of the last day; battery in percent, signal in bars."""

    step: int
    battery: float | None
    signal: float | None


def phones_to_send(tenant: Tenant) -> list[Device]:
    """The tenant's phones that are neither paused nor revoked, as they were within a second.

    While none has been heard it is asked anew each time: nobody waits for a phone that is back.
    """
    with _phones_lock:
        phones = _phones.get(tenant.pk)
    if phones is None:
        phones = list(Device.objects.of(tenant).usable())
        if any(phone.is_heard for phone in phones):
            with _phones_lock:
                _phones[tenant.pk] = phones
    return phones


def forget_phones() -> None:
    """Ask anew at the next send; other processes do so within a second."""
    with _phones_lock:
        _phones.clear()


def devices_for(tenant: Tenant, *, with_revoked: bool = False) -> DeviceQuerySet:
    """The tenant's devices with their SIMs, oldest first; revoked ones are history."""
    devices = Device.objects.of(tenant).prefetch_related("sims").select_related("tenant")
    return devices if with_revoked else devices.exclude(status=Device.Status.REVOKED)


def device_for(tenant: Tenant, external_id: str, *, with_revoked: bool = False) -> Device:
    """The tenant's device `dev_…`; raises NotFound for any other."""
    public_id = decode_id(Device.ID_PREFIX, external_id)
    devices = devices_for(tenant, with_revoked=with_revoked)
    device = devices.filter(public_id=public_id).first() if public_id else None
    if device is None:
        raise NotFound
    return device


def queue_depths(devices: list[Device]) -> dict[int, int]:
    """Device's key -> how many messages wait for it or are on it; one query for all."""
    depths: dict[int, int] = {}
    for count in listeners("DEVICE_QUEUE_COUNTERS"):
        depths |= count(device_ids=[device.pk for device in devices])
    return depths


def open_alerts(devices: list[Device]) -> dict[int, list[DeviceAlert]]:
    """Device's key -> what is wrong with it now, oldest first, for those in trouble; one query."""
    found: dict[int, list[DeviceAlert]] = {}
    alerts = DeviceAlert.objects.open().filter(device__in=[device.pk for device in devices])
    for alert in alerts.order_by("pk"):
        found.setdefault(alert.device_id, []).append(alert)
    return found


def past_alerts(device: Device, count: int) -> list[DeviceAlert]:
    """The last alerts of a phone that are over, newest first."""
    past = DeviceAlert.objects.filter(device=device, ended_at__isnull=False)
    return list(past.order_by("-raised_at")[:count])


def segments_of_day(sims: list[Sim]) -> dict[int, int]:
    """SIM's key -> segments handed to it in the last 24 hours, for SIMs with a limit for the day.

    Only for those, because their limit bounds how many messages that reads.
    """
    limited = [sim.pk for sim in sims if sim.segments_per_day is not None]
    used: dict[int, int] = {}
    for read in listeners("DEVICE_BUDGET_READERS") if limited else ():
        used |= read(sim_ids=limited)
    return {sim_id: used.get(sim_id, 0) for sim_id in limited}


def pairing_code_for(tenant: Tenant, key: int) -> PairingCode:
    """The tenant's pairing code with this primary key; raises NotFound for any other."""
    code = PairingCode.objects.select_related("device").filter(tenant=tenant, pk=key).first()
    if code is None:
        raise NotFound
    return code


def vitals_of_day(device: Device) -> list[Vital]:
    """Battery and signal of the last 24 hours, averaged over ten minutes, oldest first.

    The ten minutes that no heartbeat fell into are missing.
    """
    since = timezone.now() - timedelta(days=1)
    bucket = Func(
        Value(VITALS_STEP),
        F("received_at"),
        Value(since),
        function="date_bin",
        output_field=DateTimeField(),
    )
    rows = (
        Heartbeat.objects.filter(device=device, received_at__gte=since)
        .values(bucket=bucket)
        .annotate(Avg("battery"), Avg("signal"))
        .order_by("bucket")
    )
    return [
        Vital((row["bucket"] - since) // VITALS_STEP, row["battery__avg"], row["signal__avg"])
        for row in rows
    ]
