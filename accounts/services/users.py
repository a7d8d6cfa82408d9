"""People's logins, as staff decide about them."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import transaction

from accounts.errors import Forbidden
from accounts.models import Tenant, User
from accounts.services.audit import record_audit


@dataclass(frozen=True, slots=True)
class Rights:
    """What a person may do beyond their tenants."""

    is_active: bool
    is_staff: bool
    is_superuser: bool


@transaction.atomic
def change_rights(*, user: User, rights: Rights, actor: User) -> bool:
    """Give a person these rights; True if they had others. Who may not log in is logged out.

    It is in the audit log of each of their tenants when their login is closed or opened. Raises
    Forbidden unless `actor` is a superuser who changes somebody else.
    """
    row = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    changes = {name: value for name, value in asdict(rights).items() if getattr(row, name) != value}
    if not changes:
        return False
    if not actor.is_superuser or actor.pk == row.pk:
        raise Forbidden("Only another superuser may change these rights.")
    User.objects.filter(pk=row.pk).update(**changes)
    if "is_active" in changes:
        action = "member.login_opened" if rights.is_active else "member.login_closed"
        _audit(row, actor, action)
        if not rights.is_active:
            for session in UserSession.objects.filter(user=row):
                session.end()
    return True


@transaction.atomic
def remove_second_factor(*, user: User, actor: User) -> bool:
    """Let a person who lost their phone and codes in by password alone; True if they had one.

    Raises Forbidden unless `actor` is a superuser who does it for somebody else.
    """
    if not actor.is_superuser or actor.pk == user.pk:
        raise Forbidden("Only another superuser may do that.")
    deleted, _ = Authenticator.objects.filter(user=user).delete()
    if deleted:
        _audit(user, actor, "member.second_factor_removed")
    return bool(deleted)


def _audit(user: User, actor: User, action: str) -> None:
    for tenant in Tenant.objects.filter(memberships__user=user):
        record_audit(tenant=tenant, actor=actor, action=action, target=user.email[:100])
