"""Handing messages to phones: who gets what, now, within its SIMs' budgets.

A lease is an offer. Until the phone accepts, the offer can run out and be made again with the same
attempt id, which the phone knows. After that the message stays with its phone.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from devices.models import UNABLE, Sim
from messaging.inserts import NewEvent, append_events, as_json
from messaging.models import Message
from messaging.pacing import SimBudget, is_quiet, segments_left
from messaging.queries import IS_DUE, budget_windows, devices_with_due_work
from messaging.services.history import note
from messaging.services.opt_outs import fail_opted_out
from messaging.states import Status, advance

# SQL, because a lease runs for every message and the ORM takes longer to write these than
# PostgreSQL to answer them. Columns beyond the model's become attributes of its instances.
_SIMS = """
SELECT sim.*, tenant.time_zone, device.tenant_id AS owner_id, device.unable_count,
       device.status = 'active' AND tenant.status = 'active' AS may_send
  FROM devices_sim AS sim
  JOIN devices_device AS device ON device.id = sim.device_id
  JOIN accounts_tenant AS tenant ON tenant.id = device.tenant_id
 WHERE sim.device_id = %s AND sim.is_present
 ORDER BY sim.slot
   FOR NO KEY UPDATE OF sim
"""
_ON_PHONE = """
SELECT id, public_id, attempt, sim_id, cancel_requested_at
  FROM messaging_message
 WHERE device_id = %s AND status IN ('accepted', 'leased')
"""
_OFFERED = """
SELECT message.id, message.public_id, attempt, recipient, text, encoding, segments, lane,
       expires_at, sim.slot
  FROM messaging_message AS message
  JOIN devices_sim AS sim ON sim.id = message.sim_id
 WHERE message.device_id = %s AND status = 'leased' AND cancel_requested_at IS NULL
   AND expires_at > %s
 ORDER BY lane, message.id
"""
_DUE = f"""
SELECT id, public_id, tenant_id, device_id, attempt, leases, recipient, text, encoding, segments,
       lane, sim_slot, expires_at,
       origin <> 'keyword' AND EXISTS (
           SELECT FROM messaging_optout AS gone
            WHERE gone.tenant_id = messaging_message.tenant_id
              AND gone.number = messaging_message.recipient
       ) AS is_opted_out
  FROM messaging_message
 WHERE device_id = %(device)s AND {IS_DUE}
   AND (sim_slot IS NULL OR sim_slot = ANY(%(slots)s))
   AND (lane = 0 OR NOT %(urgent_only)s) AND id <> ALL(%(seen)s)
 ORDER BY lane, id
 LIMIT %(limit)s
   FOR NO KEY UPDATE SKIP LOCKED
"""  # noqa: S608 - no input in it


@dataclass(frozen=True, slots=True)
class Offer:
    """One message as a phone needs it."""

    attempt_id: str
    recipient: str
    text: str
    sim_slot: int
    segments: int
    encoding: str
    expires_in_ms: int | None
    lane: int = Message.Lane.NORMAL.value


@dataclass(frozen=True, slots=True)
class Lease:
    """What a phone gets: offers, attempts to cancel, and when to come again (seconds, or None)."""

    offers: list[Offer] = field(default_factory=list)
    cancels: list[str] = field(default_factory=list)
    again_in_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a lease would bring: the key of its first message, attempts to cancel, when to look."""

    first: int | None = None
    cancels: tuple[str, ...] = ()
    again_in_seconds: float | None = None


def lease_messages(*, device_id: int) -> Lease:
    """Offer the device's due messages, urgent lane first, up to its SIMs' windows and budgets.

    A message whose recipient has opted out since it was queued fails here instead.

    Safe to call at once from several sockets and processes: the SIM rows serialise one phone, and
    SKIP LOCKED keeps it from waiting for anyone else. When nothing is due that costs one query.
    """
    if not devices_with_due_work(device_ids=[device_id]):
        return Lease()
    with transaction.atomic():
        return _lease(device_id)


def preview_lease(*, device_id: int) -> Preview:
    """What `lease_messages` would bring now; nothing is leased.

    For phones that are told to come and ask: one whose window is full, or whose SIMs pause, must
    not be told so again and again, and what it does not fetch must stay free for other phones.
    """
    if not devices_with_due_work(device_ids=[device_id]):
        return Preview()
    with transaction.atomic():
        plan = _plan(device_id, most=1)
    found = [message.pk for message, _ in plan.taken] + [message.pk for message in plan.opted_out]
    return Preview(min(found, default=None), tuple(plan.cancels), _seconds_until(plan.again, plan))


