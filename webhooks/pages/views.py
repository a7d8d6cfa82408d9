"""The pages about endpoints: all of them, a new one, and each by itself."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.errors import GatewayError, NotFound
from accounts.members import MemberRequest, Role, may, member_required
from accounts.pages.errors import show_error
from accounts.secrets import decrypt, encrypt
from webhooks.models import Endpoint
from webhooks.pages.cards import BAR_WIDTH, cards_of
from webhooks.pages.forms import EndpointForm
from webhooks.pages.log import fresh_log, log_page
from webhooks.pages.recipes import RECIPES, recipe_in
from webhooks.queries import endpoint_for, endpoints_for
from webhooks.services import endpoints as services

# In the session, encrypted, from the post to the page that shows it once.
_SECRET_KEY = "webhook_secret"  # noqa: S105 - a name, not a secret


@require_safe
@member_required()
def webhooks(request: MemberRequest) -> HttpResponse:
    """All endpoints; without any URL yet, what a webhook is, and the form."""
    endpoints = list(endpoints_for(request.tenant))
    context = {
        "cards": cards_of(request.tenant, endpoints, masks=masks_urls(request)),
        "bar_width": BAR_WIDTH,
        "is_new": not any(endpoint.url for endpoint in endpoints),
        "form": EndpointForm(),
        "recipe": recipe_in(request.GET.get("lang", "")),
        "recipes": RECIPES,
    }
    return render(request, "webhooks/webhooks.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@member_required(Role.ADMIN)
def new(request: MemberRequest) -> HttpResponse:
    """One more system is told."""
    form = EndpointForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            return _added(request, form.cleaned_data)
        except GatewayError as error:
            show_error(form, error)
    status = 422 if form.errors else 200
    return render(request, "webhooks/new.html", {"form": form}, status=status)


@require_safe
@member_required()
def endpoint(request: MemberRequest, endpoint_id: str) -> HttpResponse:
    """One endpoint: how it does, what was sent there, and what can be done."""
    found = find_endpoint(request, endpoint_id)
    log = log_page(request, found)
    if log.is_continued:
        return render(request, "webhooks/_rows.html", log.context)
    secret = _take_secret(request, found)
    context = facts_of(request, found) | log.context | {"secret": secret}
    return render(request, "webhooks/endpoint.html", context)


@require_safe
@member_required()
def fresh(request: MemberRequest, endpoint_id: str) -> HttpResponse:
    """What is new on the page of one endpoint."""
    found = find_endpoint(request, endpoint_id)
    context = facts_of(request, found) | fresh_log(request, found)
    return render(request, "webhooks/_fresh.html", context)


def find_endpoint(request: MemberRequest, endpoint_id: str) -> Endpoint:
    """The tenant's endpoint; for any other the page of what does not exist."""
    try:
        return endpoint_for(request.tenant, endpoint_id)
    except NotFound as error:
        raise Http404 from error


def masks_urls(request: MemberRequest) -> bool:
    """Whether this member sees the hosts of receivers only: a path may be a receiver's secret."""
    return not may(request.membership, Role.OPERATOR)


def facts_of(request: MemberRequest, endpoint: Endpoint) -> dict[str, Any]:
    """What all pages about one endpoint show."""
    (card,) = cards_of(request.tenant, [endpoint], masks=masks_urls(request))
    return {"card": card, "endpoint": endpoint, "bar_width": BAR_WIDTH, "now": timezone.now()}


def keep_secret(request: MemberRequest, endpoint: Endpoint, secret: str) -> None:
    """Have the endpoint's next page show its new secret, once."""
    request.session[_SECRET_KEY] = {"of": endpoint.external_id, "is": encrypt(secret)}


def _take_secret(request: MemberRequest, endpoint: Endpoint) -> str:
    kept = request.session.get(_SECRET_KEY)
    if kept is None or kept["of"] != endpoint.external_id or request.method != "GET":
        return ""
    del request.session[_SECRET_KEY]
    return decrypt(kept["is"])


def _added(request: MemberRequest, wanted: dict[str, Any]) -> HttpResponse:
    """Use the endpoint that came with the first phone while it has no URL; else make one."""
    vacant = endpoints_for(request.tenant).filter(url="").select_related("tenant").first()
    if vacant is not None:
        services.update_endpoint(endpoint=vacant, actor=request.user, **wanted)
        messages.success(request, "Saved. Send it a test event.")
        return redirect("webhooks-detail", vacant.external_id)
    endpoint, secret = services.create_endpoint(tenant=request.tenant, actor=request.user, **wanted)
    keep_secret(request, endpoint, secret)
    return redirect("webhooks-detail", endpoint.external_id)
