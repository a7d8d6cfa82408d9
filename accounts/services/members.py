"""Who is in a tenant's team, and as what.

Admins manage everybody but owners; owners manage everybody; anybody may leave; and there is always
an owner. Changes of one tenant's team wait for each other, so that two cannot undo that together.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from accounts.errors import Conflict, Forbidden, NotFound
from accounts.members import Role, may
from accounts.models import Invitation, Membership, Tenant
from accounts.services.audit import record_audit


class LastOwner(Conflict):
    default_message = "An account needs an owner. Make somebody else an owner first."


def roles_to_give(actor: Membership) -> tuple[Role, ...]:
    """The roles that `actor` may give to others, highest first."""
    if not may(actor, Role.ADMIN):
        return ()
    below = (Role.ADMIN, Role.OPERATOR, Role.VIEWER)
    return (Role.OWNER, *below) if actor.role == Role.OWNER else below


def may_manage(actor: Membership, member: Membership) -> bool:
    """Whether `actor` may change the role of `member`, or remove them."""
    return Role(member.role) in roles_to_give(actor)


@transaction.atomic
def change_role(*, actor: Membership, member: Membership, role: Role) -> bool:
    """Give `member` another role; False if it is theirs already.

    Raises Forbidden, LastOwner, or NotFound for somebody who is no member any more.
    """
    actor, member = _both_as_they_are(actor, member)
    if not may_manage(actor, member) or role not in roles_to_give(actor):
        raise Forbidden("Your role does not allow that.")
    was = Role(member.role)
    if was == role:
        return False
    if was == Role.OWNER:
        _check_owners_left(member)
    member.role = role
    member.save(update_fields=["role"])
    _withdraw_invitations(member, allowed=roles_to_give(member))
    _note(actor, member, "member.role_changed", was=was.value, role=role.value)
    return True


@transaction.atomic
def remove_member(*, actor: Membership, member: Membership) -> None:
    """End a membership, and the invitations that this member sent; from the next request on.

    Raises Forbidden, LastOwner, or NotFound for somebody who is no member any more.
    """
    actor, member = _both_as_they_are(actor, member)
    leaves = actor.pk == member.pk
    if not leaves and not may_manage(actor, member):
        raise Forbidden("Your role does not allow that.")
    if member.role == Role.OWNER:
        _check_owners_left(member)
    _withdraw_invitations(member, allowed=())
    _note(actor, member, "member.left" if leaves else "member.removed", role=member.role)
    member.delete()


def lock_team(tenant: Tenant) -> None:
    """Let other changes of the tenant's team wait for this transaction; messages do not wait."""
    Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)


def take_turn(actor: Membership) -> Membership:
    """Lock the team; `actor` as they are now that nobody else changes it. Raises Forbidden."""
    lock_team(actor.tenant)
    fresh = Membership.objects.select_related("tenant", "user").filter(pk=actor.pk).first()
    if fresh is None:
        raise Forbidden("You are not a member of this account any more.")
    return fresh


def _both_as_they_are(actor: Membership, member: Membership) -> tuple[Membership, Membership]:
    actor = take_turn(actor)
    team = Membership.objects.select_related("tenant", "user").filter(tenant=actor.tenant)
    fresh = team.filter(pk=member.pk).first()
    if fresh is None:
        raise NotFound("This person is not a member any more.")
    return actor, fresh


def _check_owners_left(owner: Membership) -> None:
    others = Membership.objects.filter(tenant=owner.tenant, role=Role.OWNER).exclude(pk=owner.pk)
    if not others.exists():
        raise LastOwner


def _withdraw_invitations(member: Membership, *, allowed: tuple[Role, ...]) -> None:
    """Whoever may not invite any more must not come back by an invitation of their own."""
    sent = Invitation.objects.filter(
        tenant=member.tenant, invited_by=member.user, accepted_at=None, revoked_at=None
    )
    sent.exclude(role__in=allowed).update(revoked_at=timezone.now())


def _note(actor: Membership, member: Membership, action: str, **detail: str) -> None:
    record_audit(
        tenant=actor.tenant,
        actor=actor.user,
        action=action,
        target=member.user.email[:100],
        **detail,
    )
