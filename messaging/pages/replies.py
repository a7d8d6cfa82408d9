"""What people do in a conversation: read, answer, note, assign, opt the number out and in again."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from accounts.errors import GatewayError
from accounts.members import MemberRequest, Role, member_required
from accounts.models import User
from accounts.pages.errors import show_error
from messaging.conversations import conversation_with, position
from messaging.errors import NoActiveDevice
from messaging.models import OptOut
from messaging.pages.conversation_forms import NoteForm, ReplyForm
from messaging.pages.conversations import is_number, members_for, person_of
from messaging.pages.sending import NO_PHONE
from messaging.segments import segment
from messaging.services import conversations as services
from messaging.services.opt_outs import opt_in, opt_out


@require_POST
@member_required(Role.OPERATOR)
def read(request: MemberRequest, number: str) -> HttpResponse:
    """Somebody has seen the thread up to `seen`."""
    seen = position(request.POST.get("after", ""))
    if seen is not None:
        services.mark_read(tenant=request.tenant, number=number, seen=seen)
    return HttpResponse(status=204)


@require_POST
@member_required(Role.OPERATOR)
def send(request: MemberRequest, number: str) -> HttpResponse:
    """Answer by SMS."""
    form = ReplyForm(request.POST, auto_id="reply_%s")
    if form.is_valid():
        try:
            services.reply(tenant=request.tenant, number=number, text=form.cleaned_data["text"])
        except NoActiveDevice:
            form.add_error(None, NO_PHONE)
        except GatewayError as error:
            show_error(form, error)
        else:
            return _changed(_composer(request, number, ReplyForm(auto_id="reply_%s")))
    return _composer(request, number, form, status=422)


@require_POST
@member_required(Role.OPERATOR)
def note(request: MemberRequest, number: str) -> HttpResponse:
    """Tell the team something."""
    form = NoteForm(request.POST, auto_id="note_%s")
    if form.is_valid():
        try:
            services.add_note(
                tenant=request.tenant,
                number=_known(request, number),
                author=request.user,
                text=form.cleaned_data["text"],
            )
        except GatewayError as error:
            show_error(form, error)
        else:
            return _changed(_note_form(request, number, NoteForm(auto_id="note_%s")))
    return _note_form(request, number, form, status=422)


@require_POST
@member_required(Role.OPERATOR)
def assign(request: MemberRequest, number: str) -> HttpResponse:
    """Make a member responsible; an empty `member` makes it nobody's."""
    chosen = request.POST.get("member", "")
    member = User.objects.filter(pk=chosen).first() if chosen.isdecimal() else None
    try:
        services.assign(tenant=request.tenant, number=_known(request, number), member=member)
    except GatewayError as error:
        return _assigned(request, number, error.message, status=422)
    answer = _assigned(request, number)
    said = f"Assigned to {member.email}." if member else "Assigned to nobody."
    answer["HX-Trigger"] = json.dumps({"say": said})
    return answer


@require_safe
@member_required()
def assigned(request: MemberRequest, number: str) -> HttpResponse:
    """Whose it is, if it is not `member`'s: nothing changes under the hand of who is choosing."""
    shown = conversation_with(request.tenant, number)
    member_id = shown.assigned_to_id if shown else None
    if request.GET.get("member", "") == str(member_id or ""):
        return HttpResponse(status=204)
    return _assigned(request, number)


@require_POST
@member_required(Role.OPERATOR)
def leave(request: MemberRequest, number: str) -> HttpResponse:
    """Send the number nothing more."""
    if not is_number(request, number):
        raise Http404
    opt_out(tenant=request.tenant, number=number, source=OptOut.Source.DASHBOARD)
    return _person(request, number, f"{number} gets no more texts.")


@require_POST
@member_required(Role.ADMIN)
def let_in(request: MemberRequest, number: str) -> HttpResponse:
    """Let the number get texts again."""
    opt_in(tenant=request.tenant, number=number, actor=request.user)
    return _person(request, number, f"{number} can get texts again.")


@require_POST
@member_required()
def segments(request: MemberRequest) -> HttpResponse:
    """How many SMS the text of a reply becomes."""
    text = request.POST.get("text", "")
    context = {"segmentation": segment(text), "length": len(text)}
    return render(request, "conversations/_segments.html", context)


def _known(request: MemberRequest, number: str) -> str:
    """`number` if it may have a conversation: a number, or a name that wrote; else 404."""
    if not is_number(request, number) and conversation_with(request.tenant, number) is None:
        raise Http404
    return number


def _composer(
    request: MemberRequest, number: str, form: forms.Form, status: int = 200
) -> HttpResponse:
    form.fields["text"].widget.attrs["autofocus"] = True  # one goes on typing
    context: dict[str, Any] = {
        "number": number,
        "reply_form": form,
        "person": person_of(request, number),
    }
    return render(request, "conversations/_reply.html", context, status=status)


def _note_form(
    request: MemberRequest, number: str, form: forms.Form, status: int = 200
) -> HttpResponse:
    context = {"number": number, "note_form": form}
    return render(request, "conversations/_note.html", context, status=status)


def _assigned(
    request: MemberRequest, number: str, refused: str = "", status: int = 200
) -> HttpResponse:
    shown = conversation_with(request.tenant, number)
    context = {
        "number": number,
        "conversation": shown,
        "members": members_for(request, shown),
        "refused": refused,
    }
    return render(request, "conversations/_assign.html", context, status=status)


def _person(request: MemberRequest, number: str, said: str) -> HttpResponse:
    """Who it is now, and with it the box below the thread, which opens or closes."""
    context = {
        "number": number,
        "person": person_of(request, number),
        "reply_form": ReplyForm(auto_id="reply_%s"),
        "with_reply": True,
    }
    answer = render(request, "conversations/_person.html", context)
    answer["HX-Trigger"] = json.dumps({"say": said})
    return answer


def _changed(answer: HttpResponse) -> HttpResponse:
    """Has the thread look for what is new."""
    answer["HX-Trigger"] = "thread-changed"
    return answer
