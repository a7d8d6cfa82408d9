"""Whether a phone is there: authentication of its socket, signs of life, silence."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.errors import TenantInactive
from accounts.models import Tenant
from devices.errors import InvalidDeviceToken
from devices.events import DeviceOffline, DeviceOnline, publish
from devices.models import Device, DeviceAlert, DeviceToken, Heartbeat
from devices.queries import forget_phones
from devices.services.alerts import end_alerts, raise_offline
from devices.services.failures import record_able
from devices.services.sims import SimReport, store_sims
from devices.tokens import token_behind

HEARTBEATS_ARE_KEPT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Vitals:
    """What a phone says about itself with a heartbeat; None and "" where it says nothing."""

    battery: int | None = None
    is_charging: bool | None = None
    network: str = ""
    signal: int | None = None
    queue_on_phone: int = 0


@dataclass(frozen=True, slots=True)
class Introduction:
    """What a phone says about itself when it connects."""

    app: str
    model: str
    sims: tuple[SimReport, ...]


def authenticate_device(*, secret: str) -> DeviceToken:
    """The token (with its device and tenant) behind `secret`.

    Raises InvalidDeviceToken or TenantInactive.
    """
    token = find_token(secret=secret)
    if not token.device.tenant.is_active:
        raise TenantInactive
    return token


def find_token(*, secret: str) -> DeviceToken:
    """As `authenticate_device`, but a suspended tenant's phone is known too.

    For facts that would be lost if they were refused.
    """
    token = token_behind(secret)
    if token is None:
        raise InvalidDeviceToken
    return token


@transaction.atomic
def record_introduction(*, device: Device, introduction: Introduction) -> None:
    """Store what a phone's `hello` says; it is a sign of life too."""
    told: dict[str, object] = {"app": introduction.app[:60], "contact_seconds": None}
    if introduction.model:
        told["model"] = introduction.model[:60]
    Device.objects.filter(pk=device.pk).update(**told)
    store_sims(device=device, sims=introduction.sims)
    record_able(device=device)
    _note_life(device, timezone.now(), {})


@transaction.atomic
def record_heartbeat(*, device: Device, vitals: Vitals) -> None:
    """Store a sign of life; a phone that was offline is online from now on."""
    now = timezone.now()
    said = {name: value for name, value in asdict(vitals).items() if value not in (None, "")}
    _note_life(device, now, said)
    Heartbeat.objects.create(
        tenant_id=device.tenant_id, device=device, received_at=now, **asdict(vitals)
    )


@transaction.atomic
def record_contact(*, device: Device, contact_seconds: int | None) -> None:
    """A sign of life from a phone that holds no socket.

    `contact_seconds` is when the next one is due; None for a phone that is as good as connected.
    """
    _note_life(device, timezone.now(), {"contact_seconds": contact_seconds})


@transaction.atomic
def record_contacts(*, device_ids: list[int], contact_seconds: int | None) -> None:
    """As `record_contact` for many phones: one statement for all that are online already.

    A row that someone else is writing to is left to them.
    """
    now = timezone.now()
    rows = Device.objects.filter(pk__in=device_ids).exclude(status=Device.Status.REVOKED)
    # Locked in one order: two processes may hold connections of the same phones.
    locked = rows.select_for_update(no_key=True, skip_locked=True).order_by("pk")
    phones = list(locked)
    online = [phone.pk for phone in phones if phone.is_online]
    Device.objects.filter(pk__in=online).update(last_seen_at=now, contact_seconds=contact_seconds)
    for phone in phones:
        if not phone.is_online:
            _note_life(phone, now, {"contact_seconds": contact_seconds})


def _note_life(device: Device, now: datetime, told: dict[str, object]) -> None:
    # A revoked phone may go on talking until its socket is closed; that makes it no device again.
    row = Device.objects.filter(pk=device.pk).exclude(status=Device.Status.REVOKED)
    if row.filter(is_online=True).update(last_seen_at=now, **told):
        return
    if row.filter(is_online=False).update(last_seen_at=now, is_online=True, **told):
        transaction.on_commit(forget_phones, robust=True)
        publish(DeviceOnline(device.tenant_id, device.pk, now))
        end_alerts(device_ids=[device.pk], kinds=[DeviceAlert.Kind.OFFLINE])


@transaction.atomic
def mark_silent_devices_offline(*, watching_since: datetime | None = None) -> int:
    """Phones that missed three heartbeats are offline; returns how many became so.

    `watching_since` is when the gateway began to listen (devices/watch.py): what was not heard
    before says nothing about a phone.
    """
    now = timezone.now()
    silent = Device.objects.filter(is_online=True).silent(now)
    if watching_since is not None:
        silent = silent.awaited(now, watching_since)
    gone = list(silent.select_for_update(skip_locked=True))
    Device.objects.filter(pk__in=[device.pk for device in gone]).update(is_online=False)
    publish(*(DeviceOffline(device.tenant_id, device.pk, now) for device in gone))
    raise_offline(gone)
    return len(gone)


def prune_heartbeats() -> int:
    """Delete heartbeats older than a week; returns how many."""
    oldest = timezone.now() - HEARTBEATS_ARE_KEPT
    deleted, _ = Heartbeat.objects.filter(received_at__lt=oldest).delete()
    return deleted


def refused_tokens(*, token_ids: list[int]) -> dict[int, str]:
    """Those of `token_ids` that may not stay connected, with the reason as an error code."""
    rows = DeviceToken.objects.filter(pk__in=token_ids).values_list(
        "pk", "revoked_at", "device__status", "device__tenant__status"
    )
    found = {pk: (revoked_at, device, tenant) for pk, revoked_at, device, tenant in rows}
    refused = {}
    for token_id in token_ids:
        revoked_at, device, tenant = found.get(token_id, (timezone.now(), "", ""))
        if revoked_at is not None or device == Device.Status.REVOKED:
            refused[token_id] = InvalidDeviceToken.code
        elif tenant != Tenant.Status.ACTIVE:
            refused[token_id] = TenantInactive.code
    return refused
