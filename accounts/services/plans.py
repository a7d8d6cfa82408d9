"""Plans, and which one a tenant is on; staff's decisions, in the audit log of whom they concern."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from accounts.errors import InvalidInput
from accounts.limits import Kind
from accounts.models import AuditEntry, Plan, Tenant, User
from accounts.services.api_keys import forget_cached_keys
from accounts.services.audit import SYSTEM, record_audit

Limits = dict[Kind, int | None]


@dataclass(frozen=True, slots=True)
class PlanWish:
    """A plan as it is to be; a kind that is not named is not limited."""

    name: str
    limits: Limits = field(default_factory=dict)


@transaction.atomic
def create_plan(*, wish: PlanWish) -> Plan:
    """A new plan, which nobody is on; raises InvalidInput for a name that is taken."""
    _check_name(wish.name)
    return Plan.objects.create(name=wish.name, **_columns(wish.limits))


@transaction.atomic
def update_plan(*, plan: Plan, wish: PlanWish, actor: User | None) -> bool:
    """Change a plan, at once for all who are on it; True if that is something else than before.

    Who has more than they may have now keeps it, and gets no more. Raises InvalidInput for a name
    that is taken.
    """
    row = Plan.objects.select_for_update(no_key=True).get(pk=plan.pk)
    if wish.name != row.name:
        _check_name(wish.name)
    changes = _changes(row, {"name": wish.name, **_columns(wish.limits)})
    if not changes:
        return False
    Plan.objects.filter(pk=row.pk).update(**{name: new for name, (_, new) in changes.items()})
    AuditEntry.objects.bulk_create(
        AuditEntry(
            tenant_id=tenant_id,
            actor=actor,
            actor_name=actor.email if actor else SYSTEM,
            action="plan.changed",
            detail={"plan": wish.name, **changes},
        )
        for tenant_id in Tenant.objects.filter(plan=row).values_list("pk", flat=True)
    )
    transaction.on_commit(forget_cached_keys, robust=True)
    return True


def delete_plan(*, plan: Plan) -> None:
    """Delete a plan that nobody is on; raises ProtectedError for any other."""
    plan.delete()


@transaction.atomic
def change_plan(*, tenant: Tenant, plan: Plan | None, limits: Limits, actor: User | None) -> bool:
    """Put a tenant on `plan` (None = on none) with limits of its own; True if that is a change.

    A kind that `limits` does not name is as the plan says.
    """
    row = Tenant.objects.select_for_update(no_key=True, of=("self",)).get(pk=tenant.pk)
    was = row.plan.name if row.plan else None
    changes = _changes(row, _columns(limits))
    columns: dict[str, Any] = {name: new for name, (_, new) in changes.items()}
    if (plan.pk if plan else None) != row.plan_id:
        columns["plan"] = plan
        changes["plan"] = [was, plan.name if plan else None]
    if not columns:
        return False
    Tenant.objects.filter(pk=row.pk).update(**columns)
    record_audit(tenant=row, actor=actor, action="tenant.limits_changed", **changes)
    transaction.on_commit(forget_cached_keys, robust=True)
    return True


def _check_name(name: str) -> None:
    if Plan.objects.filter(name=name).exists():
        raise InvalidInput.at("name", "taken", "There is a plan of this name already.")


def _columns(limits: Limits) -> dict[str, int | None]:
    return {kind.value: limits.get(kind) for kind in Kind}


def _changes(row: Plan | Tenant, wanted: dict[str, Any]) -> dict[str, Any]:
    """Column -> [what it is, what it is to be], where these differ."""
    return {
        name: [getattr(row, name), value]
        for name, value in wanted.items()
        if getattr(row, name) != value
    }
