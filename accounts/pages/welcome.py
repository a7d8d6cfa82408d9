"""Opening an account, and going from one to another."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import GatewayError
from accounts.ids import decode_id
from accounts.members import switch_tenant
from accounts.models import Tenant, User
from accounts.pages.errors import show_error
from accounts.pages.forms import WelcomeForm
from accounts.services.limits import Limit, spend
from accounts.services.tenants import NewTenant, open_tenant

# An account costs rows and a person's attention, and may be opened by whoever signs up.
_OPENED = Limit("accounts-opened", 5, 86_400)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def welcome(request: Any) -> HttpResponse:
    """For who belongs to no tenant yet, or opens another one."""
    if not _may_open(request.user):
        return render(request, "accounts/welcome_closed.html", {"memberships": _count(request)})
    form = WelcomeForm(request.POST or None)
    if form.is_valid():
        try:
            switch_tenant(request, _open(request.user, form.cleaned_data))
            return redirect("start")
        except GatewayError as error:
            show_error(form, error)
    context = {"form": form, "memberships": _count(request)}
    status = 422 if request.method == "POST" else 200
    return render(request, "accounts/welcome.html", context, status=status)


@login_required
@require_POST
def switch(request: Any, tenant_id: str) -> HttpResponse:
    """Show another tenant's pages; one that the person is no member of is not found."""
    public_id = decode_id(Tenant.ID_PREFIX, tenant_id)
    tenant = request.user.tenants.filter(public_id=public_id).first() if public_id else None
    if tenant is None:
        raise Http404
    switch_tenant(request, tenant)
    return redirect("home")


def _may_open(user: User) -> bool:
    """While sign-up is closed, the gateway's operator says who has an account."""
    return settings.SIGN_UP_IS_OPEN or user.is_staff


def _open(user: User, data: dict[str, str]) -> Tenant:
    spend(_OPENED, str(user.pk))
    new = NewTenant(data["name"], user.email, "", data["country"], data["time_zone"])
    return open_tenant(new=new, owner=user)


def _count(request: HttpRequest) -> int:
    return request.user.tenants.count() if isinstance(request.user, User) else 0
