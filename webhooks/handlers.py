"""What webhooks do when something happens further down; inside the transaction of the fact.

However many events come at once, they cost the same few queries, and one if nobody listens.
"""

from __future__ import annotations

from collections.abc import Sequence

from accounts.models import Tenant
from devices.events import DeviceAlertEvent, DeviceEvent
from devices.models import Device
from messaging.events import ContactUnsubscribed, MessageReceived, MessagingEvent
from messaging.models import Message
from webhooks.audience import CALLBACK_EVENTS, heard_messages, latest_refs, subscribers
from webhooks.payloads import (
    RECEIVED,
    AlertNotice,
    DeviceNotice,
    MessageNotice,
    Notice,
    UnsubscribedNotice,
)
from webhooks.services.outbox import message_key, write

MESSAGE_EVENTS = CALLBACK_EVENTS | {"message.canceled", RECEIVED}
DEVICE_EVENTS = frozenset({"device.online", "device.offline", "device.alert", "device.alert_ended"})


def message_events(events: Sequence[MessagingEvent | ContactUnsubscribed]) -> None:
    """Write deliveries for whoever subscribed. Named in `MESSAGE_EVENT_HANDLERS`."""
    about_messages = [e for e in events if isinstance(e, MessagingEvent) and _is_told(e)]
    if about_messages:
        _tell_of_messages(about_messages)
    unsubscribed = [event for event in events if isinstance(event, ContactUnsubscribed)]
    if unsubscribed:
        _tell_of_contacts(unsubscribed)


def device_events(events: Sequence[DeviceEvent]) -> None:
    """Write deliveries for whoever subscribed. Named in `DEVICE_EVENT_HANDLERS`."""
    told = [event for event in events if event.name in DEVICE_EVENTS]
    listeners = subscribers(told) if told else []
    if not listeners:
        return
    devices = Device.objects.select_related("tenant").in_bulk({e.device_id for e in told})
    notices = [
        _device_notice(event, devices[event.device_id])
        for event in told
        if event.device_id in devices
    ]
    write(notices, listeners)


def _device_notice(event: DeviceEvent, device: Device) -> DeviceNotice:
    key = f"{device.external_id}:{_verb(event.name)}:{event.at.isoformat()}"
    if not isinstance(event, DeviceAlertEvent):
        return DeviceNotice(
            name=event.name, key=key, tenant=device.tenant, at=event.at, device=device
        )
    return AlertNotice(
        name=event.name,
        key=f"{key}:{event.kind}",
        tenant=device.tenant,
        at=event.at,
        device=device,
        kind=event.kind,
        detail=event.detail,
        raised_at=event.raised_at,
    )


def _is_told(event: MessagingEvent) -> bool:
    if isinstance(event, MessageReceived) and not event.is_forwarded:
        return False
    return event.name in MESSAGE_EVENTS


def _tell_of_messages(events: list[MessagingEvent]) -> None:
    names = {event.name for event in events}
    messages = heard_messages({event.message_id for event in events}, events=names)
    if not messages:
        return
    refs = latest_refs(
        {
            (event.tenant_id, messages[event.message_id].sender)
            for event in events
            if isinstance(event, MessageReceived) and event.message_id in messages
        }
    )
    notices: list[Notice] = [
        _message_notice(event, messages[event.message_id], refs)
        for event in events
        if event.message_id in messages
    ]
    write(notices, subscribers(events))


def _message_notice(
    event: MessagingEvent, message: Message, refs: dict[tuple[int, str], str]
) -> MessageNotice:
    text, ref, matched_rule_id = message.text, message.ref, ""
    if isinstance(event, MessageReceived):
        text, matched_rule_id = event.text, event.matched_rule_id
        ref = refs.get((event.tenant_id, message.sender), "")
    return MessageNotice(
        name=event.name,
        key=message_key(message, event.name),
        tenant=message.tenant,
        at=event.at,
        message=message,
        text=text,
        ref=ref,
        matched_rule_id=matched_rule_id,
    )


def _tell_of_contacts(events: list[ContactUnsubscribed]) -> None:
    listeners = subscribers(events)
    if not listeners:
        return
    tenants = Tenant.objects.in_bulk({listener.tenant_id for listener in listeners})
    notices = [
        UnsubscribedNotice(
            name=event.name,
            key=f"{event.number}:{_verb(event.name)}:{event.at.isoformat()}",
            tenant=tenants[event.tenant_id],
            at=event.at,
            number=event.number,
            source=event.source,
        )
        for event in events
        if event.tenant_id in tenants
    ]
    write(notices, listeners)


def _verb(name: str) -> str:
    """`online` of `device.online`."""
    return name.partition(".")[2]
