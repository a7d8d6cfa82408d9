"""A new integration in three steps: which product, its name, and its first payload."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.errors import GatewayError
from accounts.members import MemberRequest, Role, member_required
from accounts.pages.errors import show_error
from integrations.ingress.pages.forms import NewForm
from integrations.ingress.pages.presets import PURPOSES
from integrations.ingress.pages.views import address_of, find_ingress
from integrations.ingress.presets import PRESETS
from integrations.ingress.queries import payloads_of
from integrations.ingress.services.ingresses import create_ingress
from integrations.ingress.wishes import IngressWish


@require_http_methods(["GET", "HEAD", "POST"])
@member_required(Role.ADMIN)
def new(request: MemberRequest) -> HttpResponse:
    """Steps 1 and 2: the preset is in the query string."""
    preset = PRESETS.get(request.GET.get("preset", ""))
    if preset is None:
        choices = [(one, PURPOSES.get(one.slug, "")) for one in PRESETS.values()]
        return render(request, "ingress/new.html", {"choices": choices})
    form = NewForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        wish = IngressWish(preset=preset.slug, **form.cleaned_data)
        try:
            ingress = create_ingress(tenant=request.tenant, wish=wish, actor=request.user)
            return redirect("integrations-setup", ingress.external_id)
        except GatewayError as error:
            show_error(form, error)
    context = {"preset": preset, "purpose": PURPOSES.get(preset.slug, ""), "form": form}
    return render(request, "ingress/name.html", context, status=422 if form.errors else 200)


@require_safe
@member_required(Role.ADMIN)
def setup(request: MemberRequest, ingress_id: str) -> HttpResponse:
    """Step 3: the URL, what to do in the product, and then the first payload by itself."""
    ingress = find_ingress(request, ingress_id)
    context = {
        "ingress": ingress,
        "address": address_of(request, ingress),
        "preset": PRESETS[ingress.preset],
        "payload": payloads_of(ingress).first(),
    }
    return render(request, "ingress/setup.html", context)


@require_safe
@member_required(Role.ADMIN)
def first_payload(request: MemberRequest, ingress_id: str) -> HttpResponse:
    """What came in last, or that nothing has."""
    ingress = find_ingress(request, ingress_id)
    context = {"ingress": ingress, "payload": payloads_of(ingress).first()}
    return render(request, "ingress/_first.html", context)
