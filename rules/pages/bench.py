"""The test bench: what the rules would make of a text, and with a simulated phone a real one."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.members import MemberRequest, Role, member_required
from accounts.models import Tenant
from devices.models import Device
from devices.numbers import parse_sender
from devices.queries import devices_for
from messaging.services.inbound import InboundText, receive_message
from rules.dry_runs import dry_run
from rules.models import Rule, RuleRun
from rules.pages.forms import BenchForm
from rules.pages.previews import SAMPLE_SENDER, SAMPLE_TEXT, rendered
from rules.pages.views import find_rule
from rules.pages.words import duration, why_not
from rules.plans import Received


@require_http_methods(["GET", "HEAD", "POST"])
@member_required(Role.OPERATOR)
def bench(request: MemberRequest) -> HttpResponse:
    """A text to try, and what became of it; with `?rule=` one that this rule is for."""
    if request.method == "POST":
        form = BenchForm(request.POST)
        if not form.is_valid():
            return render(request, "rules/test.html", {"form": form}, status=422)
        return _page(request, form, **form.cleaned_data)
    rule_id = request.GET.get("rule", "")
    text = _sample_of(find_rule(request, rule_id)) if rule_id else ""
    form = BenchForm(initial={"sender": SAMPLE_SENDER, "text": text})
    if not text:
        return render(request, "rules/test.html", {"form": form})
    return _page(request, form, sender=SAMPLE_SENDER, text=text)


@require_POST
@member_required(Role.OPERATOR)
def receive(request: MemberRequest) -> HttpResponse:
    """Let a text come in on the simulated phone, and show what the rules did with it."""
    phone = _simulated_phone(list(devices_for(request.tenant)))
    form = BenchForm(request.POST)
    if phone is None or not form.is_valid():
        if phone is None:
            form.add_error(None, "No simulated phone is connected, or a real one is paired too.")
        return render(request, "rules/test.html", {"form": form}, status=422)
    sender, text = form.cleaned_data["sender"], form.cleaned_data["text"]
    inbound = InboundText(key=str(uuid4()), sender=sender, text=text, occurred_at=timezone.now())
    message = receive_message(device=phone, inbound=inbound)
    if RuleRun.objects.filter(tenant=request.tenant, message=message).exists():
        messages.success(
            request, f"The text came in on {phone.name}. Here is what is done with it."
        )
        return redirect("rules-runs")
    messages.info(request, f"The text came in on {phone.name}, and no rule took it.")
    return redirect("rules-test")


def _page(
    request: MemberRequest, form: BenchForm, *, sender: str, text: str, at: datetime | None = None
) -> HttpResponse:
    tenant = request.tenant
    phones = list(devices_for(tenant))
    numbers = (sim.number for phone in phones for sim in phone.sims.all() if sim.is_present)
    context = _tried(tenant, sender=sender, text=text, at=at) | {
        "form": form,
        "simulated": _simulated_phone(phones),
        "own_number": next((number for number in numbers if number), ""),
        "has_phone": bool(phones),
    }
    return render(request, "rules/test.html", context)


def _sample_of(rule: Rule) -> str:
    """A text that `rule` is for, as far as that is easily told; else empty."""
    types = Rule.MatchType
    if rule.match_type in (types.CONTAINS, types.EXACT):
        return rule.pattern
    return SAMPLE_TEXT if rule.match_type == types.ANY else ""


def _simulated_phone(phones: list[Device]) -> Device | None:
    """The phone that a text may come in on: never beside a real one, which could send the reply."""
    if any(phone.kind != Device.Kind.SIMULATED for phone in phones):
        return None
    return next((phone for phone in phones if phone.is_heard), None)


def _tried(tenant: Tenant, *, sender: str, text: str, at: datetime | None) -> dict[str, Any]:
    received = Received(
        tenant,
        sender=parse_sender(sender, tenant.default_country),
        text=text,
        at=at or timezone.now(),
    )
    run = dry_run(received)
    decision = run.decision
    return {
        "run": run,
        "received": received,
        "steps": [(rule, why_not(rule, why) if why else "") for rule, why in run.steps],
        "actions": [rendered(planned) for planned in decision.actions],
        "rest": duration(decision.rule.cool_down_seconds)
        if decision.skipped and decision.rule
        else "",
    }