def _lease(device_id: int) -> Lease:
    plan = _plan(device_id)
    sims, taken, again, now = plan.sims, plan.taken, plan.again, plan.now
    fail_opted_out(plan.opted_out, now)
    if taken:
        _store(device_id, taken, now, tenant_id=sims[0].owner_id)  # type: ignore[attr-defined]
        _start_pauses(sims, taken, now)
    offers = [_offer(message, budget.slot, now) for message, budget in taken]
    pauses = [sim.next_send_at for sim in sims if sim.next_send_at and sim.next_send_at > now]
    if taken and pauses:
        again = min(pauses)
    if plan.opted_out:
        again = now  # their places in this offer are free
    return Lease(offers, plan.cancels, _seconds_until(again, plan))


@dataclass(slots=True)
class _Plan:
    """What may be handed over `now`, with everything that it depends on locked."""

    now: datetime
    sims: list[Sim]
    cancels: list[str]
    taken: list[tuple[Message, SimBudget]] = field(default_factory=list)
    opted_out: list[Message] = field(default_factory=list)
    again: datetime | None = None


def _plan(device_id: int, *, most: int | None = None) -> _Plan:
    """What fits, and at most `most` messages for each SIM."""
    sims = list(Sim.objects.raw(_SIMS, [device_id]))
    on_phone = list(Message.objects.raw(_ON_PHONE, [device_id]))
    cancels = [m.attempt_id for m in on_phone if m.cancel_requested_at is not None]
    plan = _Plan(timezone.now(), sims, cancels)
    if not sims or not sims[0].may_send:  # type: ignore[attr-defined]  # of _SIMS
        return plan
    in_flight = Counter(message.sim_id for message in on_phone)
    budgets, plan.again = _budgets(sims, in_flight, plan.now)
    if most is not None:
        budgets = [replace(budget, messages=min(most, budget.messages)) for budget in budgets]
    plan.taken, plan.opted_out = _take(device_id, budgets, plan.now)
    return plan


def _seconds_until(again: datetime | None, plan: _Plan) -> float | None:
    return (again - plan.now).total_seconds() if again else None


def offer_messages(*, device_id: int) -> Lease:
    """As `lease_messages`, with what was offered before and is not answered yet.

    For phones that ask by request: an answer that was lost on its way looks like one that arrived,
    where a socket would have closed. The phone knows the attempt ids that it has.
    """
    lease = lease_messages(device_id=device_id)
    now = timezone.now()
    offered = Message.objects.raw(_OFFERED, [device_id, now])
    offers = [_offer(message, message.slot, now) for message in offered]  # type: ignore[attr-defined]
    return Lease(offers, lease.cancels, lease.again_in_seconds)


@transaction.atomic
def return_unaccepted(*, device_id: int) -> int:
    """Put back what was offered to a phone that connects anew; its answers may have been lost.

    What the tenant wants back stays: the phone is asked for it again.
    """
    offered = list(
        Message.objects.select_for_update(no_key=True)
        .filter(device_id=device_id, status=Status.LEASED, cancel_requested_at=None)
        .order_by("id")
    )
    note(offered, "lease_ran_out")
    returned = Message.objects.filter(pk__in=[message.pk for message in offered])
    return advance(returned, "lease_ran_out", lease_until=None)


def _budgets(
    sims: list[Sim], in_flight: Counter[int | None], now: datetime
) -> tuple[list[SimBudget], datetime | None]:
    """Each SIM's room, and the earliest end of a pause that holds one back."""
    budgets, pauses = [], []
    for sim in sims:
        if sim.next_send_at is not None and sim.next_send_at > now:
            pauses.append(sim.next_send_at)
            continue
        room = settings.DEVICE_WINDOW_PER_SIM - in_flight[sim.pk]
        is_tried = sim.unable_count >= UNABLE  # type: ignore[attr-defined]  # of _SIMS
        if sim.min_gap_ms or sim.jitter_ms or is_tried:
            room = min(room, 1)
        if room > 0:
            budgets.append(_budget(sim, room, now))
    return budgets, min(pauses, default=None)


