"""What people decide about a device: its name, its limits, whether it may send."""

from dataclasses import dataclass, fields
from datetime import time

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.services.audit import record_audit
from devices.models import Device, DeviceToken, Sim


@dataclass(frozen=True, slots=True)
class SimLimits:
    """A SIM's budget; None = no limit. Segments in sliding windows, times in milliseconds."""

    segments_per_minute: int | None = None
    segments_per_hour: int | None = None
    segments_per_day: int | None = None
    min_gap_ms: int = 0
    jitter_ms: int = 0
    quiet_from: time | None = None
    quiet_until: time | None = None


@transaction.atomic
def rename_device(*, device: Device, name: str, actor: User | None) -> None:
    """Give the device another name."""
    device.name = name
    device.save(update_fields=["name"])
    _audit(device, actor, "renamed", name=name)


@transaction.atomic
def make_default(*, device: Device, actor: User | None) -> None:
    """Make this the device that sends what no other rule gives to another."""
    Device.objects.filter(tenant_id=device.tenant_id, is_default=True).update(is_default=False)
    device.is_default = True
    device.save(update_fields=["is_default"])
    _audit(device, actor, "made_default")


@transaction.atomic
def pause_device(*, device: Device, actor: User | None) -> bool:
    """Let a device send nothing more until it is resumed; True if it was active."""
    return _change_status(device, actor, Device.Status.ACTIVE, Device.Status.PAUSED)


@transaction.atomic
def resume_device(*, device: Device, actor: User | None) -> bool:
    """Undo a pause; True if it was paused."""
    return _change_status(device, actor, Device.Status.PAUSED, Device.Status.ACTIVE)


@transaction.atomic
def revoke_device(*, device: Device, actor: User | None) -> bool:
    """End a device for good: its tokens die and its sockets are closed; True if it was not."""
    now = timezone.now()
    ended = (
        Device.objects.filter(pk=device.pk)
        .exclude(status=Device.Status.REVOKED)
        .update(status=Device.Status.REVOKED, revoked_at=now, is_default=False, is_online=False)
    )
    if ended:
        DeviceToken.objects.filter(device=device, revoked_at=None).update(revoked_at=now)
        _audit(device, actor, "revoked")
    device.refresh_from_db()
    return bool(ended)


@transaction.atomic
def limit_sim(*, sim: Sim, limits: SimLimits, actor: User | None) -> None:
    """Replace a SIM's budget."""
    names = [field.name for field in fields(limits)]
    for name in names:
        setattr(sim, name, getattr(limits, name))
    sim.save(update_fields=names)
    _audit(sim.device, actor, "limited", slot=sim.slot)


def _change_status(device: Device, actor: User | None, old: str, new: str) -> bool:
    changed = Device.objects.filter(pk=device.pk, status=old).update(status=new)
    if changed:
        _audit(device, actor, new)
    device.refresh_from_db()
    return bool(changed)


def _audit(device: Device, actor: User | None, verb: str, **detail: object) -> None:
    record_audit(
        tenant=device.tenant,
        actor=actor,
        action=f"device.{verb}",
        target=device.external_id,
        **detail,
    )
