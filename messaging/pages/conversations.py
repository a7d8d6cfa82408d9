"""Conversations: the list beside the thread of one number. These views only read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.errors import NotFound
from accounts.ids import first_id_of
from accounts.members import MemberRequest, member_required
from accounts.models import Membership
from devices.numbers import InvalidNumber, parse_number, parse_sender
from messaging.conversations import (
    SHOWS,
    conversation_with,
    conversations_for,
    entries_before,
    entries_since,
    is_settled,
    moved_since,
    narrowed,
    page_of_conversations,
    position,
    unread_count,
)
from messaging.directory import contacts_with_groups, opt_outs_for
from messaging.models import Contact, Conversation, OptOut
from messaging.pages.conversation_forms import NoteForm, ReplyForm
from messaging.queries import message_for


@require_safe
@member_required()
def conversations(request: MemberRequest) -> HttpResponse:
    """The list, with nothing beside it yet; or what a page asks for of the list."""
    here = reverse("conversations")
    if _wants(request, "conversation-rows"):
        return _rows(request, here)
    return render(request, "conversations/conversations.html", list_context(request, here))


@require_safe
@member_required()
def conversation(request: MemberRequest, number: str) -> HttpResponse:
    """The thread of one number beside the list, or that pane alone."""
    stored = _stored(request, number)
    here = reverse("conversations-detail", args=[stored])
    if stored != number:
        return redirect(here)
    if _wants(request, "conversation-rows"):
        return _rows(request, here)
    context = thread_context(request, number)
    if not context["is_number"] and not context["entries"]:
        raise Http404
    if _wants(request, "thread"):
        context["fragment"] = True
        return render(request, "conversations/_thread.html", context)
    return render(
        request, "conversations/conversations.html", context | list_context(request, here)
    )


@require_safe
@member_required()
def row(request: MemberRequest, key: int) -> HttpResponse:
    """One row of the list, changed."""
    found = conversations_for(request.tenant).filter(pk=key).first()
    if found is None:
        raise Http404
    return render(request, "conversations/_row.html", {"conversation": found})


@require_safe
@member_required()
def count(request: MemberRequest) -> HttpResponse:
    """How many conversations are unread."""
    context = {"unread_count": unread_count(request.tenant)}
    return render(request, "conversations/_unread_count.html", context)


@require_safe
@member_required()
def earlier(request: MemberRequest, number: str) -> HttpResponse:
    """What comes above the entry `before`."""
    before = position(request.GET.get("before", ""))
    entries, has_earlier = entries_before(request.tenant, number, before)
    context = {"number": number, "entries": entries, "has_earlier": has_earlier}
    return render(request, "conversations/_entries.html", context)


@require_safe
@member_required()
def newer(request: MemberRequest, number: str) -> HttpResponse:
    """What comes below the entry `after`, and once more what is just above it: the page knows it.

    204, which leaves the page as it is, for nothing.
    """
    after = position(request.GET.get("after", ""))
    entries = entries_since(request.tenant, number, after)
    if not entries:
        return HttpResponse(status=204)
    context = {"number": number, "entries": entries, "after": entries[-1].public_id}
    return render(request, "conversations/_newer.html", context)


@require_safe
@member_required()
def status(request: MemberRequest, message_id: str) -> HttpResponse:
    """What has become of one message."""
    try:
        message = message_for(request.tenant, message_id)
    except NotFound as error:
        raise Http404 from error
    context = {"message": message, "is_settled": is_settled(message)}
    return render(request, "conversations/_status.html", context)


@require_safe
@member_required()
def person(request: MemberRequest, number: str) -> HttpResponse:
    """Who it is, beside the thread."""
    context = {"number": number, "person": person_of(request, number)}
    return render(request, "conversations/_person.html", context)


@dataclass(frozen=True)
class Person:
    """Who is behind a number: the contact with its `groups`, and whether it has opted out."""

    contact: Contact | None
    opt_out: OptOut | None
    is_number: bool


def person_of(request: MemberRequest, number: str) -> Person:
    return Person(
        contacts_with_groups(request.tenant).filter(number=number).first(),
        opt_outs_for(request.tenant).filter(number=number).first(),
        is_number(request, number),
    )


def is_number(request: MemberRequest, number: str) -> bool:
    """Whether a text can be sent there; names cannot be answered."""
    try:
        return parse_number(number, request.tenant.default_country) == number
    except InvalidNumber:
        return False


def thread_context(request: MemberRequest, number: str) -> dict[str, Any]:
    """What the pane of one thread shows."""
    entries, has_earlier = entries_before(request.tenant, number, None)
    shown = conversation_with(request.tenant, number)
    return {
        "number": number,
        "entries": entries,
        "has_earlier": has_earlier,
        "after": entries[-1].public_id if entries else "",
        "conversation": shown,
        "person": person_of(request, number),
        "is_number": is_number(request, number),
        "members": members_for(request, shown),
        "reply_form": ReplyForm(auto_id="reply_%s"),
        "note_form": NoteForm(auto_id="note_%s"),
    }


def members_for(request: MemberRequest, shown: Conversation | None) -> list[tuple[int, str]]:
    """(user's key, address) of the team, and of who has it but left the team."""
    team = Membership.objects.filter(tenant=request.tenant).order_by("user__email")
    members = list(team.values_list("user_id", "user__email"))
    holder = shown.assigned_to if shown else None
    if holder is not None and holder.pk not in dict(members):
        members.append((holder.pk, f"{holder.email} (left the team)"))
    return members


def list_context(request: MemberRequest, here: str) -> dict[str, Any]:
    """The first page of the list, or the one below `cursor`; `here` is this page's path."""
    found = _listed(request)
    rows, following = page_of_conversations(found, before=position(request.GET.get("cursor", "")))
    return {
        "here_url": here,
        "show": _show(request),
        "text": _text(request),
        "rows": rows,
        "following": following,
        # Where the list begins: at the newest row, or now.
        "since": rows[0].activity_id if rows else first_id_of(timezone.now()),
        "unread_count": unread_count(request.tenant),
    }


def _rows(request: MemberRequest, here: str) -> HttpResponse:
    """Rows of the list: a page of them, or what moved to the top since the page was made."""
    since = position(request.GET.get("since", ""))
    if since is None:
        return render(request, "conversations/_rows.html", list_context(request, here))
    moved, is_all = moved_since(_listed(request), since)
    if not moved:
        return HttpResponse(status=204)
    if not is_all:
        answer = render(request, "conversations/_rows.html", list_context(request, here))
        answer["HX-Reswap"] = "innerHTML"
        return answer
    context = {"rows": moved, "since": moved[0].activity_id, "here_url": here}
    return render(request, "conversations/_rows.html", context)


def _listed(request: MemberRequest) -> QuerySet[Conversation]:
    return narrowed(
        conversations_for(request.tenant),
        tenant=request.tenant,
        user=request.user,
        show=_show(request),
        text=_text(request),
    )


def _show(request: MemberRequest) -> str:
    show = request.GET.get("show", "")
    return show if show in SHOWS else "all"


def _text(request: MemberRequest) -> str:
    return request.GET.get("q", "").replace("\x00", "").strip()[:100]


def _wants(request: MemberRequest, target: str) -> bool:
    """Whether htmx asks for what goes into (or below) this element; going back asks for it all."""
    headers = request.headers
    return (
        headers.get("HX-Request") == "true"
        and headers.get("HX-Target", "").startswith(target)
        and headers.get("HX-History-Restore-Request") != "true"
    )


def _stored(request: MemberRequest, number: str) -> str:
    """As messages have it; 404 for what no message can have."""
    stored = parse_sender(number, request.tenant.default_country)
    if not stored or "\x00" in stored:
        raise Http404
    return stored
