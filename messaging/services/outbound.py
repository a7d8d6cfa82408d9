"""Sending: the one way in which an outbound message comes to be, and the ways to stop it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
import structlog
from django.conf import settings
from django.db import Error, connection, transaction
from django.utils import timezone

from accounts.errors import Conflict, GatewayError, InvalidInput, Unavailable
from accounts.ids import new_id
from accounts.limits import Kind, SegmentsSpent, limit_of, spend_segments
from accounts.models import Tenant
from accounts.upward import listeners
from devices.models import Device, Sim
from devices.queries import devices_for
from devices.wakeup import nudge
from messaging.drafts import CheckedDraft, MessageDraft, check_draft
from messaging.errors import NoActiveDevice, RecipientOptedOut
from messaging.events import MessageCanceled, publish
from messaging.inserts import NewMessage, as_json, insert_messages
from messaging.models import Message
from messaging.queries import candidates_for, opted_out, sticky_devices
from messaging.routing import Candidate, choose_device
from messaging.services.history import note
from messaging.services.shared_commit import SharedCommit
from messaging.states import IN_FLIGHT, WAITING, advance

log = structlog.get_logger(__name__)

MAY_BE_STORED = (
    "The gateway lost its database while it stored the message, and cannot tell whether it did. "
    "Sent again with the same Idempotency-Key or id it goes out once; without, look before you do."
)


_LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's error when lock_timeout is hit


class Queued(msgspec.Struct, frozen=True):
    """What the sender gets to know of an accepted message."""

    public_id: uuid.UUID
    status: str
    created_at: datetime


def queue_message(*, tenant: Tenant, draft: MessageDraft, origin: Message.Origin) -> Queued:
    """Accept one outbound message: a batch of one, or of all that other threads send just now.

    Raises InvalidInput, RecipientOptedOut, NoActiveDevice, or what a policy refuses with.
    """
    order = _Order(tenant, draft, origin)
    if connection.in_atomic_block:
        (result,) = _queue_orders([order])  # part of the caller's own transaction
    else:
        result = _shared.submit(order)
    if isinstance(result, GatewayError):
        raise result
    return result


def queue_batch(
    *, tenant: Tenant, drafts: Sequence[MessageDraft], origin: Message.Origin
) -> list[Queued | GatewayError]:
    """Accept outbound messages in one commit: check, apply policies, choose phones, store, nudge.

    One result for each draft, in order; a bad draft does not stop the others. Those with the origin
    `keyword` go out in spite of an opt-out and of the day's limit.
    """
    # A policy may write, and then all is one transaction. The INSERT by itself is one already, and
    # to begin and commit another around it takes half as long again.
    with transaction.atomic(savepoint=False) if listeners("MESSAGE_POLICIES") else nullcontext():
        return _queue_batch(tenant, drafts, origin)


def _queue_batch(
    tenant: Tenant, drafts: Sequence[MessageDraft], origin: Message.Origin
) -> list[Queued | GatewayError]:
    now = timezone.now()
    checked = [_check(draft, tenant, now) for draft in drafts]
    if origin != Message.Origin.KEYWORD:
        _refuse_opted_out(tenant, checked)
    _apply_policies(tenant, checked)
    router = _Router(tenant, checked)
    results: list[Queued | GatewayError] = []
    rows: list[NewMessage] = []
    routed = [
        item if isinstance(item, GatewayError) else router.row_for(item, now) for item in checked
    ]
    if origin != Message.Origin.KEYWORD and limit_of(tenant, Kind.SEGMENTS) is not None:
        routed = _within_limit(tenant, routed)
    for row in routed:
        if isinstance(row, GatewayError):
            results.append(row)
        else:
            rows.append(row)
            results.append(Queued(row.public_id, row.status, now))
    if rows:
        insert_messages(tenant=tenant, origin=origin, created_at=now, rows=rows)
        woken = {(tenant.pk, row.device_id) for row in rows if row.device_id is not None}
        transaction.on_commit(lambda: nudge(woken), robust=True)
    return results


@contextmanager
def storing_messages(*, busy: str) -> Iterator[None]:
    """Around a transaction that queues messages: what its failure means to whoever asks to send.

    Raises Unavailable: with `busy` when somebody else's transaction was waited for in vain, and
    with MAY_BE_STORED when the connection broke, perhaps after the commit.
    """
    try:
        yield
    except Error as error:
        sqlstate = getattr(error.__cause__, "sqlstate", None)
        if sqlstate == _LOCK_NOT_AVAILABLE:
            raise Unavailable(busy) from error
        if sqlstate is None:
            raise Unavailable(MAY_BE_STORED) from error
        raise


@transaction.atomic
def cancel_message(*, message: Message) -> bool:
    """Stop a message. True = it is canceled; False = its phone was asked and will tell.

    Raises Conflict when it has left already, or has ended.
    """
    now = timezone.now()
    message = Message.objects.select_for_update(of=("self",)).get(pk=message.pk)
    if message.status in WAITING and advance(
        Message.objects.filter(pk=message.pk), "canceled", cancel_requested_at=now
    ):
        note([message], "canceled")
        publish(MessageCanceled.of(message, now))
        return True
    if message.direction == Message.Direction.INBOUND or message.status not in IN_FLIGHT:
        raise Conflict(f"A message that is {message.status} cannot be canceled.")
    ask_back([message], now)
    return False


def ask_back(messages: Sequence[Message], now: datetime) -> None:
    """Ask the phones that have `messages` not to send them; they tell what became of them."""
    if not messages:
        return
    ids = [message.pk for message in messages]
    Message.objects.filter(pk__in=ids).update(cancel_requested_at=now)
    note(messages, "cancel_asked")
    woken = {(m.tenant_id, m.device_id) for m in messages if m.device_id is not None}
    transaction.on_commit(lambda: nudge(woken), robust=True)


def _check(draft: MessageDraft, tenant: Tenant, now: datetime) -> CheckedDraft | GatewayError:
    try:
        return check_draft(draft, country=tenant.default_country, now=now)
    except InvalidInput as error:
        return error


def _refuse_opted_out(tenant: Tenant, checked: list[CheckedDraft | GatewayError]) -> None:
    """Replace drafts whose recipient has opted out by the error: one query for all of them.

    Without a lock: leasing looks again, and so sees whatever is committed in between.
    """
    numbers = {item.recipient for item in checked if isinstance(item, CheckedDraft)}
    refused = opted_out(tenant, numbers) if numbers else set()
    if refused:
        for place, item in enumerate(checked):
            if isinstance(item, CheckedDraft) and item.recipient in refused:
                checked[place] = RecipientOptedOut()


def _within_limit(
    tenant: Tenant, rows: list[NewMessage | GatewayError]
) -> list[NewMessage | GatewayError]:
    """`rows`, of which those that the day's limit has no segments for are replaced by the error."""
    total = sum(row.segments for row in rows if isinstance(row, NewMessage))
    try:
        spend_segments(tenant, total)
        return rows
    except SegmentsSpent:  # then as many as there is room for, one by one
        return [_if_within_limit(tenant, row) for row in rows]


