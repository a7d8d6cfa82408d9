"""Reads of devices, always from a tenant."""

from accounts.errors import NotFound
from accounts.ids import decode_id
from accounts.models import Tenant
from devices.models import Device, DeviceQuerySet


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
