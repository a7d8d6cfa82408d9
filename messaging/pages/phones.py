"""What the page of a phone shows of its texts: a test SMS, and the log."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.errors import GatewayError
from accounts.ids import encode_id
from accounts.members import MemberRequest, Role, member_required
from devices.models import Device
from devices.queries import device_for
from messaging.drafts import MAX_TEXT, MessageDraft
from messaging.errors import NoActiveDevice
from messaging.models import Message
from messaging.phone_log import LogPosition, page_of_log
from messaging.queries import message_for
from messaging.services.outbound import queue_message
from messaging.states import ENDS, Status


class SmsForm(forms.Form):
    """One text to one number; what a number is, the service says."""

    number = forms.CharField(
        label="Number",
        max_length=32,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
    )
    text = forms.CharField(max_length=MAX_TEXT, widget=forms.Textarea(attrs={"rows": 3}))

    def add_refusal(self, error: GatewayError) -> None:
        """Put what the gateway refused where it belongs."""
        fields = {"to": "number", "text": "text"}
        for issue in error.issues:
            self.add_error(fields.get(issue.path), issue.message)
        if isinstance(error, NoActiveDevice):
            self.add_error(None, "This phone is offline or paused. Connect it, then try again.")
        elif not error.issues:
            self.add_error(None, error.message)


@require_http_methods(["GET", "HEAD", "POST"])
@member_required(Role.OPERATOR)
def sms_test(request: MemberRequest, device_id: str) -> HttpResponse:
    """A form; when it is sent, what becomes of the text."""
    device = device_for(request.tenant, device_id)
    if request.method != "POST":
        text = f"Hello from {request.tenant.name}. This is a test."
        return _form(request, device, SmsForm(initial={"text": text}))
    form = SmsForm(request.POST)
    if form.is_valid():
        draft = MessageDraft(
            recipient=form.cleaned_data["number"],
            text=form.cleaned_data["text"],
            device_id=device.public_id,
            lane=Message.Lane.URGENT.value,  # somebody waits for it
            hold=False,
        )
        try:
            queued = queue_message(
                tenant=request.tenant, draft=draft, origin=Message.Origin.DASHBOARD
            )
        except GatewayError as error:
            form.add_refusal(error)
        else:
            message_id = encode_id(Message.ID_PREFIX, queued.public_id)
            return redirect("devices-test-sms-state", device_id, message_id)
    return _form(request, device, form, status=422)


@require_safe
@member_required(Role.OPERATOR)
def sms_test_state(request: MemberRequest, device_id: str, message_id: str) -> HttpResponse:
    """What has become of a test SMS so far."""
    device = device_for(request.tenant, device_id)
    message = message_for(request.tenant, message_id)
    has_ended = message.status in ENDS | {Status.DELIVERED}
    context = {"device": device, "message": message, "has_ended": has_ended}
    return _show(request, "devices/_test_sms_state.html", context)


@require_safe
@member_required()
def phone_log(request: MemberRequest, device_id: str) -> HttpResponse:
    """A page of the log; `cursor` says where it begins."""
    device = device_for(request.tenant, device_id, with_revoked=True)
    position = LogPosition.parse(request.GET.get("cursor", ""))
    entries, following = page_of_log(device, position)
    context = {
        "device": device,
        "entries": entries,
        "following": following,
        "is_first": position == LogPosition(),
    }
    return render(request, "devices/_log.html", context)


def _form(request: MemberRequest, device: Device, form: SmsForm, status: int = 200) -> HttpResponse:
    context = {"device": device, "form": form}
    return _show(request, "devices/_test_sms.html", context, status)


def _show(
    request: MemberRequest, fragment: str, context: dict[str, object], status: int = 200
) -> HttpResponse:
    """The fragment for a dialog, or a page around it for who came by the address."""
    if request.headers.get("HX-Request"):
        return render(request, fragment, context, status=status)
    context["fragment"] = fragment
    return render(request, "devices/test_sms.html", context, status=status)
