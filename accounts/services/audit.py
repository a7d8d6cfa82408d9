"""The audit log."""

from typing import Any

from accounts.models import AuditEntry, Tenant, User

SYSTEM = "system"


def record_audit(
    *, tenant: Tenant, actor: User | None, action: str, target: str = "", **detail: Any
) -> AuditEntry:
    """Append one entry; call it inside the transaction of what it tells about.

    `actor` None means the gateway itself or an API client.
    """
    return AuditEntry.objects.create(
        tenant=tenant,
        actor=actor,
        actor_name=actor.email if actor else SYSTEM,
        action=action,
        target=target,
        detail=detail,
    )