def _budget(sim: Sim, room: int, now: datetime) -> SimBudget:
    windows = budget_windows(sim)
    quiet = is_quiet(
        now,
        start=sim.quiet_from,
        end=sim.quiet_until,
        time_zone=sim.time_zone,  # type: ignore[attr-defined]  # of _SIMS
    )
    return SimBudget(
        sim_id=sim.pk,
        slot=sim.slot,
        number=sim.number,
        messages=room,
        segments=segments_left(windows),
        largest=min((window.limit for window in windows), default=0),
        urgent_only=quiet,
    )


def _take(
    device_id: int, budgets: list[SimBudget], now: datetime
) -> tuple[list[tuple[Message, SimBudget]], list[Message]]:
    """The due messages that fit, in order, each with the SIM that will carry it; and those that
    came up whose recipients have opted out.

    First in, first out on each SIM: nothing smaller overtakes a message that does not fit, but the
    SIMs that it does not wait for go on.
    """
    taken: list[tuple[Message, SimBudget]] = []
    opted_out: list[Message] = []
    while budgets:
        seen = [message for message, _ in taken] + opted_out
        for message in _due(device_id, budgets, seen, now):
            if message.is_opted_out:  # type: ignore[attr-defined]  # of _DUE
                opted_out.append(message)
                continue
            carrier = _budget_for(message, budgets)
            if carrier is None:
                slot = message.sim_slot
                budgets = [b for b in budgets if slot is not None and b.slot != slot]
                break
            carrier.spend(message.segments)
            taken.append((message, carrier))
        else:
            break
    return taken, opted_out


def _due(
    device_id: int, budgets: list[SimBudget], seen: list[Message], now: datetime
) -> Iterable[Message]:
    """What these SIMs may carry besides, in the order in which it goes, locked when it is read."""
    return Message.objects.raw(
        _DUE,
        {
            "device": device_id,
            "now": now,
            "slots": [budget.slot for budget in budgets],
            "urgent_only": all(budget.urgent_only for budget in budgets),
            "seen": [message.pk for message in seen],
            "limit": sum(budget.messages for budget in budgets),
        },
    )


def _budget_for(message: Message, budgets: list[SimBudget]) -> SimBudget | None:
    """The SIM with the most room that may carry `message`."""
    is_urgent = message.lane == Message.Lane.URGENT
    fitting = [
        budget
        for budget in budgets
        if budget.admits(slot=message.sim_slot, segments=message.segments, is_urgent=is_urgent)
    ]
    return max(fitting, key=lambda budget: (budget.messages, -budget.slot), default=None)


def _store(
    device_id: int, taken: list[tuple[Message, SimBudget]], now: datetime, *, tenant_id: int
) -> None:
    """Write the leases; every row is locked, so the guard in `advance` lets all of them pass."""
    for budget in {budget.sim_id: budget for _, budget in taken}.values():
        ids = [message.pk for message, carrier in taken if carrier is budget]
        advance(
            Message.objects.filter(pk__in=ids),
            "leased",
            sim_id=budget.sim_id,
            sender=budget.number,
            leases=F("leases") + 1,
            leased_at=now,
            lease_until=now + timedelta(seconds=settings.LEASE_SECONDS),
        )
    append_events(
        tenant_id=tenant_id,
        device_id=device_id,
        events=[
            NewEvent(
                message.pk,
                "leased",
                f"{message.attempt}.leased.{message.leases + 1}",
                detail=as_json({"sim": budget.slot}),
            )
            for message, budget in taken
        ],
    )


def _start_pauses(sims: list[Sim], taken: list[tuple[Message, SimBudget]], now: datetime) -> None:
    """After a message a SIM rests for its gap and a random part of its jitter."""
    used = {budget.sim_id for _, budget in taken}
    for sim in sims:
        if sim.pk in used and (sim.min_gap_ms or sim.jitter_ms):
            pause = sim.min_gap_ms + random.uniform(0, sim.jitter_ms)  # noqa: S311 - no secret
            sim.next_send_at = now + timedelta(milliseconds=pause)
            sim.save(update_fields=["next_send_at"])


def _offer(message: Message, slot: int, now: datetime) -> Offer:
    left = message.expires_at - now if message.expires_at else None
    return Offer(
        attempt_id=message.attempt_id,
        recipient=message.recipient,
        text=message.text,
        sim_slot=slot,
        segments=message.segments,
        encoding=message.encoding,
        expires_in_ms=int(left.total_seconds() * 1000) if left else None,
        lane=message.lane,
    )
