"""The list of rules in the order in which they are tried, and the engine's switches."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from accounts.errors import InvalidInput, NotFound
from accounts.members import MemberRequest, Role, member_required
from accounts.models import Tenant
from accounts.pages.errors import show_error
from rules.advice import unknown_variables
from rules.models import Rule
from rules.pages.forms import SettingsForm
from rules.pages.starts import STARTS
from rules.pages.words import conditions, doings, duration
from rules.queries import matches_lately, rule_for, rules_for, settings_for
from rules.services import rules as services

_STALE = "The rules have changed meanwhile. Here they are as they are now; order them again."


@require_safe
@member_required()
def rules(request: MemberRequest) -> HttpResponse:
    """All rules, and the engine's panel."""
    return _page(request, SettingsForm.of(settings_for(request.tenant)))


@require_safe
@member_required()
def counts(request: MemberRequest) -> HttpResponse:
    """How often and when each rule matched last, each to be put where it stands."""
    return render(request, "rules/_counts.html", {"rows": _rows(request.tenant)})


@require_POST
@member_required(Role.ADMIN)
def order(request: MemberRequest) -> HttpResponse:
    """Try the rules in the order of `ids`; `up` or `down` names one that is moved first.

    A page that ordered its rows itself gets 204, or the list as it is when that has changed.
    """
    ids = request.POST.getlist("ids")
    _move(ids, request.POST.get("up", ""), -1)
    _move(ids, request.POST.get("down", ""), 1)
    try:
        services.reorder_rules(tenant=request.tenant, ids=ids, actor=request.user)
    except InvalidInput:
        if not request.headers.get("HX-Request"):
            messages.error(request, _STALE)
            return redirect("rules")
        context = {"rows": _rows(request.tenant)}
        answer = render(request, "rules/_list.html", context, status=422)
        return trigger_client_event(answer, "say", {"value": _STALE})
    return HttpResponse(status=204) if request.headers.get("HX-Request") else redirect("rules")


@require_POST
@member_required(Role.ADMIN)
def switch(request: MemberRequest, rule_id: str) -> HttpResponse:
    """Put a rule on or off; answers with its row."""
    rule = find_rule(request, rule_id)
    is_enabled = request.POST.get("enabled") == "1"
    changes = {"is_enabled": is_enabled}
    services.update_rule(rule=rule, changes=changes, actor=request.user)
    said = f"{rule.name} is {'on' if is_enabled else 'off'}."
    if not request.headers.get("HX-Request"):
        messages.success(request, said)
        return redirect("rules")
    row = _row(find_rule(request, rule_id), matches_lately(request.tenant))
    answer = render(request, "rules/_row.html", {"row": row})
    return trigger_client_event(answer, "say", {"value": said})


@require_POST
@member_required(Role.ADMIN)
def settings(request: MemberRequest) -> HttpResponse:
    """Save the engine's switches."""
    form = SettingsForm(request.POST)
    if form.is_valid():
        try:
            services.change_settings(
                tenant=request.tenant, changes=form.cleaned_data, actor=request.user
            )
        except InvalidInput as error:
            show_error(form, error)
    if form.errors:
        return _page(request, form, status=422)
    messages.success(request, "The settings of the rules are saved.")
    templates = {"defaultReply": form.cleaned_data["default_reply"]}
    for issue in unknown_variables(request.tenant, templates):
        messages.warning(request, issue.message)
    return redirect("rules")


def find_rule(request: MemberRequest, rule_id: str) -> Rule:
    """The tenant's rule; for any other the page of what does not exist."""
    try:
        return rule_for(request.tenant, rule_id)
    except NotFound as error:
        raise Http404 from error


def _page(request: MemberRequest, form: SettingsForm, status: int = 200) -> HttpResponse:
    rows = _rows(request.tenant)
    saved = request.GET.get("saved", "")
    context = {
        "rows": rows,
        "saved": next((row["rule"] for row in rows if row["rule"].external_id == saved), None),
        "form": form,
        "starts": STARTS,
        "most": services.MAX_RULES,
    }
    return render(request, "rules/rules.html", context, status=status)


def _rows(tenant: Tenant) -> list[dict[str, Any]]:
    lately = matches_lately(tenant)
    return [_row(rule, lately) for rule in rules_for(tenant)]


def _row(rule: Rule, lately: dict[int, int]) -> dict[str, Any]:
    rest = rule.cool_down_seconds
    return {
        "rule": rule,
        "conditions": conditions(rule),
        "doings": doings(rule),
        "rest": duration(rest) if rest else "",
        "matches": lately.get(rule.pk, 0),
    }


def _move(ids: list[str], moved: str, by: int) -> None:
    """Swap `moved` with its neighbour, if it has one there."""
    place = ids.index(moved) if moved in ids else None
    if place is not None and 0 <= place + by < len(ids):
        ids[place], ids[place + by] = ids[place + by], ids[place]
