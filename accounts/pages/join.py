"""Where the link of an invitation leads."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.errors import GatewayError, NotFound
from accounts.members import switch_tenant
from accounts.models import Invitation, User
from accounts.services.invitations import accept, find_invitation

SESSION_KEY = "invitation"  # primary key of the invitation whose link this browser followed


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: Any) -> HttpResponse:
    """Say what the invitation is; whom it is for logs in or signs up, and then joins."""
    token = request.POST.get("token") or request.GET.get("token", "")
    try:
        invitation = find_invitation(token)
    except NotFound as error:
        return _page(request, None, status=404, ended=error.message)
    if invitation.state != Invitation.State.OPEN:
        return _page(request, invitation, status=410, ended=_ENDED[invitation.state])
    if request.method == "POST" and isinstance(request.user, User):
        return _accept(request, invitation, token)
    if not request.user.is_authenticated:
        _remember(request, invitation)
    return _page(request, invitation, token=token, here=f"{request.path}?token={quote(token)}")


def invitation_in(request: HttpRequest) -> Invitation | None:
    """The open invitation whose link this browser followed while nobody was logged in."""
    key = request.session.get(SESSION_KEY)
    if key is None:
        return None
    invitation = Invitation.objects.select_related("tenant").filter(pk=key).first()
    if invitation is None or invitation.state != Invitation.State.OPEN:
        return None
    return invitation


_ENDED = {
    Invitation.State.EXPIRED: "It was good for seven days, and they are over.",
    Invitation.State.REVOKED: "It was withdrawn.",
    Invitation.State.ACCEPTED: "It has been used already.",
}


def _remember(request: HttpRequest, invitation: Invitation) -> None:
    """Let this browser sign up with the invited address.

    An e-mail that was delivered proves the address; a link that was handed on does not.
    """
    request.session[SESSION_KEY] = invitation.pk
    if settings.MAIL_IS_DELIVERED:
        get_adapter().stash_verified_email(request, invitation.email)


def _accept(request: HttpRequest, invitation: Invitation, token: str) -> HttpResponse:
    assert isinstance(request.user, User)  # noqa: S101 - for the type checker
    try:
        membership = accept(token=token, user=request.user)
    except GatewayError as error:
        return _page(request, invitation, status=error.status, ended=error.message)
    request.session.pop(SESSION_KEY, None)
    switch_tenant(request, membership.tenant)
    messages.success(request, f"Welcome to {membership.tenant.name}.")
    return redirect("home")


def _page(
    request: HttpRequest, invitation: Invitation | None, status: int = 200, **context: Any
) -> HttpResponse:
    if invitation is not None:
        context["has_login"] = User.objects.filter(email__iexact=invitation.email).exists()
        context["is_theirs"] = (
            isinstance(request.user, User) and request.user.email.lower() == invitation.email
        )
    context["invitation"] = invitation
    return render(request, "accounts/join.html", context, status=status)
