"""Whether the phone is there: its requests, its pings, its open streams.

An open stream is as good as a socket for waking the phone, but it may be dead for a quarter of an
hour before TCP says so. So it counts as a sign of life only for phones that were never heard to
ping: pings come as often as heartbeats, and every one brings a request along.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from devices.models import MISSED_CONTACTS
from devices.services.presence import Vitals, record_contact, record_contacts, record_heartbeat
from integrations.phones.smsgate.inputs import PingIn
from integrations.phones.smsgate.models import PairedApp
from integrations.phones.smsgate.settings_document import settings_hash
from integrations.phones.smsgate.webhook_list import webhooks_hash
from messaging.services.sweeps import reroute_waiting

POLL_SECONDS = 900  # what Android lets a background job do at most
# Flags and numbers of the app's health report.
_WIFI, _ETHERNET, _CELLULAR = 4, 8, 2


@dataclass(frozen=True, slots=True)
class News:
    """What an app with an open stream has to fetch anew."""

    settings: bool
    webhooks: bool


def note_contact(app: PairedApp, *, is_certain: bool = False) -> None:
    """A request of the phone is a sign of life; written when it tells something new.

    `is_certain`: something else has just been written that this has to put right.
    """
    device, now = app.device, timezone.now()
    contact_seconds = contact_seconds_of(app, now)
    is_known = device.is_online and device.contact_seconds == contact_seconds
    fresh = timedelta(seconds=settings.DEVICE_HEARTBEAT_SECONDS / 2)
    if is_known and device.last_seen_at and now - device.last_seen_at < fresh and not is_certain:
        return
    record_contact(device=device, contact_seconds=contact_seconds)
    if not device.is_online:  # as it was before: what waits for any phone may go to this one
        reroute_waiting(tenant_id=device.tenant_id)


def contact_seconds_of(app: PairedApp, now: datetime) -> int | None:
    """How often it comes by itself; None while a stream is open, by which it can be called."""
    if _is_recent(app.stream_seen_at, now):
        return None
    if _is_recent(app.ping_seen_at, now):
        return int(settings.DEVICE_HEARTBEAT_SECONDS)
    return POLL_SECONDS


@transaction.atomic
def note_ping(app: PairedApp, ping: PingIn) -> None:
    """Store a ping as the heartbeat that it is."""
    app.ping_seen_at = timezone.now()
    app.save(update_fields=["ping_seen_at"])
    record_heartbeat(device=app.device, vitals=vitals_of(ping))
    is_known = app.device.contact_seconds == contact_seconds_of(app, app.ping_seen_at)
    if not app.device.is_online or not is_known:
        note_contact(app, is_certain=True)


def vitals_of(ping: PingIn) -> Vitals:
    """What the health report says of battery and network. Of signal it knows no bars."""
    told = {name: check.number for name, check in ping.health.checks.items()}
    battery, charging = told.get("battery:level"), told.get("battery:charging")
    return Vitals(
        battery=battery if battery is not None and 0 <= battery <= 100 else None,
        is_charging=None if charging is None else charging > 0,
        network=_network(told.get("connection:status"), told.get("connection:transport")),
    )


def note_clock(app: PairedApp, skew_seconds: int) -> None:
    """Remember how wrong the phone's clock is; a few seconds are the network's."""
    known = app.clock_skew_seconds
    if known is None or abs(known - skew_seconds) > 5:
        app.clock_skew_seconds = skew_seconds
        app.save(update_fields=["clock_skew_seconds"])


def renew_streams(*, device_ids: list[int]) -> dict[int, News]:
    """Of these phones a stream is open now. Returns what they have to fetch anew, by device.

    A few statements for all of them, and nothing for a phone that someone else is writing to.
    """
    now = timezone.now()
    with transaction.atomic():
        locked = PairedApp.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
        apps = list(
            locked.filter(device_id__in=device_ids)
            .select_related("device")
            .prefetch_related("device__sims")
            .order_by("pk")
        )
        PairedApp.objects.filter(pk__in=[app.pk for app in apps]).update(stream_seen_at=now)
    silent = [app.device_id for app in apps if app.ping_seen_at is None]
    if silent:
        record_contacts(device_ids=silent, contact_seconds=None)
    return {app.device_id: _news_for(app) for app in apps}


def _news_for(app: PairedApp) -> News:
    """An app that has fetched neither yet does so by itself when it starts."""
    sims = [sim for sim in app.device.sims.all() if sim.is_present]
    known, hooks = app.settings_told, app.webhooks_told
    return News(
        settings=known != "" and known != settings_hash(sims),
        webhooks=hooks != "" and hooks != webhooks_hash(app.device, app.app_version),
    )


def _is_recent(moment: datetime | None, now: datetime) -> bool:
    patience = timedelta(seconds=MISSED_CONTACTS * settings.DEVICE_HEARTBEAT_SECONDS)
    return moment is not None and now - moment < patience


def _network(status: int | None, transport: int | None) -> str:
    if status == 0:
        return "none"
    names = ((_WIFI, "wifi"), (_ETHERNET, "ethernet"), (_CELLULAR, "cellular"))
    return next((name for flag, name in names if transport and transport & flag), "")
