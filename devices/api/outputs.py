"""Devices as the native API shows them."""

from datetime import time

import msgspec
from django.conf import settings

from accounts.api.times import iso
from devices.models import Device, DeviceAlert, PairingCode, Sim
from devices.queries import open_alerts, queue_depths
from devices.services.pairing import PairedPhone, pairing_url


class LimitsOut(msgspec.Struct, rename="camel"):
    segments_per_minute: int | None
    segments_per_hour: int | None
    segments_per_day: int | None
    min_gap_ms: int
    jitter_ms: int
    quiet_from: str | None
    quiet_until: str | None


class SimOut(msgspec.Struct, rename="camel"):
    slot: int
    number: str | None
    carrier: str | None
    is_present: bool
    limits: LimitsOut


class TotalsOut(msgspec.Struct, rename="camel"):
    """What the device's SIMs may send together; null = no limit."""

    segments_per_minute: int | None
    segments_per_hour: int | None
    segments_per_day: int | None


class AlertOut(msgspec.Struct, rename="camel"):
    """What is wrong with a phone now.

    `kind`: offline, cannot_send, receiver_silent, pacing_degraded or battery_low.
    """

    kind: str
    raised_at: str
    detail: str


class DeviceOut(msgspec.Struct, rename="camel"):
    """`status`: active (paired and online), offline, paused or revoked."""

    id: str
    nickname: str
    model: str
    status: str
    last_seen_at: str | None
    sent_count: int
    received_count: int
    kind: str
    app: str
    is_default: bool
    battery: int | None
    is_charging: bool | None
    network: str | None
    signal: int | None
    queue_depth: int
    alerts: list[AlertOut]
    limits: TotalsOut
    sims: list[SimOut]


class DevicesOut(msgspec.Struct):
    data: list[DeviceOut]


class PairingCodeOut(msgspec.Struct, rename="camel"):
    code: str
    expires_at: str
    pairing_url: str


class PairedOut(msgspec.Struct, rename="camel", omit_defaults=True):
    """The secrets are shown this once; the last two only with a tenant's first phone."""

    device_id: str
    device_token: str
    name: str
    socket_url: str
    api_key: str | None = None
    signing_secret: str | None = None


def devices_out(devices: list[Device]) -> list[DeviceOut]:
    """`devices` (with their SIMs prefetched), their queues and their alerts, in two queries."""
    depths, alerts = queue_depths(devices), open_alerts(devices)
    return [
        _device_out(device, depths.get(device.pk, 0), alerts.get(device.pk, []))
        for device in devices
    ]


def pairing_code_out(code: PairingCode, digits: str) -> PairingCodeOut:
    return PairingCodeOut(digits, iso(code.expires_at) or "", pairing_url(digits))


def paired_out(paired: PairedPhone) -> PairedOut:
    # http -> ws, https -> wss
    socket_url = "ws" + settings.PUBLIC_URL.removeprefix("http") + "/ws/device"
    return PairedOut(
        paired.device.external_id,
        paired.token,
        paired.device.name,
        socket_url,
        paired.once.get("api_key"),
        paired.once.get("signing_secret"),
    )


def _device_out(device: Device, queue_depth: int, alerts: list[DeviceAlert]) -> DeviceOut:
    sims = list(device.sims.all())
    status = str(device.status)
    if device.status == Device.Status.ACTIVE and not device.is_heard:
        status = "offline"
    return DeviceOut(
        id=device.external_id,
        nickname=device.name,
        model=device.model,
        status=status,
        last_seen_at=iso(device.last_seen_at),
        sent_count=device.sent_count,
        received_count=device.received_count,
        kind=device.kind,
        app=device.app,
        is_default=device.is_default,
        battery=device.battery,
        is_charging=device.is_charging,
        network=device.network or None,
        signal=device.signal,
        queue_depth=queue_depth,
        alerts=[AlertOut(alert.kind, iso(alert.raised_at) or "", alert.detail) for alert in alerts],
        limits=TotalsOut(
            _total([sim.segments_per_minute for sim in sims]),
            _total([sim.segments_per_hour for sim in sims]),
            _total([sim.segments_per_day for sim in sims]),
        ),
        sims=[_sim_out(sim) for sim in sims],
    )


def _sim_out(sim: Sim) -> SimOut:
    return SimOut(
        slot=sim.slot,
        number=sim.number or None,
        carrier=sim.carrier or None,
        is_present=sim.is_present,
        limits=LimitsOut(
            sim.segments_per_minute,
            sim.segments_per_hour,
            sim.segments_per_day,
            sim.min_gap_ms,
            sim.jitter_ms,
            _clock(sim.quiet_from),
            _clock(sim.quiet_until),
        ),
    )


def _total(counts: list[int | None]) -> int | None:
    """The sum, or None when one of them is without a limit."""
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


def _clock(moment: time | None) -> str | None:
    return moment.isoformat(timespec="minutes") if moment else None
