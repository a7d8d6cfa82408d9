"""What can be done to an endpoint: each asks in a dialog, or without script on its own page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from accounts.errors import GatewayError
from accounts.members import MemberRequest, Role, View, member_required
from accounts.pages.errors import show_error
from webhooks.models import Endpoint
from webhooks.pages.forms import DeleteForm, EnableForm, EndpointForm, ReplayForm
from webhooks.pages.views import facts_of, find_endpoint, keep_secret
from webhooks.services import endpoints as services
from webhooks.services.outbox import send_test_event
from webhooks.services.replay import replay_failed

_ask = require_http_methods(["GET", "HEAD", "POST"])


@_ask
@member_required(Role.ADMIN)
def edit(request: MemberRequest, endpoint_id: str) -> HttpResponse:
    """Another URL, name or choice of events."""
    endpoint = find_endpoint(request, endpoint_id)
    now = {"url": endpoint.url, "name": endpoint.name, "events": endpoint.events}
    form = EndpointForm(_posted(request), initial=now)

    def save() -> str:
        services.update_endpoint(endpoint=endpoint, actor=request.user, **form.cleaned_data)
        return "Saved."

    return _asked(request, endpoint, "webhooks/_edit.html", form, save)


@_ask
@member_required(Role.ADMIN)
def enable(request: MemberRequest, endpoint_id: str) -> HttpResponse:
    """Undo a disabling and, if wanted, send what was missed."""
    endpoint = find_endpoint(request, endpoint_id)
    form = EnableForm(_posted(request), endpoint=endpoint)

    def save() -> str:
        services.enable_endpoint(endpoint=endpoint, actor=request.user)
        if not form.cleaned_data["replay"]:
            return "Enabled."
        since = form.cleaned_data["since"]
        number = replay_failed(tenant=request.tenant, endpoint=endpoint, since=since)
        return f"Enabled. {_on_their_way(number)}"

    return _asked(request, endpoint, "webhooks/_enable.html", form, save)


@_ask
@member_required(Role.ADMIN)
def disable(request: MemberRequest, endpoint_id: str) -> HttpResponse:
    """Hold what would be sent."""
    endpoint = find_endpoint(request, endpoint_id)

    def save() -> str:
        services.disable_endpoint(endpoint=endpoint, actor=request.user)
        return "Disabled. What would be sent is held for 14 days."

    return _asked(request, endpoint, "webhooks/_disable.html", Form(_posted(request)), save)


@_ask
@member_required(Role.ADMIN)
def rotate(request: MemberRequest, endpoint_id: str) -> HttpResponse:
    """A new signing secret, shown once."""
    endpoint = find_endpoint(request, endpoint_id)

    def save() -> str:
        secret = services.rotate_secret(endpoint=endpoint, actor=request.user)
        keep_secret(request, endpoint, secret)
        return ""

    return _asked(request, endpoint, "webhooks/_rotate.html", Form(_posted(request)), save)


@_ask
@member_required(Role.ADMIN)
def delete(request: MemberRequest, endpoint_id: str) -> HttpResponse:
    """End it, once its host is typed."""
    endpoint = find_endpoint(request, endpoint_id)
    form = DeleteForm(_posted(request), endpoint=endpoint)

    def save() -> str:
        services.delete_endpoint(endpoint=endpoint, actor=request.user)
        return "Deleted. Its log stays for 30 days."

    return _asked(request, endpoint, "webhooks/_delete.html", form, save)


@_ask
@member_required(Role.OPERATOR)
def replay(request: MemberRequest, endpoint_id: str) -> HttpResponse:
    """Send again what did not arrive since then."""
    endpoint = find_endpoint(request, endpoint_id)
    form = ReplayForm(_posted(request), endpoint=endpoint)

    def save() -> str:
        since = form.cleaned_data["since"]
        return _on_their_way(replay_failed(tenant=request.tenant, endpoint=endpoint, since=since))

    return _asked(request, endpoint, "webhooks/_replay.html", form, save)


@require_POST
@member_required(Role.OPERATOR)
def test(request: MemberRequest, endpoint_id: str) -> HttpResponse:
    """Send a made-up event, and show what comes back."""
    endpoint = find_endpoint(request, endpoint_id)
    try:
        sent = send_test_event(endpoint=endpoint)
    except GatewayError as error:
        if "HX-Request" not in request.headers:
            messages.error(request, error.message)
            return redirect("webhooks-detail", endpoint_id)
        context = facts_of(request, endpoint) | {"refused": error.message}
        return render(request, "webhooks/_refused.html", context, status=422)
    page = "webhooks-test-outcome" if "HX-Request" in request.headers else "webhooks-delivery"
    return redirect(page, sent.external_id)


def change(service: Callable[..., object], done: str) -> View:
    """A view that does one thing to an endpoint; `done` is what is said afterwards."""

    def view(request: MemberRequest, endpoint_id: str) -> HttpResponse:
        endpoint = find_endpoint(request, endpoint_id)
        try:
            service(endpoint=endpoint, actor=request.user)
            messages.success(request, done)
        except GatewayError as error:
            messages.error(request, error.message)
        is_from_list = request.POST.get("back") == "list"
        return redirect("webhooks") if is_from_list else redirect("webhooks-detail", endpoint_id)

    return require_POST(member_required(Role.ADMIN)(view))


pause = change(services.pause_endpoint, "Paused: deliveries wait until you resume it.")
resume = change(services.resume_endpoint, "Resumed: what waited is on its way.")


def _posted(request: MemberRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _asked(
    request: MemberRequest, endpoint: Endpoint, fragment: str, form: Form, save: Callable[[], str]
) -> HttpResponse:
    """The dialog, or what came of it: `save` is called with a valid form, and says what is done."""
    if form.is_valid():
        try:
            done = save()
        except GatewayError as error:
            show_error(form, error)
        else:
            if done:
                messages.success(request, done)
            return _leave(request, _page_of(endpoint))
    context = facts_of(request, endpoint) | {"form": form, "fragment": fragment}
    status = 422 if form.errors else 200
    template = fragment if "HX-Request" in request.headers else "webhooks/action.html"
    return render(request, template, context, status=status)


def _leave(request: MemberRequest, url: str) -> HttpResponse:
    return HttpResponseClientRedirect(url) if "HX-Request" in request.headers else redirect(url)


def _page_of(endpoint: Endpoint) -> str:
    if endpoint.deleted_at is not None:
        return reverse("webhooks")
    return reverse("webhooks-detail", args=[endpoint.external_id])


def _on_their_way(number: int) -> str:
    if not number:
        return "Nothing had failed since then."
    return f"{number} deliveries are on their way." if number > 1 else "One is on its way."
