"""The list of phones, the page of one, and what people change there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.members import MemberRequest, Role, View, member_required
from devices.models import Device
from devices.pages.cards import ShownAlert, cards_of
from devices.pages.charts import HEIGHT, WIDTH, battery_line, signal_line
from devices.pages.forms import LimitsForm, NameForm, RevokeForm
from devices.queries import device_for, devices_for, past_alerts, vitals_of_day
from devices.services import devices as services

PAST_ALERTS = 10


@require_safe
@member_required()
def devices(request: MemberRequest) -> HttpResponse:
    """All phones as cards."""
    return render(request, "devices/devices.html", _cards(request))


@require_safe
@member_required()
def cards(request: MemberRequest) -> HttpResponse:
    """The cards alone, for when something has changed."""
    return render(request, "devices/_cards.html", _cards(request))


@require_safe
@member_required()
def device(request: MemberRequest, device_id: str) -> HttpResponse:
    """One phone, with all that can be done to it."""
    return _page(request, device_for(request.tenant, device_id, with_revoked=True))


@require_safe
@member_required()
def facts(request: MemberRequest, device_id: str) -> HttpResponse:
    """What changes by itself on the page of one phone."""
    found = device_for(request.tenant, device_id, with_revoked=True)
    return render(request, "devices/_facts.html", _facts(found))


@require_POST
@member_required(Role.ADMIN)
def rename(request: MemberRequest, device_id: str) -> HttpResponse:
    found, form = device_for(request.tenant, device_id), NameForm(request.POST)
    if not form.is_valid():
        return _page(request, found, status=422, name_form=form)
    name = form.cleaned_data["name"]
    services.rename_device(device=found, name=name, actor=request.user)
    return _done(request, found, f"The phone is now called {name}.")


@require_POST
@member_required(Role.ADMIN)
def limit(request: MemberRequest, device_id: str, slot: int) -> HttpResponse:
    """Replace the budget of the SIM in `slot`."""
    found = device_for(request.tenant, device_id)
    sim = next((sim for sim in found.sims.all() if sim.slot == slot), None)
    if sim is None:
        raise Http404
    form = LimitsForm(request.POST, sim=sim)
    if not form.is_valid():
        return _page(request, found, status=422, limits={slot: form})
    services.limit_sim(sim=sim, limits=form.limits(), actor=request.user)
    return _done(request, found, f"The limits of SIM {slot} are saved.")


@require_POST
@member_required(Role.ADMIN)
def revoke(request: MemberRequest, device_id: str) -> HttpResponse:
    found = device_for(request.tenant, device_id)
    form = RevokeForm(request.POST, device=found)
    if not form.is_valid():
        return _page(request, found, status=422, revoke_form=form)
    services.revoke_device(device=found, actor=request.user)
    messages.success(request, f"{found.name} is revoked and can no longer connect.")
    return redirect("devices")


def change(service: Callable[..., object], done: str) -> View:
    """A view that does one thing to a phone; `done` is a sentence with `{name}`."""

    def view(request: MemberRequest, device_id: str) -> HttpResponse:
        found = device_for(request.tenant, device_id)
        service(device=found, actor=request.user)
        return _done(request, found, done.format(name=found.name))

    return require_POST(member_required(Role.ADMIN)(view))


make_default = change(services.make_default, "{name} is the default phone now.")
pause = change(services.pause_device, "{name} is paused: it sends nothing until you resume it.")
resume = change(services.resume_device, "{name} may send again.")


def _cards(request: MemberRequest) -> dict[str, Any]:
    with_revoked = request.GET.get("revoked") == "1"
    shown = list(devices_for(request.tenant, with_revoked=with_revoked))
    revoked = Device.objects.of(request.tenant).filter(status=Device.Status.REVOKED)
    return {
        "cards": cards_of(shown),
        "revoked_count": revoked.count(),
        "with_revoked": with_revoked,
    }


def _facts(device: Device) -> dict[str, Any]:
    (card,) = cards_of([device])
    vitals = vitals_of_day(device)
    lines = (
        ("Battery", "%", battery_line(vitals)),
        ("Signal", "of 4 bars", signal_line(vitals)),
    )
    return {
        "card": card,
        "device": device,
        "lines": [line for line in lines if line[2] is not None],
        "past": [ShownAlert.of(alert) for alert in past_alerts(device, PAST_ALERTS)],
        "chart": {"width": WIDTH, "height": HEIGHT},
    }


def _page(
    request: MemberRequest,
    device: Device,
    *,
    status: int = 200,
    limits: dict[int, LimitsForm] | None = None,
    **forms: Any,
) -> HttpResponse:
    """The whole page; `limits` (slot -> form) and `forms` are those that failed."""
    context = _facts(device) | {
        "name_form": NameForm(initial={"name": device.name}),
        "revoke_form": RevokeForm(device=device),
    }
    context["limits"] = [
        (use, (limits or {}).get(use.sim.slot) or LimitsForm(sim=use.sim))
        for use in context["card"].sims
    ]
    return render(request, "devices/device.html", context | forms, status=status)


def _done(request: HttpRequest, device: Device, sentence: str) -> HttpResponse:
    messages.success(request, sentence)
    return redirect("devices-detail", device.external_id)
