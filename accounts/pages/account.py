"""One's own login: where everything about it is found."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.sessions.models import Session
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.members import membership_of
from accounts.models import Membership, User


@login_required
@require_safe
def account(request: Any) -> HttpResponse:
    """E-mail address, password, second factor, sessions, and the accounts one is a member of."""
    request.membership = membership_of(request)  # for the frame, if there is one
    return render(request, "accounts/account.html", _facts(request.user))


def _facts(user: User) -> dict[str, Any]:
    factors = {factor.type: factor for factor in Authenticator.objects.filter(user=user)}
    codes = factors.get(Authenticator.Type.RECOVERY_CODES)
    has_second_factor = Authenticator.Type.TOTP in factors
    memberships = list(Membership.objects.select_related("tenant").filter(user=user).order_by("pk"))
    is_powerful = user.is_staff or any(m.role == Membership.Role.OWNER for m in memberships)
    return {
        "is_verified": EmailAddress.objects.filter(
            user=user, email__iexact=user.email, verified=True
        ).exists(),
        "totp": factors.get(Authenticator.Type.TOTP),
        "codes_left": len(codes.wrap().get_unused_codes()) if codes else 0,
        "advise_second_factor": is_powerful and not has_second_factor,
        "google": SocialAccount.objects.filter(user=user, provider="google").first(),
        "google_is_offered": "google" in settings.SOCIALACCOUNT_PROVIDERS,
        "sessions": _browsers(user),
        "memberships": memberships,
    }


def _browsers(user: User) -> int:
    """In how many `user` is logged in: allauth's own list asks for each session one by one."""
    live = Session.objects.filter(expire_date__gt=timezone.now()).values("session_key")
    count: int = UserSession.objects.filter(user=user, session_key__in=live).count()
    return count
