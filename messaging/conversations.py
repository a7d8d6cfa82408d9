"""Reads of conversations: the list of them, and the thread of one number.

A thread is what both directions of the number have in `messaging_message`, by the indexes
message_by_recipient and message_by_sender, and the team's notes, all in the order of their UUIDv7.
The list runs on the conversations' own rows, which inbound texts and the team's replies move to the
top; what programs send does not (see models.Conversation).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from accounts.ids import encode_id, first_id_of
from accounts.models import Tenant, User
from messaging.models import Contact, Conversation, ConversationNote, Message
from messaging.search import conversations_matching
from messaging.states import ENDS, Status

PAGE = 30  # rows of the list
ENTRIES = 40  # of a thread
MOST_NEWER = 200  # entries that an open thread catches up on at once
# Rows that commit late have ids from before those that were seen; so newer ones begin a bit below.
OVERLAP = timedelta(seconds=10)
SHOWS = ("all", "unread", "mine", "unassigned")


def conversations_for(tenant: Tenant) -> QuerySet[Conversation]:
    """The tenant's conversations, latest activity first, with `name` (the contact's) and member."""
    names = Contact.objects.filter(tenant=OuterRef("tenant"), number=OuterRef("number"))
    conversations = Conversation.objects.filter(tenant=tenant).select_related("assigned_to")
    return conversations.annotate(name=Subquery(names.values("name")[:1])).order_by("-activity_id")


def narrowed(
    conversations: QuerySet[Conversation], *, tenant: Tenant, user: User, show: str, text: str
) -> QuerySet[Conversation]:
    """Those of the tenant's `conversations` that `show`, one of SHOWS, and the search leave."""
    if show == "unread":
        conversations = conversations.filter(unread__gt=0)
    elif show == "mine":
        conversations = conversations.filter(assigned_to=user)
    elif show == "unassigned":
        conversations = conversations.filter(assigned_to=None)
    return conversations_matching(conversations, text, tenant=tenant) if text else conversations


def page_of_conversations(
    conversations: QuerySet[Conversation], *, before: uuid.UUID | None
) -> tuple[list[Conversation], uuid.UUID | None]:
    """(the next PAGE below `before`, where the page after that begins or None)."""
    if before is not None:
        conversations = conversations.filter(activity_id__lt=before)
    found = list(conversations[: PAGE + 1])
    return found[:PAGE], found[PAGE - 1].activity_id if len(found) > PAGE else None


def moved_since(
    conversations: QuerySet[Conversation], since: uuid.UUID
) -> tuple[list[Conversation], bool]:
    """(those that moved to the top since this activity, or shortly before it; whether that is all).

    When it is not, they are a page like any other.
    """
    moved = conversations.filter(activity_id__gte=first_id_of(_shortly_before(since)))
    found = list(moved[: PAGE + 1])
    return found[:PAGE], len(found) <= PAGE


def position(text: str) -> uuid.UUID | None:
    """The id that a page sent back as its position; None for anything that no page made."""
    try:
        found = uuid.UUID(text)
    except ValueError:
        return None
    return found if found <= first_id_of(timezone.now() + timedelta(days=1)) else None


def unread_count(tenant: Tenant, *, most: int = 100) -> int:
    """How many conversations have something unread, counted up to `most`."""
    unread = Conversation.objects.filter(tenant=tenant, unread__gt=0)
    return unread[:most].count()


def conversation_with(tenant: Tenant, number: str) -> Conversation | None:
    """The conversation of `number` with `name`; None while nobody wrote or did anything."""
    return conversations_for(tenant).filter(number=number).first()


def is_settled(message: Message) -> bool:
    """Whether an open page need not look at the message's status again."""
    return message.status in ENDS | {Status.DELIVERED, Status.RECEIVED}


@dataclass(frozen=True, slots=True)
class Entry:
    """A message or a note of a thread, never both."""

    public_id: uuid.UUID
    at: datetime
    message: Message | None = None
    note: ConversationNote | None = None
    opens_day: bool = False

    @property
    def key(self) -> str:
        """What no other entry of a page has."""
        return self.message.external_id if self.message else encode_id("note_", self.public_id)

    @property
    def is_settled(self) -> bool:
        return self.message is None or is_settled(self.message)

    @property
    def day(self) -> date:
        """In the zone of the page."""
        return timezone.localtime(self.at).date()


def entries_before(
    tenant: Tenant, number: str, before: uuid.UUID | None
) -> tuple[list[Entry], bool]:
    """(the last ENTRIES below `before`, oldest first; whether there are earlier ones)."""
    bound = {} if before is None else {"public_id__lt": before}
    found = _entries(tenant, number, order="-public_id", limit=ENTRIES + 1, **bound)
    return _with_days(found[:ENTRIES][::-1], None), len(found) > ENTRIES


def entries_since(tenant: Tenant, number: str, since: uuid.UUID | None) -> list[Entry]:
    """What came after `since`, oldest first, and again what came shortly before it."""
    if since is None:
        return entries_before(tenant, number, None)[0]
    start = _shortly_before(since)
    bound = {"public_id__gte": first_id_of(start)}
    found = _entries(tenant, number, order="public_id", limit=MOST_NEWER, **bound)
    return _with_days(found, timezone.localtime(start).date())


def _shortly_before(public_id: uuid.UUID) -> datetime:
    """The time that a UUIDv7 begins with (RFC 9562: 48 bits of milliseconds), less OVERLAP."""
    return datetime.fromtimestamp((public_id.int >> 80) / 1000, UTC) - OVERLAP


def _entries(
    tenant: Tenant, number: str, *, order: str, limit: int, **bound: uuid.UUID
) -> list[Entry]:
    """Up to `limit` entries within `bound` on the ids, in `order`; three queries."""
    messages = Message.objects.of(tenant).filter(**bound).order_by(order)
    notes = ConversationNote.objects.filter(
        conversation__tenant=tenant, conversation__number=number, **bound
    )
    found = [
        Entry(row.public_id, row.created_at, message=row)
        for rows in (
            messages.filter(recipient=number, direction=Message.Direction.OUTBOUND),
            messages.filter(sender=number, direction=Message.Direction.INBOUND),
        )
        for row in rows[:limit]
    ]
    found += [
        Entry(row.public_id, row.created_at, note=row) for row in notes.order_by(order)[:limit]
    ]
    found.sort(key=lambda entry: entry.public_id, reverse=order.startswith("-"))
    return found[:limit]


def _with_days(entries: list[Entry], day: date | None) -> list[Entry]:
    """`entries` that say which of them open a day; those above them end on `day`."""
    marked = []
    for entry in entries:
        marked.append(replace(entry, opens_day=entry.day != day))
        day = entry.day
    return marked
