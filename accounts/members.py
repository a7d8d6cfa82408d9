"""From a logged-in person to the tenant whose pages they see, and what they may do there."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone

from accounts.errors import NotFound
from accounts.models import Membership, Tenant, User

Role = Membership.Role
RANK = {Role.VIEWER: 0, Role.OPERATOR: 1, Role.ADMIN: 2, Role.OWNER: 3}
SESSION_KEY = "tenant"

View = Callable[..., HttpResponseBase]


class MemberRequest(HttpRequest):
    """What a view behind `member_required` gets."""

    user: User
    tenant: Tenant
    membership: Membership


def may(membership: Membership, role: str) -> bool:
    """Whether a member has `role` or a higher one."""
    return RANK[Role(membership.role)] >= RANK[Role(role)]


def member_required(role: str = Role.VIEWER) -> Callable[[View], View]:
    """Let members with at least `role` in, with `request.tenant` and `request.membership`.

    Times on the page are in the tenant's zone. Who belongs to no tenant is led to where one is
    opened; who may not do this is told who may. What a service does not find is a page that is
    not there.
    """

    def decorate(view: View) -> View:
        @login_required
        @wraps(view)
        def guarded(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
            membership = membership_of(request)
            if membership is None:
                return redirect("welcome")
            request.tenant, request.membership = membership.tenant, membership
            if not may(membership, role):
                return render(request, "not_allowed.html", {"role": role}, status=403)
            with timezone.override(membership.tenant.time_zone):
                try:
                    return view(request, *args, **kwargs)
                except NotFound as error:
                    raise Http404 from error

        return guarded

    return decorate


def membership_of(request: HttpRequest) -> Membership | None:
    """The membership in the tenant that the person chose last, else in their first one."""
    if not isinstance(request.user, User):
        return None
    memberships = Membership.objects.select_related("tenant").filter(user=request.user)
    chosen = memberships.filter(tenant_id=request.session.get(SESSION_KEY, 0)).first()
    return chosen or memberships.order_by("pk").first()


def switch_tenant(request: HttpRequest, tenant: Tenant) -> None:
    """Show this tenant's pages from now on; whoever is no member of it goes on as before."""
    request.session[SESSION_KEY] = tenant.pk
