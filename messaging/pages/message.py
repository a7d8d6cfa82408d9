"""The page of one message."""

from __future__ import annotations

from typing import Any

import msgspec
from django.contrib import messages as toasts
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.errors import Conflict, NotFound
from accounts.members import MemberRequest, Role, member_required
from messaging.directory import names_of
from messaging.models import Message
from messaging.pages.explanations import explain
from messaging.pages.rows import other_party, status_word
from messaging.pages.timeline import timeline_of
from messaging.queries import message_for
from messaging.segments import segment, split
from messaging.services.outbound import cancel_message
from messaging.states import IN_FLIGHT, WAITING, Status

_SETTLED = frozenset({Status.DELIVERED, Status.RECEIVED, Status.CANCELED})


@require_safe
@member_required()
def message(request: MemberRequest, message_id: str) -> HttpResponse:
    """All about one message."""
    found = find_message(request, message_id)
    return render(request, "messaging/message.html", _context(found))


@require_safe
@member_required()
def message_state(request: MemberRequest, message_id: str) -> HttpResponse:
    """The same without the frame, for a page that is open."""
    found = find_message(request, message_id)
    return render(request, "messaging/_message.html", _context(found))


@require_POST
@member_required(Role.OPERATOR)
def cancel(request: MemberRequest, message_id: str) -> HttpResponse:
    """Stop it, or ask its phone to."""
    found = find_message(request, message_id)
    try:
        if cancel_message(message=found):
            toasts.success(request, "The text is canceled. It was not sent.")
        else:
            toasts.success(request, "The phone is asked not to send it, and will say what it did.")
    except Conflict:
        toasts.error(request, "It is too late to cancel this text.")
    return redirect("messages-detail", message_id)


def find_message(request: MemberRequest, message_id: str) -> Message:
    """The tenant's message, or 404."""
    try:
        return message_for(request.tenant, message_id)
    except NotFound as error:
        raise Http404 from error


def _context(found: Message) -> dict[str, Any]:
    number = other_party(found)
    is_inbound = found.direction == Message.Direction.INBOUND
    metadata = msgspec.json.format(msgspec.json.encode(found.metadata)).decode()
    return {
        "message": found,
        "number": number,
        "name": names_of(found.tenant, {number}).get(number, ""),
        "word": status_word(found),
        "is_inbound": is_inbound,
        "explanation": explain(found),
        "parts": split(found.text),
        "size": segment(found.text),
        "timeline": timeline_of(found),
        "attempts": found.attempt if found.leases else 0,
        "metadata": metadata if found.metadata else "",
        "may_cancel": found.status in WAITING | IN_FLIGHT and not found.cancel_requested_at,
        # What may still leave by itself would be doubled.
        "may_repeat": not is_inbound and found.status not in WAITING | IN_FLIGHT,
        "is_open": found.status not in _SETTLED,
    }
