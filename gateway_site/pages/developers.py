"""For who writes programs against the gateway: API keys, code to start from, the request log."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.errors import GatewayError
from accounts.ids import decode_id
from accounts.members import MemberRequest, Role, member_required
from accounts.models import ApiKey
from accounts.pages.errors import show_error
from accounts.services.api_keys import SCOPES, create_api_key, revoke_api_key
from gateway_site.pages.key_forms import KeyForm, RevokeForm
from gateway_site.request_log import KEPT, LoggedRequest, requests_of

LANGUAGES = {"curl": "curl", "python": "Python", "node": "Node.js", "php": "PHP"}
PLACEHOLDER = "YOUR_API_KEY"
ENDED_KEYS = 20  # of those revoked and expired, the latest are shown
PAGE = 50  # requests
STATUS_CLASSES = {
    "2": "Succeeded (2xx)",
    "4": "Refused (4xx)",
    "5": "Failed here (5xx)",
}


@require_safe
@never_cache
@member_required(Role.ADMIN)
def developers(request: MemberRequest) -> HttpResponse:
    """Keys, and code that sends a text."""
    return _page(request, KeyForm())


@require_POST
@never_cache
@member_required(Role.ADMIN)
def create(request: MemberRequest) -> HttpResponse:
    """Make a key. The answer is the one place where it is ever shown, so it is no redirect."""
    form = KeyForm(request.POST)
    if form.is_valid():
        try:
            api_key, secret = create_api_key(
                tenant=request.tenant, new=form.wanted(), actor=request.user
            )
            return _page(request, KeyForm(), made=api_key, secret=secret)
        except GatewayError as error:
            show_error(form, error)
    return _page(request, form, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
@member_required(Role.ADMIN)
def revoke(request: MemberRequest, key_id: str) -> HttpResponse:
    """Ask for the name, then end the key; for a dialog, or as a page of its own."""
    api_key = _key(request, key_id)
    form = RevokeForm(api_key, request.POST or None)
    if request.method == "POST" and form.is_valid():
        revoke_api_key(api_key=api_key, actor=request.user)
        messages.success(request, f"{api_key.name} is revoked: within seconds nobody can use it.")
        if request.headers.get("HX-Request"):
            return HttpResponse(headers={"HX-Redirect": reverse("developers")})
        return redirect("developers")
    context: dict[str, Any] = {"api_key": api_key, "form": form}
    template = "developers/revoke.html"
    if request.headers.get("HX-Request"):
        template = "developers/_revoke.html"
    status = 422 if request.method == "POST" else 200
    return render(request, template, context, status=status)


@require_safe
@never_cache
@member_required(Role.ADMIN)
def requests(request: MemberRequest) -> HttpResponse:
    """What programs asked lately, newest first; `before` is where a page goes on."""
    shown = request.GET.get("status", "")
    if shown not in STATUS_CLASSES:
        shown = ""
    found = [row for row in requests_of(request.tenant) if str(row.status).startswith(shown)]
    rows = _before(found, request.GET.get("before", ""))
    context = {
        "rows": rows[:PAGE],
        "before": repr(rows[PAGE - 1].ended) if len(rows) > PAGE else "",
        "count": len(found),
        "status": shown,
        "classes": STATUS_CLASSES,
        "most": KEPT,
    }
    is_next_page = "before" in request.GET and request.headers.get("HX-Request")
    template = "developers/_requests.html" if is_next_page else "developers/requests.html"
    return render(request, template, context)


def _before(rows: list[LoggedRequest], moment: str) -> list[LoggedRequest]:
    """Those that ended before `moment`; all, if it is none."""
    try:
        end = float(moment)
    except ValueError:
        return rows
    return [row for row in rows if row.ended < end]


def _page(
    request: MemberRequest,
    form: KeyForm,
    *,
    status: int = 200,
    made: ApiKey | None = None,
    secret: str = "",
) -> HttpResponse:
    keys = list(ApiKey.objects.filter(tenant=request.tenant))
    language = request.GET.get("lang", "curl")
    context = {
        "keys": [key for key in keys if key.is_live],
        "ended": [key for key in keys if not key.is_live][:ENDED_KEYS],
        "form": form,
        "made": made,
        "secret": secret,
        "key": secret or PLACEHOLDER,
        "scope_count": len(SCOPES),
        "languages": LANGUAGES,
        "language": language if language in LANGUAGES else "curl",
        "public_url": settings.PUBLIC_URL,
    }
    return render(request, "developers/developers.html", context, status=status)


def _key(request: MemberRequest, key_id: str) -> ApiKey:
    """The tenant's live key; any other is not there."""
    public_id = decode_id(ApiKey.ID_PREFIX, key_id)
    keys = ApiKey.objects.select_related("tenant").filter(tenant=request.tenant, revoked_at=None)
    found = keys.filter(public_id=public_id).first() if public_id else None
    if found is None:
        raise Http404
    return found
