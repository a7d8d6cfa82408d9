"""The team: who is a member, as what, and who is invited."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.errors import Conflict, GatewayError
from accounts.ids import decode_id
from accounts.members import MemberRequest, Role, member_required
from accounts.models import Invitation, Membership
from accounts.pages.errors import show_error
from accounts.pages.forms import ROLE_MEANINGS, InviteForm, RoleForm
from accounts.services.invitations import invite, open_invitations, resend, revoke
from accounts.services.members import change_role, may_manage, remove_member, roles_to_give

LINK_KEY = "invitation_link"  # in the session, from the post to the page that shows it once


@require_safe
@member_required()
def team(request: MemberRequest) -> HttpResponse:
    """Everybody sees who is in the team; admins change it."""
    return _team_page(request, InviteForm(roles_to_give(request.membership)))


@require_POST
@member_required(Role.ADMIN)
def send_invitation(request: MemberRequest) -> HttpResponse:
    """Invite an address."""
    form = InviteForm(roles_to_give(request.membership), request.POST)
    if form.is_valid():
        email, role = form.cleaned_data["email"], Role(form.cleaned_data["role"])
        try:
            _, link = invite(actor=request.membership, email=email, role=role)
            return _sent(request, email, link)
        except GatewayError as error:
            show_error(form, error)
    return _team_page(request, form, status=422)


@require_POST
@member_required(Role.ADMIN)
def resend_invitation(request: MemberRequest, invitation_id: str) -> HttpResponse:
    """Send a fresh link."""
    invitation = _invitation(request, invitation_id)
    try:
        link = resend(actor=request.membership, invitation=invitation)
        return _sent(request, invitation.email, link)
    except GatewayError as error:
        messages.error(request, error.message)
        return redirect("team")


@require_POST
@member_required(Role.ADMIN)
def revoke_invitation(request: MemberRequest, invitation_id: str) -> HttpResponse:
    """Withdraw an invitation."""
    invitation = _invitation(request, invitation_id)
    try:
        revoke(actor=request.membership, invitation=invitation)
        messages.success(request, f"The invitation of {invitation.email} is withdrawn.")
    except GatewayError as error:
        messages.error(request, error.message)
    return redirect("team")


@member_required()
def member(request: MemberRequest, member_id: int) -> HttpResponse:
    """One member: another role, or the end; one's own page is the one to leave by."""
    shown = _member(request, member_id)
    form = RoleForm(
        roles_to_give(request.membership), request.POST or None, initial={"role": shown.role}
    )
    if request.method != "POST":
        return _member_page(request, shown, form)
    if form.is_valid():
        try:
            role = Role(form.cleaned_data["role"])
            change_role(actor=request.membership, member=shown, role=role)
            messages.success(request, f"{shown.user.email} is {role.label.lower()} now.")
            return redirect("team")
        except GatewayError as error:
            show_error(form, error)
    return _member_page(request, shown, form, status=422)


@require_POST
@member_required()
def remove(request: MemberRequest, member_id: int) -> HttpResponse:
    """End a membership, once its e-mail address is typed."""
    shown = _member(request, member_id)
    form = RoleForm(roles_to_give(request.membership), initial={"role": shown.role})
    if request.POST.get("email", "").strip().lower() != shown.user.email.lower():
        text = f"Type {shown.user.email} to confirm."
        return _member_page(request, shown, form, status=422, refused=text)
    try:
        remove_member(actor=request.membership, member=shown)
    except Conflict as error:
        return _member_page(request, shown, form, status=422, refused=error.message)
    except GatewayError as error:
        messages.error(request, error.message)
        return redirect("team")
    if shown.pk == request.membership.pk:
        messages.success(request, f"You have left {request.tenant.name}.")
        return redirect("home")
    messages.success(request, f"{shown.user.email} is not a member any more.")
    return redirect("team")


def _team_page(request: MemberRequest, form: InviteForm, status: int = 200) -> HttpResponse:
    me = request.membership
    members = request.tenant.memberships.select_related("user").order_by("created_at", "pk")
    is_admin = bool(roles_to_give(me))
    context = {
        "rows": [(row, row.pk == me.pk or may_manage(me, row), row.pk == me.pk) for row in members],
        "invitations": open_invitations(request.tenant) if is_admin else [],
        "form": form,
        "meanings": [(role.label, text) for role, text in ROLE_MEANINGS.items()],
        "link": request.session.pop(LINK_KEY, None) if request.method == "GET" else None,
        "may_handle": [role.value for role in roles_to_give(me)],
    }
    return render(request, "accounts/team.html", context, status=status)


def _member_page(
    request: MemberRequest, shown: Membership, form: RoleForm, status: int = 200, refused: str = ""
) -> HttpResponse:
    context: dict[str, Any] = {
        "shown": shown,
        "form": form,
        "is_me": shown.pk == request.membership.pk,
        "may_manage": may_manage(request.membership, shown),
        "refused": refused,
    }
    return render(request, "accounts/member.html", context, status=status)


def _sent(request: MemberRequest, email: str, link: str) -> HttpResponse:
    """Without a mail server the inviter has to pass the link on; else it goes by e-mail alone."""
    if settings.MAIL_IS_DELIVERED:
        messages.success(request, f"An invitation is on its way to {email}.")
    else:
        request.session[LINK_KEY] = {"email": email, "link": link}
    return redirect("team")


def _member(request: MemberRequest, member_id: int) -> Membership:
    found = request.tenant.memberships.select_related("user").filter(pk=member_id).first()
    if found is None:
        raise Http404
    return found


def _invitation(request: MemberRequest, invitation_id: str) -> Invitation:
    public_id = decode_id(Invitation.ID_PREFIX, invitation_id)
    found = request.tenant.invitations.filter(public_id=public_id).first() if public_id else None
    if found is None:
        raise Http404
    return found
