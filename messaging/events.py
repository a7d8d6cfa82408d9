"""What happens to messages, told to the apps above inside the transaction in which it happens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Self

from accounts.upward import listeners

if TYPE_CHECKING:
    from messaging.models import Message


@dataclass(frozen=True, slots=True)
class MessagingEvent:
    """A message (by primary keys), and when the server knew."""

    name: ClassVar[str]
    tenant_id: int
    message_id: int
    at: datetime

    @classmethod
    def of(cls, message: Message, at: datetime) -> Self:
        return cls(message.tenant_id, message.pk, at)


class MessageReceived(MessagingEvent):
    name = "message.received"


class MessageSent(MessagingEvent):
    name = "message.sent"


class MessageDelivered(MessagingEvent):
    name = "message.delivered"


class MessageFailed(MessagingEvent):
    """Failed, or nobody can tell (`unknown`)."""

    name = "message.failed"


class MessageExpired(MessagingEvent):
    name = "message.expired"


class MessageCanceled(MessagingEvent):
    name = "message.canceled"


def publish(*events: MessagingEvent) -> None:
    """Hand `events` to every function in `MESSAGE_EVENT_HANDLERS`."""
    if events:
        for handler in listeners("MESSAGE_EVENT_HANDLERS"):
            handler(events)
