"""Texts, and whom they go to; one module for each noun."""

from messaging.models.conversations import CannedReply, Conversation, ConversationNote
from messaging.models.exports import Export, ExportPart
from messaging.models.messages import Message, MessageEvent, MessageQuerySet
from messaging.models.people import Contact, ContactImport, Group, KeywordSettings, OptOut

__all__ = [
    "CannedReply",
    "Contact",
    "ContactImport",
    "Conversation",
    "ConversationNote",
    "Export",
    "ExportPart",
    "Group",
    "KeywordSettings",
    "Message",
    "MessageEvent",
    "MessageQuerySet",
    "OptOut",
]
