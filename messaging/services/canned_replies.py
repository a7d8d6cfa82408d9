"""The texts that a team answers with again and again."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from accounts.errors import Conflict, InvalidInput
from accounts.models import Tenant
from messaging.drafts import MAX_TEXT
from messaging.models import CannedReply

MAX_TITLE = 60  # characters
MAX_CANNED = 100  # of a tenant: all are shown at once


@transaction.atomic
def create_canned_reply(*, tenant: Tenant, title: str, text: str) -> CannedReply:
    """Keep a new one; raises as `update_canned_reply`, or Conflict when there are too many."""
    Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)  # so that the count holds
    if tenant.canned_replies.count() >= MAX_CANNED:
        raise Conflict(f"There can be {MAX_CANNED} saved replies. Delete one first.")
    canned = CannedReply(tenant=tenant)
    _write(canned, title, text)
    return canned


@transaction.atomic
def update_canned_reply(*, canned: CannedReply, title: str, text: str) -> None:
    """Change one; raises InvalidInput for a bad length, Conflict for a title that is taken."""
    _write(canned, title, text)


def delete_canned_reply(*, canned: CannedReply) -> None:
    """Forget one; what was sent with it stays."""
    canned.delete()


def _write(canned: CannedReply, title: str, text: str) -> None:
    title, text = title.strip(), text.strip()
    if not 1 <= len(title) <= MAX_TITLE:
        raise InvalidInput.at(
            "title", "invalid_length", f"A title has 1 to {MAX_TITLE} characters."
        )
    if not 1 <= len(text) <= MAX_TEXT:
        raise InvalidInput.at("text", "invalid_length", f"A text has 1 to {MAX_TEXT} characters.")
    canned.title, canned.text = title, text
    try:
        with transaction.atomic():
            canned.save()
    except IntegrityError as error:
        raise Conflict(f"There is a saved reply named {title!r} already.") from error
