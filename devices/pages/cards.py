"""What a card or a page shows of a phone beyond its columns."""

from __future__ import annotations

from dataclasses import dataclass

from devices.alert_words import AlertWords, words_of
from devices.models import Device, DeviceAlert, Sim
from devices.queries import open_alerts, queue_depths, segments_of_day


@dataclass(frozen=True)
class SimUse:
    """A SIM and the segments of its day's limit that are used; None without such a limit."""

    sim: Sim
    used_of_day: int | None

    @property
    def is_spent(self) -> bool:
        """Whether nothing more may leave through it for now."""
        limit = self.sim.segments_per_day
        return limit is not None and (self.used_of_day or 0) >= limit

    @property
    def limits_in_words(self) -> str:
        """Such as `At most 30 a minute, 200 a day; quiet from 22:00 to 07:00`."""
        sim = self.sim
        windows = (
            ("a minute", sim.segments_per_minute),
            ("an hour", sim.segments_per_hour),
            ("a day", sim.segments_per_day),
        )
        counts = [f"{count} {window}" for window, count in windows if count is not None]
        parts = [f"At most {', '.join(counts)}" if counts else "No limits"]
        if sim.min_gap_ms or sim.jitter_ms:
            longest = sim.min_gap_ms + sim.jitter_ms
            span = f"{sim.min_gap_ms} to {longest}" if sim.jitter_ms else str(longest)
            parts.append(f"pause of {span} ms between texts")
        if sim.quiet_from and sim.quiet_until:
            parts.append(f"quiet from {sim.quiet_from:%H:%M} to {sim.quiet_until:%H:%M}")
        return "; ".join(parts)


@dataclass(frozen=True)
class ShownAlert:
    """An alert, open or past, with its words."""

    alert: DeviceAlert
    words: AlertWords

    @classmethod
    def of(cls, alert: DeviceAlert) -> ShownAlert:
        return cls(alert, words_of(alert.kind))


@dataclass(frozen=True)
class Card:
    """A phone, the length of its queue here, its SIMs (those taken out come last), its alerts."""

    device: Device
    queue_depth: int
    sims: list[SimUse]
    alerts: list[ShownAlert]

    @property
    def state(self) -> str:
        """One word: what people decided, else whether the phone is there."""
        if self.device.status != Device.Status.ACTIVE:
            return str(self.device.status)
        if self.device.last_seen_at is None:
            return "waiting"
        return "online" if self.device.is_heard else "offline"

    @property
    def troubles(self) -> list[ShownAlert]:
        """The alerts but for that it is offline, which its state says already."""
        offline = DeviceAlert.Kind.OFFLINE
        return [shown for shown in self.alerts if shown.alert.kind != offline]

    @property
    def reach(self) -> str:
        """How a text gets to it: `live`, `polling` or `silent`; empty where none is to."""
        if self.state not in ("online", "offline"):
            return ""
        if self.state == "offline":
            return "silent"
        return "polling" if self.device.is_polling else "live"

    @property
    def polls_every(self) -> str:
        """Such as `15 minutes`."""
        seconds = self.device.contact_seconds or 0
        return f"{seconds // 60} minutes" if seconds >= 120 else f"{seconds} seconds"

    @property
    def present_sims(self) -> list[SimUse]:
        return [use for use in self.sims if use.sim.is_present]


def cards_of(devices: list[Device]) -> list[Card]:
    """`devices` (with their SIMs prefetched) in three queries.

    The default phone comes first, then those online, each by name.
    """
    depths, alerts = queue_depths(devices), open_alerts(devices)
    used = segments_of_day([sim for device in devices for sim in device.sims.all()])
    cards = [
        Card(
            device,
            depths.get(device.pk, 0),
            [
                SimUse(sim, used.get(sim.pk))
                for sim in sorted(device.sims.all(), key=lambda sim: not sim.is_present)
            ],
            [ShownAlert.of(alert) for alert in alerts.get(device.pk, [])],
        )
        for device in devices
    ]
    return sorted(cards, key=_order)


def _order(card: Card) -> tuple[bool, bool, bool, str]:
    device = card.device
    is_revoked = device.status == Device.Status.REVOKED
    return is_revoked, not device.is_default, not device.is_heard, device.name.casefold()
