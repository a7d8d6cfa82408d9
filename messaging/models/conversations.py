"""Threads with one number each, as the members of a tenant work on them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Collate
from django.utils import timezone

from accounts.ids import encode_id, new_id
from accounts.models import Tenant, User
from messaging.models.messages import Message


class Conversation(models.Model):
    """What a tenant's team keeps of its talk with one number; the texts themselves are messages.

    Made by the first inbound text, or by what somebody does about the number on the pages. What
    programs send does not touch it: that would be a hot row on the path of every send. So its
    `last_…` columns, and the order of the list, know inbound texts and the team's replies only; the
    thread reads all messages of the number, whoever sent them.
    """

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="conversations")
    number = models.CharField(max_length=32, help_text="As messages store it: E.164, or a name.")
    activity_id = models.UUIDField(
        default=new_id, help_text="A UUIDv7 of the last activity; the list runs on it."
    )
    last_message_at = models.DateTimeField(null=True, blank=True)
    last_direction = models.CharField(
        max_length=10, choices=Message.Direction.choices, blank=True, help_text="Blank = no text."
    )
    last_text = models.CharField(
        max_length=160, blank=True, help_text="How it begins; blank if the tenant keeps no texts."
    )
    unread = models.PositiveIntegerField(default=0, help_text="Inbound since somebody looked.")
    assigned_to = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="conversation_once")
        ]
        indexes = [
            models.Index(fields=["tenant", "activity_id"], name="conversation_by_activity"),
            models.Index(
                fields=["tenant", "activity_id"],
                condition=Q(unread__gt=0),
                name="conversation_unread",
            ),
            models.Index(
                fields=["tenant", "assigned_to", "activity_id"], name="conversation_by_member"
            ),
            models.Index("tenant", Collate("number", "C"), name="conversation_by_number"),
        ]

    def __str__(self) -> str:
        return self.number


class ConversationNote(models.Model):
    """What a member tells the others about a conversation; never sent."""

    public_id = models.UUIDField(default=new_id, editable=False)
    conversation = models.ForeignKey(
        Conversation, models.CASCADE, related_name="notes", db_index=False
    )
    author = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    author_name = models.CharField(max_length=254, help_text="Kept when the person is gone.")
    text = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["conversation", "public_id"], name="note_by_conversation")]

    def __str__(self) -> str:
        return f"{self.author_name} on {self.conversation}"


class CannedReply(models.Model):
    """A text that the team answers with again and again; may have `{{name}}` to fill in."""

    ID_PREFIX = "can_"

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="canned_replies")
    title = models.CharField(max_length=60)
    text = models.TextField()

    class Meta:
        ordering = ["title"]
        verbose_name_plural = "canned replies"
        constraints = [models.UniqueConstraint(fields=["tenant", "title"], name="canned_once")]

    def __str__(self) -> str:
        return self.title

    @property
    def external_id(self) -> str:
        return encode_id(self.ID_PREFIX, self.public_id)
