"""What ingresses do when a text comes in; inside the transaction in which it is stored."""

from collections.abc import Sequence

from messaging.events import ContactUnsubscribed, MessagingEvent


def message_events(events: Sequence[MessagingEvent | ContactUnsubscribed]) -> None:
    """Mirror inbound texts to every `outbound_url`. Named in `MESSAGE_EVENT_HANDLERS`."""
