"""The dashboard's first page, and the page behind a pairing code."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.models import Tenant, User
from devices.queries import devices_for
from messaging.queries import messages_for

RECENT_MESSAGES = 20


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The tenant's phones and last messages."""
    tenant = _tenant_of(request)
    context = {
        "tenant": tenant,
        "devices": list(devices_for(tenant)) if tenant else [],
        "messages_": list(messages_for(tenant)[:RECENT_MESSAGES]) if tenant else [],
        "public_url": settings.PUBLIC_URL,
    }
    return render(request, "home.html", context)


def pair(request: HttpRequest) -> HttpResponse:
    """Where a pairing link leads: how to use the code on a phone."""
    context = {"code": request.GET.get("code", "")[:20], "public_url": settings.PUBLIC_URL}
    return render(request, "pair.html", context)


def _tenant_of(request: HttpRequest) -> Tenant | None:
    """The tenant whose pages a person sees: the first that they are a member of."""
    user = request.user
    if not isinstance(user, User):
        return None
    return Tenant.objects.filter(memberships__user=user).order_by("memberships__pk").first()
