"""One rule: make, change and delete it, with a preview while it is typed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import GatewayError
from accounts.members import MemberRequest, Role, may, member_required
from accounts.models import Tenant
from accounts.pages.errors import show_error
from rules.advice import warnings_of
from rules.models import Rule
from rules.pages.forms import DeleteForm, RuleForm, initial_of
from rules.pages.previews import PATTERNS, preview_of
from rules.pages.starts import initial_of_start
from rules.pages.views import find_rule
from rules.queries import contact_fields, rule_for
from rules.services import rules as services

_VARIABLES = (
    ("from", "the sender's number"),
    ("name", "the sender's name in your contacts"),
    ("text", "the text that came in"),
    ("now", "date and time"),
    ("tenantName", "the name of your account"),
    ("ref", "the reference of your last message to the sender"),
    ("deviceId", "the phone that received the text"),
)
_MOST_FIELDS = 12  # of contacts, offered as variables


@require_http_methods(["GET", "HEAD", "POST"])
@member_required(Role.ADMIN)
def new(request: MemberRequest) -> HttpResponse:
    """A new rule, from one of the starting points if `?from=` names it."""
    initial = initial_of_start(request.GET.get("from", ""))
    form = RuleForm(request.POST or None, tenant=request.tenant, initial=initial)
    if request.method != "POST":
        return _page(request, form)
    if form.is_valid():
        try:
            wish = form.wish()
            rule = services.create_rule(tenant=request.tenant, wish=wish, actor=request.user)
            return _saved(request, rule, f"{rule.name} is saved, as the last of your rules.")
        except GatewayError as error:
            show_error(form, error)
    return _page(request, form, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
@member_required()
def edit(request: MemberRequest, rule_id: str) -> HttpResponse:
    """One rule; who may not change it sees it all the same."""
    if request.method == "POST" and not may(request.membership, Role.ADMIN):
        return render(request, "not_allowed.html", {"role": Role.ADMIN}, status=403)
    rule = find_rule(request, rule_id)
    form = RuleForm(request.POST or None, tenant=request.tenant, initial=initial_of(rule))
    if request.method != "POST":
        return _page(request, form, rule)
    if form.is_valid():
        try:
            changes = asdict(form.wish())
            services.update_rule(rule=rule, changes=changes, actor=request.user)
            return _saved(request, rule, f"{changes['name']} is saved.")
        except GatewayError as error:
            show_error(form, error)
    return _page(request, form, rule, status=422)


@require_POST
@member_required(Role.ADMIN)
def preview(request: MemberRequest) -> HttpResponse:
    """What the form as it stands would do, and what is wrong with its patterns."""
    rule_id = request.POST.get("rule", "")
    rule = find_rule(request, rule_id) if rule_id else None
    form = RuleForm(request.POST, tenant=request.tenant, initial={})
    form.is_valid()
    context = {
        "preview": preview_of(request.tenant, form, rule),
        "live": [form[name] for name in PATTERNS],
        "is_live": True,
    }
    return render(request, "rules/_preview.html", context)


@require_POST
@member_required(Role.ADMIN)
def delete(request: MemberRequest, rule_id: str) -> HttpResponse:
    """Delete a rule, once its name is typed."""
    rule = find_rule(request, rule_id)
    delete_form = DeleteForm(request.POST, rule=rule)
    if not delete_form.is_valid():
        form = RuleForm(tenant=request.tenant, initial=initial_of(rule))
        return _page(request, form, rule, status=422, delete_form=delete_form)
    services.delete_rule(rule=rule, actor=request.user)
    messages.success(request, f"{rule.name} is deleted. What it did stays in the history.")
    return redirect("rules")


def _page(
    request: MemberRequest,
    form: RuleForm,
    rule: Rule | None = None,
    *,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    context: dict[str, Any] = {
        "form": form,
        "rule": rule,
        "preview": preview_of(request.tenant, form, rule),
        "variables": _variables(request.tenant),
    }
    if rule is not None:
        context["delete_form"] = DeleteForm(rule=rule)
    return render(request, "rules/rule.html", context | more, status=status)


def _variables(tenant: Tenant) -> list[tuple[str, str]]:
    """(what is written into a template, what it becomes), ours and those of contacts' fields."""
    ours = {name for name, _ in _VARIABLES}
    own = sorted(contact_fields(tenant) - ours)[:_MOST_FIELDS]
    named = [*_VARIABLES, *((name, f"{name} of the contact") for name in own)]
    return [(f"{{{{{name}}}}}", meaning) for name, meaning in named]


def _saved(request: MemberRequest, rule: Rule, sentence: str) -> HttpResponse:
    messages.success(request, sentence)
    for issue in warnings_of(rule_for(request.tenant, rule.external_id)):
        messages.warning(request, issue.message)
    return redirect(f"{reverse('rules')}?{urlencode({'saved': rule.external_id})}")
