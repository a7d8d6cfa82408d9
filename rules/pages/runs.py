"""The history: texts that rules matched, and what came of it."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from accounts.api.lists import page_of
from accounts.errors import InvalidInput
from accounts.ids import decode_id
from accounts.members import MemberRequest, member_required
from rules.api.inputs import RuleRunsQuery
from rules.models import Rule, RuleAction, RuleRun
from rules.pages.words import KINDS
from rules.queries import runs_for

MOST_NEWER = 200
_OPEN = (RuleAction.Status.PENDING, RuleAction.Status.STARTED)


@require_safe
@member_required()
def runs(request: MemberRequest) -> HttpResponse:
    """A page of runs, of all rules or of `?rule=`; with a cursor only the further rows."""
    rule_id = request.GET.get("rule") or None
    query = RuleRunsQuery(rule_id=rule_id, cursor=request.GET.get("cursor"))
    try:
        page, next_cursor = page_of(_runs(request, rule_id), tenant=request.tenant, query=query)
    except InvalidInput as error:  # somebody else's cursor, or one that was cut
        raise Http404 from error
    more = urlencode({"rule": rule_id or "", "cursor": next_cursor}) if next_cursor else ""
    context: dict[str, Any] = {
        "rows": [_row(run) for run in page],
        "next_url": f"{reverse('rules-runs')}?{more}" if more else "",
        "rule_id": rule_id or "",
    }
    if query.cursor is not None:
        return render(request, "rules/_runs.html", context)
    context["newest"] = page[0].external_id if page else ""
    context["rules"] = Rule.objects.filter(tenant=request.tenant)
    return render(request, "rules/runs.html", context)


@require_safe
@member_required()
def newer(request: MemberRequest) -> HttpResponse:
    """The runs that came after `?after=`; 204, which leaves the page as it is, without any."""
    rule_id = request.GET.get("rule") or None
    last = decode_id(RuleRun.ID_PREFIX, request.GET.get("after", ""))
    found = _runs(request, rule_id)
    page = list((found.filter(public_id__gt=last) if last else found)[:MOST_NEWER])
    if not page:
        return HttpResponse(status=204)
    context = {
        "rows": [_row(run) for run in page],
        "rule_id": rule_id or "",
        "newest": page[0].external_id,
        "is_new": True,
    }
    return render(request, "rules/_newer.html", context)


@require_safe
@member_required()
def run(request: MemberRequest, run_id: str) -> HttpResponse:
    """One row, for as long as something is still to be done."""
    public_id = decode_id(RuleRun.ID_PREFIX, run_id)
    found = _runs(request, None).filter(public_id=public_id).first() if public_id else None
    if found is None:
        raise Http404
    return render(request, "rules/_run.html", {"row": _row(found)})


def _runs(request: MemberRequest, rule_id: str | None) -> Any:
    """With the texts, which the API's list does without."""
    return runs_for(request.tenant, rule_id=rule_id).defer(None)


def _row(run: RuleRun) -> dict[str, Any]:
    actions = list(run.actions.all())
    return {
        "run": run,
        "actions": [(KINDS[RuleAction.Kind(action.kind)], action) for action in actions],
        "is_open": any(action.status in _OPEN for action in actions),
    }