def _if_within_limit(tenant: Tenant, row: NewMessage | GatewayError) -> NewMessage | GatewayError:
    try:
        if isinstance(row, NewMessage):
            spend_segments(tenant, row.segments)
    except SegmentsSpent as error:
        return error
    return row


def _apply_policies(tenant: Tenant, checked: list[CheckedDraft | GatewayError]) -> None:
    """Replace drafts that a policy refuses by its error; a policy sees the whole list at once."""
    for policy in listeners("MESSAGE_POLICIES"):
        places = [i for i, item in enumerate(checked) if isinstance(item, CheckedDraft)]
        verdicts = policy(tenant=tenant, drafts=[checked[i] for i in places])
        for place, verdict in zip(places, verdicts, strict=True):
            if verdict is not None:
                checked[place] = verdict


class _Order(NamedTuple):
    """One single send, waiting for its share of a commit."""

    tenant: Tenant
    draft: MessageDraft
    origin: Message.Origin


def _queue_orders(orders: list[_Order]) -> list[Queued | GatewayError]:
    """Queue `orders` of any tenants in one commit; results in order."""
    if len({(order.tenant.pk, order.origin) for order in orders}) == 1:
        drafts = [order.draft for order in orders]
        return queue_batch(tenant=orders[0].tenant, drafts=drafts, origin=orders[0].origin)
    with transaction.atomic():
        return _queue_groups(orders)


def _queue_groups(orders: list[_Order]) -> list[Queued | GatewayError]:
    groups: dict[tuple[int, Message.Origin], list[int]] = {}
    for place, order in enumerate(orders):
        groups.setdefault((order.tenant.pk, order.origin), []).append(place)
    results: dict[int, Queued | GatewayError] = {}
    for (_, origin), places in sorted(groups.items()):  # so that policies lock in one order
        drafts = [orders[place].draft for place in places]
        queued = queue_batch(tenant=orders[places[0]].tenant, drafts=drafts, origin=origin)
        results.update(zip(places, queued, strict=True))
    return [results[place] for place in range(len(orders))]


