"""Writing texts and sending them."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from typing import Any
from uuid import uuid4

from django.contrib import messages as toasts
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.errors import Conflict, GatewayError
from accounts.members import MemberRequest, Role, member_required
from accounts.pages.errors import show_error
from devices.numbers import InvalidNumber, parse_number
from messaging.directory import contacts_for
from messaging.pages.compose_form import ComposeForm, phone_chosen, typed_numbers
from messaging.pages.message import find_message
from messaging.pages.rows import other_party
from messaging.pages.sending import NothingQueued, Outcome, Refusal, send_once
from messaging.queries import opted_out
from messaging.search import contacts_matching
from messaging.segments import segment, split

MOST_FOUND = 8
_ALREADY_SENT = (
    "This form was sent before with something else in it. If you mean to send what is here now as"
    " well, press Send again."
)


@require_http_methods(["GET", "HEAD", "POST"])
@member_required(Role.OPERATOR)
def compose(request: MemberRequest) -> HttpResponse:
    """The form; posted, it sends."""
    if request.method != "POST":
        form = ComposeForm(tenant=request.tenant, initial=_initial(request))
        return _page(request, form)
    form = ComposeForm(request.POST, tenant=request.tenant)
    if not form.is_valid():
        return _page(request, form, status=422)
    drafts = form.drafts()
    try:
        outcome = send_once(tenant=request.tenant, key=form.cleaned_data["once"], drafts=drafts)
    except NothingQueued as nothing:
        return _refused(request, form, nothing.outcome.refused)
    except Conflict as conflict:
        return _conflict(request, form, conflict)
    except GatewayError as error:
        show_error(form, error)
        return _page(request, form, status=422)
    return _done(request, form, outcome)


@require_POST
@member_required(Role.OPERATOR)
def counter(request: MemberRequest) -> HttpResponse:
    """How many segments what is being typed would be, and how it would look."""
    form = ComposeForm(request.POST, tenant=request.tenant)
    form.is_valid()
    return render(request, "messaging/_counter.html", _count(request, form) | {"swap": True})


@require_safe
@member_required(Role.OPERATOR)
def find(request: MemberRequest) -> HttpResponse:
    """Contacts whose name or number starts with what is being typed."""
    text = request.GET.get("find", "").strip().replace("\0", "")[:100]
    contacts = []
    if text:
        matching = contacts_matching(
            contacts_for(request.tenant), text, country=request.tenant.default_country
        )
        contacts = list(matching.prefetch_related(None).order_by("name", "number")[:MOST_FOUND])
    out = opted_out(request.tenant, [contact.number for contact in contacts]) if contacts else set()
    found = [(contact, contact.number in out) for contact in contacts]
    return render(request, "messaging/_found.html", {"found": found, "text": text})


def _initial(request: MemberRequest) -> dict[str, Any]:
    """A message to send again, or a number or a group that a page links with."""
    initial = {
        "to": request.GET.get("to", ""),
        "group": request.GET.get("group", ""),
        "hold": request.tenant.hold_when_offline,
        "once": uuid4().hex,
    }
    if "again" in request.GET:
        again = find_message(request, request.GET["again"])
        initial |= {"to": other_party(again), "text": again.text, "priority": again.lane}
        initial["phone"] = phone_chosen(again)
    return initial


def _page(
    request: MemberRequest, form: ComposeForm, status: int = 200, **context: Any
) -> HttpResponse:
    context |= {"form": form} | _count(request, form)
    return render(request, "messaging/compose.html", context, status=status)


def _count(request: MemberRequest, form: ComposeForm) -> dict[str, Any]:
    """Segments of the text, valid or not, and how many recipients there are."""
    text = (form["text"].value() or "").replace("\r\n", "\n")
    numbers = typed_numbers(form["to"].value() or "", request.tenant)
    size = segment(text)
    group = next((g for g in form.groups if g.external_id == form["group"].value()), None)
    people = len(numbers)
    if group is not None:
        both = group.contacts.filter(number__in=numbers[:1000]).count() if numbers else 0
        people += getattr(group, "contact_count", 0) - both
    plain = text
    for character in size.forced_by:
        plain = plain.replace(character, "?")
    return {
        "typed": text,
        "size": size,
        "parts": split(text),
        "forced": [(character, _name(character)) for character in size.forced_by[:20]],
        "plain_segments": segment(plain).segments,
        "unreadable": [number for number in numbers if not _is_number(number, request)][:5],
        "people": people,
        "total": people * size.segments,
    }


def _name(character: str) -> str:
    """What Unicode calls it, for what cannot be seen."""
    return unicodedata.name(character, f"U+{ord(character):04X}").lower()


def _is_number(number: str, request: MemberRequest) -> bool:
    try:
        parse_number(number, request.tenant.default_country)
    except InvalidNumber:
        return False
    return True


def _done(request: MemberRequest, form: ComposeForm, outcome: Outcome) -> HttpResponse:
    count = len(outcome.queued)
    if outcome.refused:
        return _refused(request, form, outcome.refused, queued=count)
    verb = "scheduled" if form.cleaned_data["send_at"] else "on its way"
    if count == 1:
        toasts.success(request, f"The text is {verb}.")
        return redirect("messages-detail", outcome.queued[0])
    verb = "scheduled" if form.cleaned_data["send_at"] else "on their way"
    toasts.success(request, f"{count:,} texts are {verb}.")
    return redirect("messages")


def _refused(
    request: MemberRequest, form: ComposeForm, refused: list[Refusal], *, queued: int = 0
) -> HttpResponse:
    """The form with only those who got nothing, and why; sending it again sends nothing twice."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for refusal in refused:
        reasons[refusal.message].append(refusal.recipient)
    fresh = _fresh(request, form, to="\n".join(refusal.recipient for refusal in refused))
    if not queued and len(reasons) == 1:
        (message,) = reasons
        field = "to" if refused[0].path == "to" else None
        fresh = _fresh(request, form)
        fresh.add_error(field, message)
        reasons.clear()
    return _page(request, fresh, status=422, queued=queued, reasons=dict(reasons))


def _conflict(request: MemberRequest, form: ComposeForm, conflict: Conflict) -> HttpResponse:
    """Posted a second time: while the first one works, or with something else in it."""
    if conflict.headers:
        form.add_error(None, "These texts are being sent. Press Send again to see the result.")
        return _page(request, form, status=409)
    fresh = _fresh(request, form)
    fresh.add_error(None, _ALREADY_SENT)
    return _page(request, fresh, status=422)


def _fresh(request: MemberRequest, form: ComposeForm, to: str | None = None) -> ComposeForm:
    """The form as it was typed, with a new key; `to` replaces whoever it was to, group included."""
    data = request.POST.copy()
    data["once"] = uuid4().hex
    if to is not None:
        data["to"], data["group"] = to, ""
    fresh = ComposeForm(data, tenant=request.tenant)
    fresh.is_valid()
    return fresh
