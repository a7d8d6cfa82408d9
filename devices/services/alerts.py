"""Troubles of phones: raised once, ended once, told inside the transaction in which they are known.

Everything here may be called again and again: what is open stays open, what has ended stays so.
The e-mail is only a column here (`mail_due_at`); `alert_mails.py` sends it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q
from django.utils import timezone

from accounts.models import Tenant
from devices.events import DeviceAlertEnded, DeviceAlertRaised, publish
from devices.models import Device, DeviceAlert, DeviceQuerySet, Sim
from devices.services.alert_mails import nudge_after_commit

Kind = DeviceAlert.Kind

BATTERY_IS_LOW, BATTERY_IS_WELL = 15, 25  # percent; in between nothing changes
LIMITS_ARE_PAST = timedelta(hours=1)
# A phone that goes on and off brings one e-mail of a kind in so long; the next one counts the rest.
MAILS_APART = timedelta(minutes=30)
ALERTS_ARE_KEPT = timedelta(days=90)


@transaction.atomic
def raise_alerts(*, kind: Kind, details: Mapping[int, str]) -> int:
    """Open an alert of `kind` for each device in `details` (key -> sentence); how many are new.

    Phones that people have put aside (paused, revoked, of a suspended tenant) raise nothing.
    """
    if not details:
        return 0
    now = timezone.now()
    # Locked: whoever else knows of the same trouble waits, and then finds the alert.
    phones = Device.objects.usable().filter(pk__in=details, tenant__status=Tenant.Status.ACTIVE)
    locked = phones.select_for_update(of=("self",), no_key=True).order_by("pk")
    tenants = dict(locked.values_list("pk", "tenant_id"))
    same = DeviceAlert.objects.filter(device__in=tenants, kind=kind)
    known = set(same.open().values_list("device_id", flat=True))
    mailed = dict(same.values_list("device_id").annotate(Max("mailed_at")).order_by())
    alerts = [
        DeviceAlert(
            tenant_id=tenant_id,
            device_id=device_id,
            kind=kind,
            detail=details[device_id][:200],
            raised_at=now,
            mail_due_at=_mail_time(mailed.get(device_id), now),
        )
        for device_id, tenant_id in tenants.items()
        if device_id not in known
    ]
    DeviceAlert.objects.bulk_create(alerts)
    _tell(DeviceAlertRaised, alerts, now)
    if alerts:
        nudge_after_commit()
    return len(alerts)


@transaction.atomic
def end_alerts(*, device_ids: Collection[int], kinds: Iterable[Kind] = tuple(Kind)) -> int:
    """End what is open of these kinds for these devices; how many ended.

    An e-mail that was not sent by now is not sent any more.
    """
    now = timezone.now()
    alerts = list(
        DeviceAlert.objects.open()
        .filter(device__in=device_ids, kind__in=list(kinds))
        .select_for_update(no_key=True)
        .order_by("pk")
    )
    ended = DeviceAlert.objects.filter(pk__in=[alert.pk for alert in alerts])
    ended.update(ended_at=now, mail_due_at=None)
    _tell(DeviceAlertEnded, alerts, now)
    return len(alerts)


def raise_offline(devices: Iterable[Device]) -> int:
    """Alerts for phones that were just found silent."""
    return raise_alerts(
        kind=Kind.OFFLINE, details={device.pk: _last_words(device) for device in devices}
    )


def sweep_alerts() -> int:
    """Raise and end what the columns of phones say by now; how many alerts changed."""
    now = timezone.now()
    low = Q(battery__lte=BATTERY_IS_LOW) & ~Q(is_charging=True)
    weak = _without(Kind.BATTERY_LOW, Device.objects.usable().heard(now).filter(low))
    details = {pk: f"Its battery is at {percent} %." for pk, percent in weak}
    refused = Sim.objects.filter(last_limit_at__gt=now - LIMITS_ARE_PAST).values("device")
    return (
        raise_alerts(kind=Kind.BATTERY_LOW, details=details)
        + _end_where(Kind.BATTERY_LOW, Q(battery__gte=BATTERY_IS_WELL) | Q(is_charging=True))
        + _end_where(Kind.CANNOT_SEND, Q(unable_count=0))
        + _end_where(Kind.PACING_DEGRADED, ~Q(pk__in=refused))
    )


def prune_alerts() -> int:
    """Delete what ended more than 90 days ago; returns how many."""
    oldest = timezone.now() - ALERTS_ARE_KEPT
    deleted, _ = DeviceAlert.objects.filter(ended_at__lt=oldest).delete()
    return deleted


def _mail_time(last: datetime | None, now: datetime) -> datetime:
    return now if last is None else max(now, last + MAILS_APART)


def _last_words(device: Device) -> str:
    """What is known of a phone that went silent."""
    if device.battery is not None and device.battery <= BATTERY_IS_LOW and not device.is_charging:
        return f"Nothing was heard of it any more; its battery was at {device.battery} %."
    return "Nothing was heard of it any more."


def _without(kind: Kind, devices: DeviceQuerySet) -> list[tuple[int, int | None]]:
    """(key, battery) of those of `devices` for which no alert of `kind` is open."""
    is_open = DeviceAlert.objects.open().filter(device=OuterRef("pk"), kind=kind)
    active = devices.filter(~Exists(is_open), tenant__status=Tenant.Status.ACTIVE)
    return list(active.values_list("pk", "battery"))


def _end_where(kind: Kind, is_over: Q) -> int:
    """End open alerts of `kind` whose devices are as `is_over` says."""
    troubled = DeviceAlert.objects.open().filter(kind=kind).values("device")
    over = Device.objects.filter(is_over, pk__in=troubled).values_list("pk", flat=True)
    ids = list(over)
    return end_alerts(device_ids=ids, kinds=[kind]) if ids else 0


def _tell(
    event: type[DeviceAlertRaised | DeviceAlertEnded], alerts: list[DeviceAlert], now: datetime
) -> None:
    publish(
        *(
            event(
                alert.tenant_id,
                alert.device_id,
                now,
                kind=alert.kind,
                detail=alert.detail,
                raised_at=alert.raised_at,
            )
            for alert in alerts
        )
    )