def _queue_once(orders: list[_Order]) -> list[Queued | GatewayError]:
    """As `_queue_orders`, but a connection that broke is everybody's result.

    It may have broken after the commit. After an exception SharedCommit would let each thread try
    again, and send everything twice.
    """
    try:
        return _queue_orders(orders)
    except Error as error:
        if getattr(error.__cause__, "sqlstate", None) is not None:
            raise  # PostgreSQL has answered, so it has rolled back
        log.warning("connection lost while storing", messages=len(orders), error=str(error))
        return [Unavailable(MAY_BE_STORED) for _ in orders]


_shared: SharedCommit[_Order, Queued | GatewayError] = SharedCommit(
    _queue_once, at_most=100, leaders=1
)


class _Router:
    """Chooses a phone for each draft of one batch; asks the database once, not once a draft."""

    def __init__(self, tenant: Tenant, checked: list[CheckedDraft | GatewayError]) -> None:
        drafts = [item for item in checked if isinstance(item, CheckedDraft)]
        self._tenant = tenant
        self._validity = timedelta(seconds=settings.MESSAGE_VALIDITY_SECONDS)
        self._phones: list[Candidate] = candidates_for(tenant) if drafts else []
        self._sticky: dict[str, int] = {}
        if len(self._phones) > 1:
            self._sticky = sticky_devices(tenant, [item.recipient for item in drafts])
        asked = {item.draft.device_id for item in drafts if item.draft.device_id is not None}
        known = devices_for(tenant).filter(public_id__in=asked) if asked else ()
        self._pins = {device.public_id: device for device in known}
        asks_for_sims = any(item.draft.sim_slot is not None for item in drafts)
        self._sims = _present_sims(tenant) if asks_for_sims else set()
        self._usual = {
            is_test: choose_device(self._phones, is_test=is_test) for is_test in (False, True)
        }

    def row_for(self, item: CheckedDraft, now: datetime) -> NewMessage | GatewayError:
        """The row to store for `item`, or why it cannot be sent."""
        draft = item.draft
        pinned = None
        if draft.device_id is not None:
            device = self._pins.get(draft.device_id)
            if device is None:
                return InvalidInput.at("deviceId", "not_found", "There is no such device.")
            if draft.is_test and device.kind != Device.Kind.SIMULATED:
                text = "Test keys send through simulated phones only."
                return InvalidInput.at("deviceId", "not_simulated", text)
            pinned = device.pk
        is_scheduled = draft.send_at is not None and draft.send_at > now
        phone = None if is_scheduled else self._choose(item, pinned)
        if phone is None and not is_scheduled and not self._may_wait(draft):
            return NoActiveDevice()
        device_id = phone.device_id if pinned is None and phone is not None else pinned
        if draft.sim_slot is not None and not self._has_sim(device_id, draft.sim_slot):
            return InvalidInput.at("sim", "unknown_sim", f"No phone has a SIM {draft.sim_slot}.")
        return NewMessage(
            new_id(),
            "scheduled" if is_scheduled else "queued",
            item.recipient,
            draft.text,
            item.segmentation.encoding,
            item.segmentation.segments,
            draft.lane,
            draft.expires_at or max(draft.send_at or now, now) + self._validity,
            device_id,
            pinned is not None,
            draft.is_test,
            draft.sim_slot,
            draft.send_at,
            draft.ref,
            draft.callback,
            as_json(draft.metadata),
        )

    def _choose(self, item: CheckedDraft, pinned: int | None) -> Candidate | None:
        is_test = item.draft.is_test
        if pinned is None and item.recipient not in self._sticky:
            return self._usual[is_test]
        sticky = self._sticky.get(item.recipient)
        return choose_device(self._phones, pinned=pinned, sticky=sticky, is_test=is_test)

    def _has_sim(self, device_id: int | None, slot: int) -> bool:
        """Whether that phone, or any of the tenant's while none is chosen, has the SIM."""
        if device_id is not None:
            return (device_id, slot) in self._sims
        return any(known == slot for _, known in self._sims)

    def _may_wait(self, draft: MessageDraft) -> bool:
        return self._tenant.hold_when_offline if draft.hold is None else draft.hold


def _present_sims(tenant: Tenant) -> set[tuple[int, int]]:
    """(device, slot) of every SIM that a usable phone lists."""
    sims = Sim.objects.filter(device__in=Device.objects.of(tenant).usable(), is_present=True)
    return set(sims.values_list("device_id", "slot"))
