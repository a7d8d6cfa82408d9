"""What the app sends. Only what is used is looked at, and that as leniently as sense allows."""

from __future__ import annotations

from typing import Any

import msgspec

from devices.frames import storable
from devices.services.sims import SimReport

MOST_SIMS, MOST_SLOT = 16, 16
REDACTED = "*"


class SimCardIn(msgspec.Struct, rename="camel"):
    """Redacted to the last four characters (`********1234`), but for the event app:started."""

    slot_index: int | None = None
    sim_number: int | None = None
    phone_number: str | None = None
    carrier_name: str | None = None

    def report(self) -> SimReport | None:
        """What is worth keeping; None without a slot."""
        slot = self.sim_number
        if slot is None and self.slot_index is not None:
            slot = self.slot_index + 1
        if slot is None or not 1 <= slot <= MOST_SLOT:
            return None
        return SimReport(slot, _whole(self.phone_number), _whole(self.carrier_name))


class DeviceIn(msgspec.Struct, rename="camel"):
    """`POST` and `PATCH /device`. Apps below 1.65 say nothing of SIMs."""

    id: str = ""
    name: str | None = None
    push_token: str | None = None
    sim_cards: list[SimCardIn] | None = None

    @property
    def sims(self) -> tuple[SimReport, ...]:
        return sim_reports(self.sim_cards)


class RecipientIn(msgspec.Struct):
    error: str | None = None


class StateIn(msgspec.Struct):
    """One element of `PATCH /message`; the times are by the phone's clock."""

    id: str
    state: str
    recipients: list[RecipientIn] = []
    states: dict[str, Any] = {}


class EventIn(msgspec.Struct):
    """What the phone posts to the URLs of its webhook list."""

    event: str
    id: str = ""
    payload: msgspec.Raw = msgspec.Raw(b"{}")


class AttachmentIn(msgspec.Struct, rename="camel"):
    content_type: str | None = None
    name: str | None = None
    size: int | None = None


class TextIn(msgspec.Struct, rename="camel"):
    """The payload of sms:received (`message`) and mms:downloaded (`subject`, `body`)."""

    message_id: str | None = None
    sender: str | None = None
    phone_number: str | None = None  # the sender too, in older apps
    recipient: str | None = None
    sim_number: int | None = None
    received_at: Any = None
    message: str | None = None
    subject: str | None = None
    body: str | None = None
    attachments: list[AttachmentIn] | None = None


class CheckIn(msgspec.Struct, rename="camel"):
    observed_value: Any = None

    @property
    def number(self) -> int | None:
        value = self.observed_value
        return int(value) if isinstance(value, int | float) and abs(value) < 1e6 else None


class HealthIn(msgspec.Struct):
    checks: dict[str, CheckIn] = {}


class PingIn(msgspec.Struct):
    health: HealthIn = msgspec.field(default_factory=HealthIn)


class StartedIn(msgspec.Struct, rename="camel"):
    sim_cards: list[SimCardIn] | None = None


def sim_reports(cards: list[SimCardIn] | None) -> tuple[SimReport, ...]:
    """The SIMs that `cards` describe, each slot once."""
    reports = [report for card in (cards or [])[:MOST_SIMS] if (report := card.report())]
    return tuple({report.slot: report for report in reports}.values())


def _whole(text: str | None) -> str:
    """`text`, unless it is only the end of what it stands for."""
    return "" if not text or REDACTED in text else storable(text)
