"""Choosing a phone. Pure: what is known of the phones comes in, a choice comes out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tenant's usable phone: whether a sign of life is recent, and whether a SIM has budget.

    One that is not able has said that it cannot send, for want of a SIM or a permission. A slow one
    asks for work so seldom that a message waits for minutes.
    """

    device_id: int
    is_online: bool
    is_default: bool
    is_simulated: bool
    has_budget: bool
    queue_on_phone: int
    last_seen_at: datetime | None
    is_able: bool = True
    is_slow: bool = False


def choose_device(
    candidates: list[Candidate],
    *,
    pinned: int | None = None,
    sticky: int | None = None,
    is_test: bool = False,
) -> Candidate | None:
    """The phone for one message, or None when none is online.

    A `pinned` phone (asked for by the client) or none; else the phone of the number's last
    conversation (`sticky`); else the default; else the healthiest, with budget left before without.
    Those that are able go before all others, and those that are not slow before the rest.
    A test message goes to simulated phones only.
    """
    online = [
        phone for phone in candidates if phone.is_online and (phone.is_simulated or not is_test)
    ]
    if pinned is not None:
        return next((phone for phone in online if phone.device_id == pinned), None)
    return min(online, key=lambda phone: _preference(phone, sticky), default=None)


def _preference(
    phone: Candidate, sticky: int | None
) -> tuple[bool, bool, bool, bool, bool, int, float, int]:
    """Lower is better."""
    last_seen = phone.last_seen_at.timestamp() if phone.last_seen_at else 0.0
    return (
        not phone.is_able,
        phone.is_slow,
        phone.device_id != sticky,
        not (phone.is_default and phone.has_budget),
        not phone.has_budget,
        phone.queue_on_phone,
        -last_seen,
        phone.device_id,
    )
