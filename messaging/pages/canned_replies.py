"""The dialog of saved replies: choose one for the reply box, or change them."""

from __future__ import annotations

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from accounts.errors import GatewayError
from accounts.ids import decode_id
from accounts.members import MemberRequest, Role, member_required
from accounts.pages.errors import show_error
from messaging.models import CannedReply, Contact
from messaging.pages.conversation_forms import CannedReplyForm
from messaging.services import canned_replies as services
from messaging.templates import render as fill


@require_safe
@member_required(Role.OPERATOR)
def choose(request: MemberRequest, number: str) -> HttpResponse:
    """All saved replies, filled in for who has `number`."""
    return _list(request, number)


@member_required(Role.OPERATOR)
def edit(request: MemberRequest, number: str) -> HttpResponse:
    """A form for the reply `id`, or for a new one."""
    canned = _canned(request) if request.GET.get("id") else None
    initial = {"title": canned.title, "text": canned.text} if canned else {}
    form = CannedReplyForm(request.POST or None, initial=initial, auto_id="canned_%s")
    if request.method == "POST" and form.is_valid():
        title, text = form.cleaned_data["title"], form.cleaned_data["text"]
        try:
            if canned is not None:
                services.update_canned_reply(canned=canned, title=title, text=text)
            else:
                services.create_canned_reply(tenant=request.tenant, title=title, text=text)
        except GatewayError as error:
            show_error(form, error)
        else:
            return _list(request, number)
    status = 422 if form.errors else 200
    return _form(request, number, canned, form, status)


@require_POST
@member_required(Role.OPERATOR)
def delete(request: MemberRequest, number: str) -> HttpResponse:
    """Forget the reply `id`."""
    services.delete_canned_reply(canned=_canned(request))
    return _list(request, number)


def _list(request: MemberRequest, number: str) -> HttpResponse:
    contact = Contact.objects.filter(tenant=request.tenant, number=number).first()
    values = {**contact.fields, "name": contact.name} if contact else {}
    context = {
        "number": number,
        "canned": [(row, fill(row.text, values)) for row in request.tenant.canned_replies.all()],
    }
    return render(request, "conversations/_canned.html", context)


def _form(
    request: MemberRequest,
    number: str,
    canned: CannedReply | None,
    form: forms.Form,
    status: int,
) -> HttpResponse:
    context = {"number": number, "canned": canned, "form": form}
    return render(request, "conversations/_canned_form.html", context, status=status)


def _canned(request: MemberRequest) -> CannedReply:
    public_id = decode_id(CannedReply.ID_PREFIX, request.GET.get("id", ""))
    found = request.tenant.canned_replies.filter(public_id=public_id).first() if public_id else None
    if found is None:
        raise Http404
    return found
