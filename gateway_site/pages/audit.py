"""The audit log: who did what in the account, newest first."""

from __future__ import annotations

from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.members import MemberRequest, Role, member_required
from accounts.models import AuditEntry
from accounts.services.audit import SYSTEM
from gateway_site.pages.audit_sentences import KINDS, lines_of

PAGE = 50
API = "api"  # how the filter calls whoever is no member: programs, phones, the gateway itself


@require_safe
@member_required(Role.ADMIN)
def audit(request: MemberRequest) -> HttpResponse:
    """A page of it; `before` is where it goes on."""
    kind, actor = request.GET.get("kind", ""), request.GET.get("actor", "")
    members = list(request.tenant.memberships.select_related("user").order_by("user__email"))
    entries = _filtered(request.tenant.audit_entries.order_by("-id"), kind, actor)
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        entries = entries.filter(pk__lt=int(before))
    found = list(entries[: PAGE + 1])
    context = {
        "lines": lines_of(request.tenant, found[:PAGE]),
        "before": found[PAGE - 1].pk if len(found) > PAGE else None,
        "kinds": [(value, name) for value, (name, _) in KINDS.items()],
        "kind": kind,
        "actors": [(str(row.user_id), row.user.email) for row in members] + [(API, "API")],
        "actor": actor,
        "is_filtered": kind in KINDS or bool(actor),
    }
    is_next_page = before and request.headers.get("HX-Request")
    template = "audit/_lines.html" if is_next_page else "audit/audit.html"
    return render(request, template, context)


def _filtered(entries: QuerySet[AuditEntry], kind: str, actor: str) -> QuerySet[AuditEntry]:
    """What is asked for and unknown is no filter."""
    if kind in KINDS:
        _, prefixes = KINDS[kind]
        entries = entries.filter(reduce(or_, (Q(action__startswith=prefix) for prefix in prefixes)))
    if actor == API:
        return entries.filter(actor=None, actor_name=SYSTEM)
    if actor.isdecimal() and len(actor) < 19:
        return entries.filter(actor_id=int(actor))
    return entries
