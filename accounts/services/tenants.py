"""A tenant's life: open, suspend, activate."""

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from accounts.errors import InvalidInput
from accounts.models import Membership, Tenant, User
from accounts.services.api_keys import forget_cached_keys
from accounts.services.audit import record_audit


@dataclass(frozen=True, slots=True)
class NewTenant:
    """What it takes to open an account; `default_country` is an ISO 3166 code."""

    name: str
    owner_email: str
    owner_password: str
    default_country: str
    time_zone: str = "UTC"


@transaction.atomic
def open_tenant(*, new: NewTenant) -> Tenant:
    """Create a tenant with its owner, who may be a known user (whose password then stays).

    Raises InvalidInput for a name, country, time zone or e-mail address that is none.
    """
    tenant = Tenant(
        name=new.name, default_country=new.default_country.upper(), time_zone=new.time_zone
    )
    _check(tenant, new.owner_email)
    tenant.save()
    owner = User.objects.filter(email__iexact=new.owner_email).first()
    if owner is None:
        owner = User.objects.create_user(new.owner_email, new.owner_password)
    Membership.objects.create(tenant=tenant, user=owner, role=Membership.Role.OWNER)
    record_audit(tenant=tenant, actor=owner, action="tenant.opened")
    return tenant


@transaction.atomic
def suspend_tenant(*, tenant: Tenant, actor: User | None, reason: str) -> bool:
    """Stop everything of a tenant; True if it was active.

    Takes effect everywhere within 60 s: cached API keys are dropped here at once and elsewhere when
    their lifetime ends, and every process looks at its sockets' tenants every few seconds.
    """
    changed = Tenant.objects.filter(pk=tenant.pk, status=Tenant.Status.ACTIVE).update(
        status=Tenant.Status.SUSPENDED, suspended_at=timezone.now(), suspended_reason=reason
    )
    if changed:
        record_audit(tenant=tenant, actor=actor, action="tenant.suspended", reason=reason)
        transaction.on_commit(forget_cached_keys, robust=True)
    tenant.refresh_from_db()
    return bool(changed)


@transaction.atomic
def activate_tenant(*, tenant: Tenant, actor: User | None) -> bool:
    """Undo a suspension; True if the tenant was suspended."""
    changed = Tenant.objects.filter(pk=tenant.pk, status=Tenant.Status.SUSPENDED).update(
        status=Tenant.Status.ACTIVE, suspended_at=None, suspended_reason=""
    )
    if changed:
        record_audit(tenant=tenant, actor=actor, action="tenant.activated")
        transaction.on_commit(forget_cached_keys, robust=True)
    tenant.refresh_from_db()
    return bool(changed)


def _check(tenant: Tenant, owner_email: str) -> None:
    try:
        tenant.full_clean(exclude=["public_id"])
        validate_email(owner_email)
    except ValidationError as error:
        raise InvalidInput(" ".join(error.messages)) from error
