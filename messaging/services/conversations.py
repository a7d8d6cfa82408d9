"""What happens to a conversation: texts come in, and the team reads, answers, notes and assigns.

Whoever changes a conversation holds its row first and only then sends, as receiving does too.
"""

from __future__ import annotations

import uuid

from django.db import connection, transaction

from accounts.errors import InvalidInput, TenantInactive
from accounts.ids import new_id
from accounts.models import Tenant, User
from messaging.drafts import MessageDraft
from messaging.events import ConversationChanged, publish
from messaging.models import Conversation, ConversationNote, Message
from messaging.services.outbound import Queued, queue_message
from messaging.templates import cut

PREVIEW = 160  # characters
MAX_NOTE = 2000  # characters

# Both rows in one statement, because every inbound text waits for it; of two first texts at once
# the later finds what the other made.
_RECORD_INBOUND = """
WITH contact AS (
    INSERT INTO messaging_contact
           (public_id, tenant_id, number, name, fields, created_at, last_inbound_at)
    VALUES (%s, %s, %s, '', '{}', %s, %s)
        ON CONFLICT (tenant_id, number) DO UPDATE
       SET last_inbound_at = EXCLUDED.last_inbound_at
)
INSERT INTO messaging_conversation AS known
       (tenant_id, number, activity_id, last_message_at, last_direction, last_text, unread)
VALUES (%s, %s, %s, %s, 'inbound', %s, 1)
    ON CONFLICT (tenant_id, number) DO UPDATE
   SET activity_id = EXCLUDED.activity_id, last_message_at = EXCLUDED.last_message_at,
       last_direction = EXCLUDED.last_direction, last_text = EXCLUDED.last_text,
       unread = known.unread + 1
"""


def record_inbound(message: Message) -> None:
    """Put the conversation of an inbound `message` on top, unread, and make its sender a contact.

    The message says as much of the text as the tenant keeps.
    """
    who = (message.tenant_id, message.sender)
    at = message.created_at
    with connection.cursor() as cursor:
        cursor.execute(
            _RECORD_INBOUND,
            [new_id(), *who, at, at, *who, message.public_id, at, _preview(message.text)],
        )


@transaction.atomic
def reply(*, tenant: Tenant, number: str, text: str) -> Queued:
    """Send `text` to `number` ahead of what programs send, and put the conversation on top.

    Routing gives it to the phone of the conversation. Raises TenantInactive, and what
    `queue_message` raises.
    """
    if not tenant.is_active:
        raise TenantInactive
    conversation = _held(tenant, number)
    draft = MessageDraft(recipient=number, text=text, lane=Message.Lane.URGENT.value)
    queued = queue_message(tenant=tenant, draft=draft, origin=Message.Origin.DASHBOARD)
    conversation.activity_id = queued.public_id
    conversation.last_message_at = queued.created_at
    conversation.last_direction = Message.Direction.OUTBOUND
    conversation.last_text = _preview(text)
    conversation.save()
    publish(ConversationChanged(tenant.pk, conversation.pk))
    return queued


@transaction.atomic
def mark_read(*, tenant: Tenant, number: str, seen: uuid.UUID) -> bool:
    """Note that somebody has seen the conversation up to `seen`, a message's or note's public id.

    What came in behind that stays unread. False when nothing changed.
    """
    found = Conversation.objects.filter(tenant=tenant, number=number, unread__gt=0)
    conversation = found.select_for_update(of=("self",), no_key=True).first()
    if conversation is None:
        return False
    newer = Message.objects.of(tenant).filter(
        sender=number, direction=Message.Direction.INBOUND, public_id__gt=seen
    )
    unread = newer.count()
    if unread == conversation.unread:
        return False
    conversation.unread = unread
    conversation.save(update_fields=["unread"])
    publish(ConversationChanged(tenant.pk, conversation.pk))
    return True


@transaction.atomic
def assign(*, tenant: Tenant, number: str, member: User | None) -> None:
    """Make a member responsible, or nobody; tells nobody. Raises InvalidInput for a stranger."""
    if member is not None and not tenant.memberships.filter(user=member).exists():
        raise InvalidInput.at("member", "not_found", "This person is not in the team any more.")
    conversation = _held(tenant, number)
    conversation.assigned_to = member
    conversation.save(update_fields=["assigned_to"])
    publish(ConversationChanged(tenant.pk, conversation.pk))


@transaction.atomic
def add_note(*, tenant: Tenant, number: str, author: User, text: str) -> ConversationNote:
    """Tell the team something; never sent. Raises InvalidInput for a text too short or too long."""
    text = text.strip()
    if not 1 <= len(text) <= MAX_NOTE:
        sentence = f"A note has 1 to {MAX_NOTE} characters."
        raise InvalidInput.at("text", "invalid_length", sentence)
    conversation = _held(tenant, number)
    # Made while the row is held, so that the notes' ids are in the order in which they appear.
    note = ConversationNote.objects.create(
        public_id=new_id(),
        conversation=conversation,
        author=author,
        author_name=author.email,
        text=text,
    )
    publish(ConversationChanged(tenant.pk, conversation.pk))
    return note


def _held(tenant: Tenant, number: str) -> Conversation:
    """The conversation with `number`, made when it is new, held to the end of the transaction."""
    Conversation.objects.bulk_create(
        [Conversation(tenant=tenant, number=number)], ignore_conflicts=True
    )
    return Conversation.objects.select_for_update(of=("self",), no_key=True).get(
        tenant=tenant, number=number
    )


def _preview(text: str) -> str:
    return cut(text, PREVIEW)
