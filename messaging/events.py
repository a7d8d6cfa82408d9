"""What happens to messages, told to the apps above inside the transaction in which it happens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

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


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived(MessagingEvent):
    """An inbound text, after keywords and rules have seen it.

    `text` is here because the row has none when the tenant keeps no texts. `keyword` is `stop`,
    `start`, `help` or empty; `matched_rule_id` a `rule_…` id or empty.
    """

    name = "message.received"
    text: str
    keyword: str = ""
    matched_rule_id: str = ""
    is_forwarded: bool = True


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


@dataclass(frozen=True, slots=True)
class ContactUnsubscribed:
    """A number wants no more messages of the tenant; `source` is an `OptOut.Source`."""

    name: ClassVar[str] = "contact.unsubscribed"
    tenant_id: int
    number: str
    source: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ConversationChanged:
    """The team did something about a conversation: read, answered, noted, assigned."""

    name: ClassVar[str] = "conversation.changed"
    tenant_id: int
    conversation_id: int


class Reaction(NamedTuple):
    """What the functions in `INBOUND_RULES` say of an inbound text.

    `rule_id` is the `rule_…` that matched, or empty. Not `is_forwarded` = the tenant's endpoints
    hear nothing of it.
    """

    rule_id: str = ""
    is_forwarded: bool = True


def publish(*events: MessagingEvent | ContactUnsubscribed | ConversationChanged) -> None:
    """Hand `events` to every function in `MESSAGE_EVENT_HANDLERS`."""
    if events:
        for handler in listeners("MESSAGE_EVENT_HANDLERS"):
            handler(events)
