"""Reads of messages, always from a tenant (or from devices that were chosen within one)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

from django.db import connection
from django.db.models import Count, Q, Sum
from django.utils import timezone

from accounts.errors import NotFound
from accounts.ids import decode_id
from accounts.models import Tenant
from devices.models import Device, Sim
from devices.queries import phones_to_send
from messaging.models import Message, MessageQuerySet
from messaging.pacing import DAY, HOUR, MINUTE, Window, segments_left
from messaging.routing import Candidate
from messaging.states import IN_FLIGHT, Status

# What a phone may be offered, as SQL; `MessageQuerySet.due` for whoever has time.
IS_DUE = """
    status = 'queued' AND cancel_requested_at IS NULL AND expires_at > %(now)s
    AND coalesce(next_attempt_at <= %(now)s, true)
"""


def messages_for(tenant: Tenant) -> MessageQuerySet:
    """The tenant's messages, newest first."""
    return Message.objects.of(tenant).order_by("-public_id")


def message_for(tenant: Tenant, external_id: str) -> Message:
    """The tenant's message `msg_…`; raises NotFound for any other."""
    public_id = decode_id(Message.ID_PREFIX, external_id)
    messages = messages_for(tenant).select_related("device", "sim")
    message = messages.filter(public_id=public_id).first() if public_id else None
    if message is None:
        raise NotFound
    return message


def candidates_for(tenant: Tenant) -> list[Candidate]:
    """The tenant's phones that may send, with what routing needs to know of each."""
    phones = [
        Candidate(
            device_id=phone.pk,
            is_online=phone.is_heard,
            is_default=phone.is_default,
            is_simulated=phone.kind == Device.Kind.SIMULATED,
            has_budget=True,
            queue_on_phone=phone.queue_on_phone,
            last_seen_at=phone.last_seen_at,
            is_able=phone.is_able,
            is_slow=phone.is_slow,
        )
        for phone in phones_to_send(tenant)
    ]
    if len(phones) < 2:
        return phones  # nothing to choose between, so nobody asks for budgets
    spent = _devices_without_budget([phone.device_id for phone in phones])
    return [replace(phone, has_budget=phone.device_id not in spent) for phone in phones]


def sticky_devices(tenant: Tenant, numbers: list[str]) -> dict[str, int]:
    """Number -> the phone of its last message in either direction, for those that have one."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT asked.number, latest.device_id
              FROM unnest(%(numbers)s::text[]) AS asked(number)
             CROSS JOIN LATERAL (
                   SELECT device_id
                     FROM (  (SELECT public_id, device_id FROM messaging_message
                               WHERE tenant_id = %(tenant)s AND recipient = asked.number
                               ORDER BY public_id DESC LIMIT 1)
                           UNION ALL
                             (SELECT public_id, device_id FROM messaging_message
                               WHERE tenant_id = %(tenant)s AND sender = asked.number
                                 AND sender <> ''
                               ORDER BY public_id DESC LIMIT 1)) AS both_ways
                    ORDER BY public_id DESC LIMIT 1) AS latest
             WHERE latest.device_id IS NOT NULL
            """,
            {"numbers": list(set(numbers)), "tenant": tenant.pk},
        )
        return dict(cursor.fetchall())


def opted_out(tenant: Tenant, numbers: Collection[str]) -> set[str]:
    """Those of `numbers`, in their stored form, that want no more messages of the tenant."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT number FROM messaging_optout WHERE tenant_id = %s AND number = ANY(%s)",
            [tenant.pk, list(numbers)],
        )
        return {number for (number,) in cursor.fetchall()}


def devices_with_due_work(*, device_ids: list[int]) -> list[int]:
    """Those of `device_ids` that have something to send or to cancel: two index probes for each."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT asked.id FROM unnest(%(devices)s::bigint[]) AS asked(id)
             WHERE EXISTS (SELECT FROM messaging_message
                            WHERE device_id = asked.id AND {IS_DUE})
                OR EXISTS (SELECT FROM messaging_message
                            WHERE device_id = asked.id AND status IN ('accepted', 'leased')
                              AND cancel_requested_at IS NOT NULL)
            """,  # noqa: S608 - no input in it
            {"devices": device_ids, "now": timezone.now()},
        )
        return [device_id for (device_id,) in cursor.fetchall()]


def wanted_back(*, device_id: int) -> list[Message]:
    """What this phone has, or was offered, and the tenant has cancelled since."""
    on_phone = Message.objects.filter(device_id=device_id, status__in=IN_FLIGHT)
    return list(on_phone.exclude(cancel_requested_at=None).select_related("sim").order_by("id"))


def queue_depths(*, device_ids: list[int]) -> dict[int, int]:
    """Device -> how many messages wait for it or are on it, for those that have any."""
    open_messages = Message.objects.filter(
        Q(status=Status.QUEUED) | Q(status__in=IN_FLIGHT), device_id__in=device_ids
    )
    counts = open_messages.order_by().values_list("device_id").annotate(Count("pk"))
    return {device_id: count for device_id, count in counts if device_id is not None}


def segments_of_day(*, sim_ids: list[int]) -> dict[int, int]:
    """SIM -> segments handed to it in the last 24 hours, for those with any; one query.

    Named in `DEVICE_BUDGET_READERS`. Counts as `budget_windows` does.
    """
    handed = Message.objects.filter(sim_id__in=sim_ids, leased_at__gt=timezone.now() - DAY)
    sums = handed.exclude(status=Status.QUEUED).order_by().values_list("sim_id")
    return {sim_id: used for sim_id, used in sums.annotate(Sum("segments")) if sim_id is not None}


def budget_windows(sim: Sim) -> list[Window]:
    """The sliding windows of a SIM that has limits, with what is used of each."""
    limits = (
        (MINUTE, sim.segments_per_minute),
        (HOUR, sim.segments_per_hour),
        (DAY, sim.segments_per_day),
    )
    return [
        Window(length, limit, _segments_since(sim.pk, length))
        for length, limit in limits
        if limit is not None
    ]


def _segments_since(sim_id: int, length: timedelta) -> int:
    """Segments handed to a SIM within `length`; its limit bounds how many rows that reads.

    An offer that came back is not handed over: it counts when it is made again.
    """
    handed = Message.objects.filter(sim_id=sim_id, leased_at__gt=timezone.now() - length)
    used = handed.exclude(status=Status.QUEUED)
    return used.aggregate(total=Sum("segments"))["total"] or 0


def _devices_without_budget(device_ids: list[int]) -> set[int]:
    """Devices of which no SIM may send now: each is held back or spent, or there is none."""
    sims = Sim.objects.filter(device_id__in=device_ids, is_present=True)
    have_room = {
        sim.device_id for sim in sims if not sim.is_held and segments_left(budget_windows(sim)) != 0
    }
    return set(device_ids) - have_room
