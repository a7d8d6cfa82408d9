"""What people decide about a device: its name, its limits, whether it may send."""

from dataclasses import dataclass, fields
from datetime import time

from django.db import transaction
from django.utils import timezone

from accounts.models import Tenant, User
from accounts.services.audit import record_audit
from devices.events import DeviceChanged, DeviceOffline, publish
from devices.models import Device, DeviceToken, Sim
from devices.queries import forget_phones
from devices.services.alerts import end_alerts, raise_offline


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
    _note(device, actor, "renamed", name=name)


@transaction.atomic
def make_default(*, device: Device, actor: User | None) -> None:
    """Make this the device that sends what no other rule gives to another."""
    Tenant.objects.select_for_update(no_key=True).get(pk=device.tenant_id)  # one at a time
    Device.objects.filter(tenant_id=device.tenant_id, is_default=True).update(is_default=False)
    device.is_default = True
    device.save(update_fields=["is_default"])
    _note(device, actor, "made_default")


@transaction.atomic
def pause_device(*, device: Device, actor: User | None) -> bool:
    """Let a device send nothing more until it is resumed; True if it was active.

    Nobody waits for it, so its alerts end.
    """
    changed = _change_status(device, Device.Status.ACTIVE, Device.Status.PAUSED)
    if changed:
        end_alerts(device_ids=[device.pk])
        _note(device, actor, "paused")
    return changed


@transaction.atomic
def resume_device(*, device: Device, actor: User | None) -> bool:
    """Undo a pause; True if it was paused."""
    changed = _change_status(device, Device.Status.PAUSED, Device.Status.ACTIVE)
    if changed:
        gone = Device.objects.filter(pk=device.pk, is_online=False, last_seen_at__isnull=False)
        raise_offline(gone)
        _note(device, actor, "resumed")
    return changed


@transaction.atomic
def revoke_device(*, device: Device, actor: User | None) -> bool:
    """End a device for good: its tokens die and its sockets are closed; True if it was not."""
    now = timezone.now()
    row = Device.objects.filter(pk=device.pk).exclude(status=Device.Status.REVOKED)
    was_online = row.filter(is_online=True).update(is_online=False)
    ended = row.update(status=Device.Status.REVOKED, revoked_at=now, is_default=False)
    if ended:
        DeviceToken.objects.filter(device=device, revoked_at=None).update(revoked_at=now)
        end_alerts(device_ids=[device.pk])
        _note(device, actor, "revoked")
    if was_online:
        publish(DeviceOffline(device.tenant_id, device.pk, now))
    device.refresh_from_db()
    return bool(ended)


@transaction.atomic
def limit_sim(*, sim: Sim, limits: SimLimits, actor: User | None) -> None:
    """Replace a SIM's budget."""
    names = [field.name for field in fields(limits)]
    for name in names:
        setattr(sim, name, getattr(limits, name))
    sim.save(update_fields=names)
    _note(sim.device, actor, "limited", slot=sim.slot)


def _change_status(device: Device, old: str, new: str) -> bool:
    changed = Device.objects.filter(pk=device.pk, status=old).update(status=new)
    device.refresh_from_db()
    return bool(changed)


def _note(device: Device, actor: User | None, verb: str, **detail: object) -> None:
    forget_phones()
    transaction.on_commit(forget_phones, robust=True)
    record_audit(
        tenant=device.tenant,
        actor=actor,
        action=f"device.{verb}",
        target=device.external_id,
        **detail,
    )
    publish(DeviceChanged(device.tenant_id, device.pk, timezone.now()))
