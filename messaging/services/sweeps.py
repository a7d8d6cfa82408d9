"""What the clock does to messages; every sweep is safe to run twice, at once, or late."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Tenant
from devices.models import Device, DeviceQuerySet
from devices.wakeup import nudge
from messaging.events import MessageCanceled, MessageExpired, MessageFailed, publish
from messaging.models import Message, MessageQuerySet
from messaging.queries import candidates_for, sticky_devices
from messaging.routing import choose_device
from messaging.services.history import note
from messaging.states import WAITING, Status, advance

AT_ONCE = 1000
SILENT = "The phone accepted the message and never said what became of it."
EXPIRED = "Its validity ran out before a phone could send it."


@transaction.atomic
def queue_scheduled() -> int:
    """Scheduled messages whose time has come are queued, each on a phone that is there now."""
    now = timezone.now()
    due = _lock(Message.objects.filter(status=Status.SCHEDULED, send_at__lte=now))
    advance(Message.objects.filter(pk__in=[message.pk for message in due]), "due")
    note(due, "due")
    _assign([message for message in due if message.device_id is None])
    _nudge_after_commit(due)
    return len(due)


@transaction.atomic
def return_expired_leases() -> int:
    """Offers that no phone answered in time are made again (or dropped, if cancelled meanwhile)."""
    now = timezone.now()
    overdue = _lock(Message.objects.filter(status=Status.LEASED, lease_until__lte=now))
    dropped = [message for message in overdue if message.cancel_requested_at is not None]
    returned = [message for message in overdue if message.cancel_requested_at is None]
    advance(Message.objects.filter(pk__in=[m.pk for m in returned]), "lease_ran_out")
    advance(Message.objects.filter(pk__in=[m.pk for m in dropped]), "canceled_on_phone")
    note(returned, "lease_ran_out")
    note(dropped, "canceled")
    publish(*(MessageCanceled.of(message, now) for message in dropped))
    _nudge_after_commit(returned)
    return len(overdue)


@transaction.atomic
def expire_overdue() -> int:
    """Messages whose validity ran out before any phone had them."""
    now = timezone.now()
    overdue = _lock(Message.objects.filter(status__in=WAITING, expires_at__lte=now))
    advance(
        Message.objects.filter(pk__in=[message.pk for message in overdue]),
        "expired",
        error_code="expired",
        error=EXPIRED,
        failed_at=now,
    )
    note(overdue, "expired")
    publish(*(MessageExpired.of(message, now) for message in overdue))
    return len(overdue)


@transaction.atomic
def mark_silent_unknown() -> int:
    """Accepted, and no report for fifteen minutes: nobody can tell, and we say so."""
    now = timezone.now()
    limit = now - timedelta(seconds=settings.MESSAGE_SILENT_SECONDS)
    silent = _lock(Message.objects.filter(status=Status.ACCEPTED, accepted_at__lte=limit))
    advance(
        Message.objects.filter(pk__in=[message.pk for message in silent]),
        "unknown",
        error_code="unknown",
        error=SILENT,
        failed_at=now,
    )
    note(silent, "unknown")
    publish(*(MessageFailed.of(message, now) for message in silent))
    return len(silent)


@transaction.atomic
def reroute_waiting(*, tenant_id: int | None = None) -> int:
    """Queued messages of a phone that is silent or cannot send, or of none, go to one that can.

    Pinned ones stay, and so do those whose current attempt was ever offered: the silent phone may
    hold them. `tenant_id` limits the sweep to the tenant whose phone just connected.
    """
    there = Device.objects.usable().heard(timezone.now())
    is_gone = Q(device=None) | ~Q(device__in=there)
    # Asked first, as there is hardly ever one: then the look at a long queue costs no more for it.
    unable = list(there.exclude(pk__in=there.able()).values_list("pk", flat=True))
    is_stuck = Q(device__in=unable)
    waiting = Message.objects.filter(status=Status.QUEUED, is_pinned=False, leased_at=None)
    if tenant_id is not None:
        waiting = waiting.filter(tenant_id=tenant_id)
    # What nobody online can carry is not even read, or a thousand of it would block the rest.
    helped = _lock(waiting.filter(is_gone & _goes_to(there) | is_stuck & _goes_to(there.able())))
    moved = _assign(helped)
    note(moved, "moved")
    _nudge_after_commit(moved)
    return len(moved)


def _goes_to(phones: DeviceQuerySet) -> Q:
    """Messages of tenants that have one of `phones`: a simulated one, if it is a test."""
    simulated = phones.filter(kind=Device.Kind.SIMULATED)
    return Q(is_test=False, tenant__in=phones.values("tenant")) | Q(
        is_test=True, tenant__in=simulated.values("tenant")
    )


def nudge_due() -> int:
    """Wake every phone that has due work: repairs whatever nudges were lost."""
    due = Message.objects.due(timezone.now()).exclude(device=None)
    devices = set(due.order_by().values_list("tenant_id", "device_id").distinct())
    nudge(devices)
    return len(devices)


def _lock(messages: MessageQuerySet) -> list[Message]:
    """Up to a thousand of `messages`, locked; those that someone else has in hand are skipped."""
    return list(
        messages.select_for_update(of=("self",), skip_locked=True, no_key=True).order_by("id")[
            :AT_ONCE
        ]
    )


def _assign(messages: list[Message]) -> list[Message]:
    """Choose a phone for each; returns those that got another one."""
    moved = []
    for tenant in Tenant.objects.filter(pk__in={message.tenant_id for message in messages}):
        mine = [message for message in messages if message.tenant_id == tenant.pk]
        phones = candidates_for(tenant)
        sticky = sticky_devices(tenant, [message.recipient for message in mine])
        for message in mine:
            phone = choose_device(
                phones, sticky=sticky.get(message.recipient), is_test=message.is_test
            )
            if phone is not None and phone.device_id != message.device_id:
                message.device_id = phone.device_id
                moved.append(message)
    Message.objects.bulk_update(moved, ["device"])
    return moved


def _nudge_after_commit(messages: list[Message]) -> None:
    woken = {(m.tenant_id, m.device_id) for m in messages if m.device_id is not None}
    if woken:
        transaction.on_commit(lambda: nudge(woken), robust=True)
