"""The dialog that pairs a phone: a code, and what became of it."""

from __future__ import annotations

from math import ceil

import segno
from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from accounts.errors import RateLimited
from accounts.limits import LimitReached
from accounts.members import MemberRequest, Role, member_required
from devices.models import Device
from devices.queries import pairing_code_for
from devices.services.pairing import CODE_LIFETIME, create_pairing_code, pairing_url


@require_POST
@member_required(Role.ADMIN)
def pair(request: MemberRequest) -> HttpResponse:
    """A fresh code with how to use it: the only time that its digits are known."""
    try:
        code, digits = create_pairing_code(tenant=request.tenant, actor=request.user)
    except RateLimited as refusal:
        minutes = ceil(int(refusal.headers["Retry-After"]) / 60)
        return render(request, "devices/_pairing_refused.html", {"minutes": minutes}, status=422)
    except LimitReached as refusal:
        reason = {"reason": refusal.message}
        return render(request, "devices/_pairing_refused.html", reason, status=422)
    context = {
        "code": code,
        "digits": digits,
        "qr": _qr_code(pairing_url(digits)),
        "seconds": int(CODE_LIFETIME.total_seconds()),
        "url": settings.PUBLIC_URL,
        **smsgate_context(),
    }
    return render(request, "devices/_pairing.html", context)


@require_safe
@member_required(Role.ADMIN)
def pair_state(request: MemberRequest, code_id: int) -> HttpResponse:
    """The phone that used the code; 204, which leaves the page as it is, while none has."""
    code = pairing_code_for(request.tenant, code_id)
    if code.device is None:
        return HttpResponse(status=204)
    others = Device.objects.of(request.tenant).exclude(pk=code.device.pk)
    context = {
        "code": code,
        "device": code.device,
        "is_first": not others.exists(),
        "is_smsgate": code.device.app.startswith("SMSGate"),
    }
    return render(request, "devices/_paired.html", context)


def smsgate_context() -> dict[str, object]:
    """What is typed into the SMSGate app (integrations/phones/smsgate), for its instructions."""
    return {
        "smsgate_url": f"{settings.PUBLIC_URL}/api/mobile/v1",
        "is_secure": settings.PUBLIC_URL.startswith("https:"),
    }


def _qr_code(url: str) -> str:
    """An SVG element without a style, so that the content security policy lets it be."""
    return segno.make(url, error="m").svg_inline(omitsize=True, svgclass=None, lineclass=None)
