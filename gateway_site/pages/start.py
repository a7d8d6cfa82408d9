"""The first steps of an account: pair a phone, send a text, make an API key; then, a first rule.

Each step is a fragment that looks again when something happens, and ticks itself off.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.errors import GatewayError
from accounts.members import MemberRequest, Role, member_required
from accounts.models import ApiKey, Tenant
from accounts.pages.errors import show_error
from accounts.places import countries
from accounts.services.api_keys import NewApiKey, create_api_key
from accounts.services.tenants import finish_onboarding
from devices.queries import devices_for
from devices.services.pairing import create_pairing_code
from messaging.drafts import MAX_TEXT, MessageDraft
from messaging.models import Message
from messaging.queries import messages_for
from messaging.services.outbound import queue_message
from rules.queries import rules_for

_COUNTRIES = dict(countries())
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


class FirstTextForm(forms.Form):
    """A number and a text; the service knows what is wrong with them."""

    to = forms.CharField(label="Number", max_length=40)
    text = forms.CharField(
        label="Text",
        max_length=MAX_TEXT,
        initial="Hello from our SMS gateway",
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, country: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to"].widget.attrs |= {"type": "tel", "inputmode": "tel"}
        self.fields["to"].help_text = (
            f"As you dial it in {_COUNTRIES.get(country, country)}, or with + and country code."
            if country
            else "With + and country code."
        )


@require_safe
@member_required(Role.ADMIN)
def start(request: MemberRequest) -> HttpResponse:
    """All steps; whoever has done them all is not pointed here again."""
    context = {name: facts(request.tenant) for name, facts in (_STEPS | _NEXT).items()}
    _finish_if_done(request.tenant)
    context["text"]["form"] = FirstTextForm(request.tenant.default_country)
    return render(request, "start.html", context | _local())


@require_safe
@never_cache
@member_required(Role.ADMIN)
def step(request: MemberRequest, name: str) -> HttpResponse:
    """One step as it is now."""
    find_facts = (_STEPS | _NEXT).get(name)
    if find_facts is None:
        raise Http404
    facts = find_facts(request.tenant)
    if "typing" in request.GET and not facts["is_done"]:
        return HttpResponse(status=204)  # a form in which somebody is typing stays as it is
    facts["form"] = FirstTextForm(request.tenant.default_country)
    return _fragment(request, name, facts)


@require_POST
@member_required(Role.ADMIN)
def send_text(request: MemberRequest) -> HttpResponse:
    """Send the first text."""
    form = FirstTextForm(request.tenant.default_country, request.POST)
    if form.is_valid():
        draft = MessageDraft(recipient=form.cleaned_data["to"], text=form.cleaned_data["text"])
        try:
            queue_message(tenant=request.tenant, draft=draft, origin=Message.Origin.DASHBOARD)
        except GatewayError as error:
            show_error(form, error)
    facts = _text(request.tenant) | {"form": form}
    return _fragment(request, "text", facts, status=422 if form.errors else 200)


@require_POST
@never_cache
@member_required(Role.ADMIN)
def make_key(request: MemberRequest) -> HttpResponse:
    """Make an API key and show it, this once."""
    try:
        _, secret = create_api_key(
            tenant=request.tenant, new=NewApiKey("My key"), actor=request.user
        )
    except GatewayError as error:
        facts = _key(request.tenant) | {"refused": error.message}
        return _fragment(request, "key", facts, status=422)
    return _fragment(request, "key", _key(request.tenant) | {"secret": secret})


@require_POST
@never_cache
@member_required(Role.ADMIN)
def simulated_phone(request: MemberRequest) -> HttpResponse:
    """A pairing code, in the command that starts a simulated phone on this machine."""
    facts = _phone(request.tenant) | _local()
    status = 200
    try:
        _, facts["code"] = create_pairing_code(tenant=request.tenant, actor=request.user)
    except GatewayError as error:
        facts["refused"], status = error.message, 422
    return _fragment(request, "phone", facts, status=status)


@require_POST
@member_required(Role.ADMIN)
def dismiss(request: MemberRequest) -> HttpResponse:
    """Put the first steps away."""
    finish_onboarding(tenant=request.tenant)
    return redirect("home")


def _phone(tenant: Tenant) -> dict[str, Any]:
    phones = list(devices_for(tenant)[:1])
    return {"is_done": bool(phones), "phone": phones[0] if phones else None}


def _text(tenant: Tenant) -> dict[str, Any]:
    outbound = messages_for(tenant).filter(direction=Message.Direction.OUTBOUND)
    sent = outbound.exclude(origin=Message.Origin.RULE).first()  # what a person or program sent
    return {"is_done": sent is not None, "sent": sent, "has_phone": devices_for(tenant).exists()}


def _key(tenant: Tenant) -> dict[str, Any]:
    """Done by a key that a person made, or one that was used: a first phone brings one unasked."""
    keys = ApiKey.objects.filter(tenant=tenant)
    by_a_person = tenant.audit_entries.filter(action="api_key.created", actor__isnull=False)
    is_done = by_a_person.exists() or keys.filter(last_used_at__isnull=False).exists()
    return {"is_done": is_done, "public_url": settings.PUBLIC_URL}


def _rule(tenant: Tenant) -> dict[str, Any]:
    rule = rules_for(tenant).first()
    return {
        "is_done": rule is not None,
        "rule": rule,
        "has_phone": devices_for(tenant).exists(),
    }


_STEPS = {"phone": _phone, "text": _text, "key": _key}
_NEXT = {"rule": _rule}  # pointed to, and not counted: an account is set up without it


def _local() -> dict[str, Any]:
    """A simulated phone makes sense where the gateway runs on one's own machine."""
    host = urlsplit(settings.PUBLIC_URL).hostname
    return {"is_local": host in LOCAL_HOSTS, "public_url": settings.PUBLIC_URL}


def _finish_if_done(tenant: Tenant) -> None:
    if tenant.onboarded_at is None and all(facts(tenant)["is_done"] for facts in _STEPS.values()):
        finish_onboarding(tenant=tenant)


def _fragment(
    request: MemberRequest, name: str, facts: dict[str, Any], status: int = 200
) -> HttpResponse:
    if facts["is_done"]:
        _finish_if_done(request.tenant)
    return render(request, f"start/_{name}.html", _local() | {"step": facts}, status=status)
