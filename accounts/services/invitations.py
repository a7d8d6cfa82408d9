"""Invitations: an e-mail whose link lets one person join a tenant.

The link alone does not: whoever follows it joins with a login of the address that was invited. It
was sent nowhere else, so a login made by way of it needs no other proof of that address.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.errors import Conflict, Forbidden, GatewayError, InvalidInput, NotFound
from accounts.limits import Kind, check_limit
from accounts.mail import send_email
from accounts.members import Role
from accounts.models import Invitation, Membership, Tenant, User
from accounts.secrets import keyed_hash, new_token
from accounts.services.audit import record_audit
from accounts.services.limits import Limit, spend
from accounts.services.members import lock_team, roles_to_give, take_turn

LIFETIME = timedelta(days=7)
# Invitations carry a name that a tenant chose to addresses that it chose: not a way to send spam.
_SENT = Limit("invitations", 50, 86_400)


class MailNotSent(GatewayError):
    status = 503
    code = "mail_not_sent"
    default_message = "The invitation is stored, but the e-mail could not be sent. Send it again."


class InvitationEnded(Conflict):
    default_message = "This invitation has ended. Ask for another one."


class WrongPerson(Forbidden):
    default_message = "This invitation is for somebody else."


def open_invitations(tenant: Tenant) -> list[Invitation]:
    """Those that wait for an answer, and those that nobody answered in time; newest first."""
    waiting = tenant.invitations.filter(accepted_at=None, revoked_at=None)
    return list(waiting.select_related("invited_by"))


def seats_taken(tenant: Tenant) -> int:
    """Members, and invitations that may still be accepted."""
    waiting = tenant.invitations.filter(accepted_at=None, revoked_at=None)
    return tenant.memberships.count() + waiting.filter(expires_at__gt=timezone.now()).count()


def invite(*, actor: Membership, email: str, role: Role) -> tuple[Invitation, str]:
    """Invite `email` into the tenant of `actor`; the invitation and its link, and the e-mail sent.

    Raises Forbidden, InvalidInput at `email`, LimitReached, RateLimited, MailNotSent.
    """
    email, tenant = email.strip().lower(), actor.tenant
    spend(_SENT, str(tenant.pk))
    token, now = new_token(Invitation.TOKEN_PREFIX), timezone.now()
    with transaction.atomic():
        if role not in roles_to_give(take_turn(actor)):
            raise Forbidden("Your role does not allow that.")
        _check(tenant, email)
        if tenant.invitations.filter(email=email, accepted_at=None, revoked_at=None).exists():
            text = "This address has an invitation already. Send it again, or withdraw it first."
            raise InvalidInput.at("email", "invited", text)
        check_limit(tenant, Kind.MEMBERS, used=seats_taken(tenant))
        invitation = Invitation.objects.create(
            tenant=tenant,
            email=email,
            role=role,
            token_hash=keyed_hash(token),
            invited_by=actor.user,
            sent_at=now,
            expires_at=now + LIFETIME,
        )
        _note(invitation, actor.user, "invitation.sent", role=role.value)
    return invitation, _send(invitation, token)


def resend(*, actor: Membership, invitation: Invitation) -> str:
    """Send a fresh link, also for one that has expired; returns it. The link before ends.

    Raises Forbidden, InvitationEnded, LimitReached, RateLimited, MailNotSent.
    """
    spend(_SENT, str(actor.tenant_id))
    token, now = new_token(Invitation.TOKEN_PREFIX), timezone.now()
    with transaction.atomic():
        _may_handle(take_turn(actor), invitation)
        if invitation.state == Invitation.State.EXPIRED:  # it held no seat any more
            check_limit(actor.tenant, Kind.MEMBERS, used=seats_taken(actor.tenant))
        waiting = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None)
        if not waiting.update(
            token_hash=keyed_hash(token),
            invited_by=actor.user,
            sent_at=now,
            expires_at=now + LIFETIME,
        ):
            raise InvitationEnded
        _note(invitation, actor.user, "invitation.sent_again")
    return _send(invitation, token)


@transaction.atomic
def revoke(*, actor: Membership, invitation: Invitation) -> None:
    """Withdraw an invitation; raises Forbidden, InvitationEnded."""
    _may_handle(take_turn(actor), invitation)
    waiting = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None)
    if not waiting.update(revoked_at=timezone.now()):
        raise InvitationEnded
    _note(invitation, actor.user, "invitation.revoked")


def find_invitation(token: str) -> Invitation:
    """The invitation behind a link, in whatever state; raises NotFound."""
    found = Invitation.objects.select_related("tenant", "invited_by")
    invitation = found.filter(token_hash=keyed_hash(token)).first()
    if invitation is None:
        raise NotFound("This link leads to no invitation. Ask for another one.")
    return invitation


@transaction.atomic
def accept(*, token: str, user: User) -> Membership:
    """Make `user` a member. Who is one already keeps their role, and spends the invitation.

    Raises NotFound, InvitationEnded, WrongPerson.
    """
    invitation = find_invitation(token)
    lock_team(invitation.tenant)
    invitation.refresh_from_db()
    if invitation.state != Invitation.State.OPEN or invitation.token_hash != keyed_hash(token):
        raise InvitationEnded
    if user.email.lower() != invitation.email:
        raise WrongPerson
    membership, is_new = Membership.objects.get_or_create(
        tenant=invitation.tenant, user=user, defaults={"role": invitation.role}
    )
    invitation.accepted_at = timezone.now()
    invitation.save(update_fields=["accepted_at"])
    if is_new:
        _note(invitation, user, "member.joined", role=membership.role)
    return membership


def _check(tenant: Tenant, email: str) -> None:
    try:
        Invitation._meta.get_field("email").run_validators(email)
    except ValidationError as error:
        raise InvalidInput.at("email", "invalid_email", "This is no e-mail address.") from error
    if tenant.memberships.filter(user__email__iexact=email).exists():
        raise InvalidInput.at("email", "is_member", "This person is a member already.")


def _may_handle(actor: Membership, invitation: Invitation) -> None:
    if Role(invitation.role) not in roles_to_give(actor):
        raise Forbidden("Your role does not allow that.")


def _send(invitation: Invitation, token: str) -> str:
    """E-mail the link. The token is in the query, which the gateway's log leaves out."""
    link = f"{settings.PUBLIC_URL}{reverse('join')}?token={token}"
    tenant = invitation.tenant
    context = {"invitation": invitation, "tenant": tenant, "link": link, "days": LIFETIME.days}
    try:
        send_email(
            to=invitation.email,
            subject=f"Join {' '.join(tenant.name.split())} on the SMS gateway",
            template="invitation",
            context=context,
        )
    except OSError as error:
        raise MailNotSent from error
    return link


def _note(invitation: Invitation, actor: User | None, action: str, **detail: str) -> None:
    record_audit(
        tenant=invitation.tenant,
        actor=actor,
        action=action,
        target=invitation.external_id,
        email=invitation.email,
        **detail,
    )
