"""Showing staff what a tenant's message says."""

from __future__ import annotations

from accounts.models import User
from accounts.services.audit import record_audit
from messaging.models import Message


def disclose_text(*, message: Message, actor: User) -> str:
    """The text of `message`, once it is in its tenant's audit log that `actor` reads it."""
    record_audit(
        tenant=message.tenant, actor=actor, action="message.text_viewed", target=message.external_id
    )
    return message.text
