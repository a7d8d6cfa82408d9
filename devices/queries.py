"""Reads of devices, always from a tenant."""

import threading

from cachetools import TTLCache

from accounts.errors import NotFound
from accounts.ids import decode_id
from accounts.models import Tenant
from devices.models import Device, DeviceQuerySet

# Every send asks for the tenant's phones, and they change by the heartbeat: a second is fresh.
_phones: TTLCache[int, list[Device]] = TTLCache(maxsize=10_000, ttl=1.0)
_phones_lock = threading.Lock()


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


def devices_for(tenant: Tenant) -> DeviceQuerySet:
    """The tenant's devices with their SIMs, oldest first; revoked ones are history."""
    return (
        Device.objects.of(tenant)
        .exclude(status=Device.Status.REVOKED)
        .prefetch_related("sims")
        .select_related("tenant")
    )


def device_for(tenant: Tenant, external_id: str) -> Device:
    """The tenant's device `dev_…`; raises NotFound for any other."""
    public_id = decode_id(Device.ID_PREFIX, external_id)
    device = devices_for(tenant).filter(public_id=public_id).first() if public_id else None
    if device is None:
        raise NotFound
    return device
