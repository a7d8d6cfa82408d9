"""Policies that tests name in MESSAGE_POLICIES."""

from collections.abc import Sequence

from accounts.errors import GatewayError, InsufficientCredit
from accounts.models import Tenant
from messaging.drafts import CheckedDraft

Verdicts = list[GatewayError | None]

seen: list[list[str]] = []
tenants: list[int] = []


def look(*, tenant: Tenant, drafts: Sequence[CheckedDraft]) -> Verdicts:
    """Allow everything, and remember which recipients were asked about together."""
    seen.append([item.recipient for item in drafts])
    return [None] * len(drafts)


def look_at_tenant(*, tenant: Tenant, drafts: Sequence[CheckedDraft]) -> Verdicts:
    """Allow everything, and remember whose drafts were asked about, in order."""
    tenants.append(tenant.pk)
    return [None] * len(drafts)


def refuse_expensive(
    *, tenant: Tenant, drafts: Sequence[CheckedDraft]
) -> list[GatewayError | None]:
    """Refuse what needs more than one segment."""
    return [InsufficientCredit() if item.segmentation.segments > 1 else None for item in drafts]


def take_note(*, tenant: Tenant, drafts: Sequence[CheckedDraft]) -> Verdicts:
    """Write to the database, as one that takes credit would."""
    Tenant.objects.filter(pk=tenant.pk).update(name=f"Sent {len(drafts)}")
    return [None] * len(drafts)
