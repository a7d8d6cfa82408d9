"""The people behind the numbers."""

from __future__ import annotations

from datetime import datetime

from messaging.models import Contact


def contact_of(*, tenant_id: int, number: str, at: datetime) -> Contact:
    """The tenant's contact with `number`, which wrote at this time; made when it is new.

    One statement, so that two first texts at once make one contact. Of one that was there already
    only the key is known.
    """
    (contact,) = Contact.objects.bulk_create(
        [Contact(tenant_id=tenant_id, number=number, created_at=at, last_inbound_at=at)],
        update_conflicts=True,
        unique_fields=["tenant", "number"],
        update_fields=["last_inbound_at"],
    )
    return contact
