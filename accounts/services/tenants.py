"""A tenant's life: open, take its first steps, change its settings, suspend, activate."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone
from phonenumbers import SUPPORTED_REGIONS

from accounts.errors import InvalidInput, Issue
from accounts.models import Membership, Tenant, User, check_time_zone
from accounts.services.api_keys import forget_cached_keys
from accounts.services.audit import record_audit

MAX_RETENTION_DAYS = 3650


@dataclass(frozen=True, slots=True)
class NewTenant:
    """What it takes to open an account; `default_country` is an ISO 3166 code or empty.

    The password is for an owner whom nobody knows yet.
    """

    name: str
    owner_email: str
    owner_password: str
    default_country: str
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class TenantSettings:
    """How a tenant wants to be served; None = as it is.

    `default_country` is an ISO 3166 code or empty, `time_zone` a name such as Europe/Berlin.
    Messages are kept `retention_days`, 0 = for ever.
    """

    name: str | None = None
    default_country: str | None = None
    time_zone: str | None = None
    hold_when_offline: bool | None = None
    keep_inbound: bool | None = None
    mail_alerts: bool | None = None
    retention_days: int | None = None


@transaction.atomic
def open_tenant(*, new: NewTenant, owner: User | None = None) -> Tenant:
    """Create a tenant with its owner: who is given, else who has the address, else a new person.

    A known person's password stays. A new one's address counts as proven: the gateway's operator
    gave it, and must not be locked out until an e-mail arrives. Raises InvalidInput for a name,
    country, time zone or e-mail address that is none.
    """
    tenant = Tenant(
        name=new.name, default_country=new.default_country.upper(), time_zone=new.time_zone
    )
    _check(tenant, new.owner_email)
    tenant.save()
    owner = owner or User.objects.filter(email__iexact=new.owner_email).first()
    if owner is None:
        owner = User.objects.create_user(new.owner_email, new.owner_password)
        EmailAddress.objects.create(user=owner, email=owner.email, verified=True, primary=True)
    Membership.objects.create(tenant=tenant, user=owner, role=Membership.Role.OWNER)
    record_audit(tenant=tenant, actor=owner, action="tenant.opened")
    return tenant


def finish_onboarding(*, tenant: Tenant) -> bool:
    """Stop pointing at the first steps; True if they were pointed at."""
    waiting = Tenant.objects.filter(pk=tenant.pk, onboarded_at=None)
    return bool(waiting.update(onboarded_at=timezone.now()))


@transaction.atomic
def update_settings(*, tenant: Tenant, wanted: TenantSettings, actor: User | None) -> bool:
    """Change what `wanted` names, all or nothing; True if that is something else than before.

    Raises InvalidInput with an issue for each field that is wrong. Phones' texts follow at once,
    and API keys too in this process; in others when their cached keys end (10 s, api_keys.py).
    """
    values = _cleaned(wanted)
    row = Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
    changes: dict[str, Any] = {
        name: [getattr(row, name), value]
        for name, value in values.items()
        if getattr(row, name) != value
    }
    if changes:
        Tenant.objects.filter(pk=row.pk).update(**{name: values[name] for name in changes})
        record_audit(tenant=row, actor=actor, action="tenant.settings_changed", **changes)
        transaction.on_commit(forget_cached_keys, robust=True)
    return bool(changes)


@transaction.atomic
def suspend_tenant(*, tenant: Tenant, actor: User | None, reason: str) -> bool:
    """Stop everything of a tenant; True if it was active. Its members and phones read the reason.

    Raises InvalidInput for a reason that is empty or longer than 200 characters.
    Takes effect everywhere within 60 s: cached API keys are dropped here at once and elsewhere when
    their lifetime ends, and every process looks at its sockets' tenants every few seconds.
    """
    reason = reason.strip()
    if not 0 < len(reason) <= 200:
        raise InvalidInput.at("reason", "invalid_length", "Give a reason of 1 to 200 characters.")
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


def _cleaned(wanted: TenantSettings) -> dict[str, Any]:
    """What `wanted` names, as it is stored; raises InvalidInput with an issue for each mistake."""
    values = {name: value for name, value in asdict(wanted).items() if value is not None}
    issues = []
    for name, (path, clean) in _CLEANERS.items():
        try:
            if name in values:
                values[name] = clean(values[name])
        except ValidationError as error:
            issues.append(Issue(path, "invalid_value", " ".join(error.messages)))
    if issues:
        raise InvalidInput(issues=tuple(issues))
    return values


def _clean_name(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= 100:
        raise ValidationError("The name must have 1 to 100 characters.")
    return name


def _clean_country(code: str) -> str:
    code = code.strip().upper()
    if code and code not in SUPPORTED_REGIONS:
        raise ValidationError(f"{code!r} is no country; use an ISO 3166 code such as SG, or none.")
    return code


def _clean_time_zone(name: str) -> str:
    check_time_zone(name)
    return name


def _clean_retention(days: int) -> int | None:
    """None = for ever."""
    if not 0 <= days <= MAX_RETENTION_DAYS:
        raise ValidationError(f"Messages are kept 1 to {MAX_RETENTION_DAYS} days, or for ever.")
    return days or None


# Field -> (its path in the API, what makes of a value the one that is stored).
_CLEANERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "name": ("name", _clean_name),
    "default_country": ("defaultCountry", _clean_country),
    "time_zone": ("timeZone", _clean_time_zone),
    "retention_days": ("retentionDays", _clean_retention),
}
