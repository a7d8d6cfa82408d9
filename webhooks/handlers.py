"""What webhooks do when something happens further down; inside the transaction of the fact."""

from collections.abc import Sequence

from devices.events import DeviceEvent
from messaging.events import ContactUnsubscribed, MessagingEvent


def message_events(events: Sequence[MessagingEvent | ContactUnsubscribed]) -> None:
    """Write deliveries for whoever subscribed. Named in `MESSAGE_EVENT_HANDLERS`."""


def device_events(events: Sequence[DeviceEvent]) -> None:
    """Write deliveries for whoever subscribed. Named in `DEVICE_EVENT_HANDLERS`."""
