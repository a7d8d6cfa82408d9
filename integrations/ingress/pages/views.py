"""The pages about integrations: all of them, and each by itself."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.errors import GatewayError, InvalidInput, NotFound
from accounts.ids import decode_id
from accounts.members import MemberRequest, Role, may, member_required
from accounts.pages.errors import show_error
from integrations.ingress.api.outputs import ingress_out
from integrations.ingress.extraction import FieldPaths
from integrations.ingress.models import Ingress, IngressPayload
from integrations.ingress.pages.forms import DeleteForm, OptionsForm, PathsForm, SampleForm
from integrations.ingress.pages.tree import Node, tree_of
from integrations.ingress.presets import PRESETS
from integrations.ingress.queries import ingress_for, ingresses_for, payload_of, payloads_of
from integrations.ingress.services import ingresses as services
from integrations.ingress.services.log import KEPT
from integrations.ingress.services.rehearsal import Rehearsal, payload_again, rehearse
from integrations.ingress.wishes import IngressWish, check_wish


@dataclass(frozen=True, slots=True)
class Sample:
    """What is tried: a payload of the log, or a pasted one; without a tree it cannot be read."""

    logged: IngressPayload | None = None
    tree: Node | None = None
    rehearsal: Rehearsal | None = None
    problem: str = ""

    @property
    def source(self) -> str:
        """What the tree is of."""
        if self.logged is not None:
            return self.logged.external_id
        return "pasted" if self.tree else ""


@require_safe
@member_required()
def integrations(request: MemberRequest) -> HttpResponse:
    """All ingresses, with what came in last at each."""
    ingresses = list(ingresses_for(request.tenant))
    last = {payload.ingress_id: payload for payload in _last_payloads(ingresses)}
    rows = [(row, PRESETS[row.preset].title, last.get(row.pk)) for row in ingresses]
    return render(request, "ingress/integrations.html", {"rows": rows})


@require_safe
@member_required()
def integration(request: MemberRequest, ingress_id: str) -> HttpResponse:
    """One ingress: its URL, its paths tried on a payload, its options and its log."""
    return _page(request, find_ingress(request, ingress_id))


@require_safe
@member_required()
def fresh(request: MemberRequest, ingress_id: str) -> HttpResponse:
    """Payloads that came in after the one named."""
    ingress = find_ingress(request, ingress_id)
    after = decode_id(IngressPayload.ID_PREFIX, request.GET.get("after", ""))
    payloads = payloads_of(ingress).defer("body")
    if after is not None:
        payloads = payloads.filter(public_id__gt=after)
    rows = list(payloads[:KEPT])
    context = {"ingress": ingress, "payloads": rows, "is_fresh": True}
    context["newest"] = rows[0].external_id if rows else request.GET.get("after", "")
    return render(request, "ingress/_fresh.html", context)


@require_POST
@member_required(Role.ADMIN)
def save_paths(request: MemberRequest, ingress_id: str) -> HttpResponse:
    """Look elsewhere from now on."""
    ingress = find_ingress(request, ingress_id)
    form = PathsForm(request.POST, ingress=ingress)
    if _saved(request, ingress, form, lambda: form.cleaned_data):
        messages.success(request, "Saved. The next payload is read this way.")
        return redirect("integrations-detail", ingress_id)
    return _page(request, ingress, status=422, paths_form=form)


@require_POST
@member_required(Role.ADMIN)
def save_options(request: MemberRequest, ingress_id: str) -> HttpResponse:
    """Another name, secret, limit or URL for inbound texts."""
    ingress = find_ingress(request, ingress_id)
    form = OptionsForm(request.POST, ingress=ingress)
    if _saved(request, ingress, form, form.changes):
        messages.success(request, "Saved.")
        return redirect("integrations-detail", ingress_id)
    return _page(request, find_ingress(request, ingress_id), status=422, options_form=form)


@require_POST
@member_required(Role.ADMIN)
def try_paths(request: MemberRequest, ingress_id: str) -> HttpResponse:
    """What edited paths find in a payload; nothing is saved and nothing sent."""
    ingress = find_ingress(request, ingress_id)
    form, chosen = PathsForm(request.POST, ingress=ingress), SampleForm(request.POST)
    sample = Sample()
    if form.is_valid() and chosen.is_valid():
        try:
            sample = _sample(_as_if(ingress, form.cleaned_data), ingress, chosen.cleaned_data)
        except GatewayError as error:
            show_error(form, error)
    status = 422 if form.errors or chosen.errors else 200
    context = {"paths_form": form, "sample_form": chosen, "sample": sample, "is_edited": True}
    if "HX-Request" not in request.headers:
        return _page(request, ingress, status=status, **context)
    # A tree that is there already stays as its reader has opened it.
    context["is_other_tree"] = sample.source not in ("", request.POST.get("tree_of"))
    return render(request, "ingress/_tried.html", context, status=status)


@require_POST
@member_required(Role.ADMIN)
def rotate(request: MemberRequest, ingress_id: str) -> HttpResponse:
    """A new URL; the old one is dead at once."""
    services.rotate_token(ingress=find_ingress(request, ingress_id), actor=request.user)
    messages.success(request, "This is the new URL. The old one answers 404 from now on.")
    return redirect("integrations-detail", ingress_id)


@require_POST
@member_required(Role.ADMIN)
def delete(request: MemberRequest, ingress_id: str) -> HttpResponse:
    """End it, once its name is typed."""
    ingress = find_ingress(request, ingress_id)
    form = DeleteForm(request.POST, ingress=ingress)
    if not form.is_valid():
        return _page(request, ingress, status=422, delete_form=form)
    services.delete_ingress(ingress=ingress, actor=request.user)
    messages.success(request, f"{ingress.name} is deleted. What it sent stays.")
    return redirect("integrations")


def find_ingress(request: MemberRequest, ingress_id: str) -> Ingress:
    """The tenant's ingress; for any other the page of what does not exist."""
    try:
        return ingress_for(request.tenant, ingress_id)
    except NotFound as error:
        raise Http404 from error


def address_of(request: MemberRequest, ingress: Ingress) -> str:
    """The URL to post to; masked for those below admin, as whoever knows it can send."""
    return ingress_out(ingress, shows_token=may(request.membership, Role.ADMIN)).url


def _last_payloads(ingresses: list[Ingress]) -> list[IngressPayload]:
    """The newest payload of each, without its body; an ingress has 50 at most."""
    payloads = IngressPayload.objects.filter(ingress__in=ingresses).defer("body")
    return list(payloads.order_by("ingress_id", "-id").distinct("ingress_id"))


def _saved(request: MemberRequest, ingress: Ingress, form: Any, changes: Any) -> bool:
    if not form.is_valid():
        return False
    try:
        services.update_ingress(ingress=ingress, changes=changes(), actor=request.user)
    except GatewayError as error:
        show_error(form, error)
        return False
    return True


def _as_if(ingress: Ingress, changes: dict[str, Any]) -> Ingress:
    """A copy with other paths, which is not saved; raises InvalidInput."""
    check_wish(replace(IngressWish.of(ingress), **changes))
    changed = copy(ingress)
    for name, value in changes.items():
        setattr(changed, name, value)
    return changed


def _sample(changed: Ingress, ingress: Ingress, chosen: dict[str, Any]) -> Sample:
    """What was pasted, else the payload of the log, as `changed` would read it."""
    if chosen["pasted"] is not None:
        payload = chosen["pasted"]
        return Sample(None, tree_of(payload), rehearse(ingress=changed, payload=payload))
    logged = payload_of(ingress, chosen["payload_id"]) if chosen["payload_id"] else None
    return _logged_sample(changed, logged)


def _logged_sample(ingress: Ingress, logged: IngressPayload | None) -> Sample:
    if logged is None:
        return Sample()
    try:
        payload = payload_again(logged)
    except InvalidInput as error:
        return Sample(logged, problem=error.message)
    return Sample(logged, tree_of(payload), rehearse(ingress=ingress, payload=payload))


def _page(
    request: MemberRequest, ingress: Ingress, *, status: int = 200, **given: Any
) -> HttpResponse:
    """The whole page; `given` are forms that failed, and the sample that was tried."""
    payloads = list(payloads_of(ingress).defer("body")[:KEPT])
    if "sample" not in given:
        wanted = request.GET.get("payload", "") or (payloads[0].external_id if payloads else "")
        given["sample"] = _logged_sample(ingress, payload_of(ingress, wanted))
    context = {
        "ingress": ingress,
        "address": address_of(request, ingress),
        "preset": PRESETS[ingress.preset],
        "paths": FieldPaths.of(ingress),
        "payloads": payloads,
        "newest": payloads[0].external_id if payloads else "",
        "paths_form": PathsForm(ingress=ingress),
        "sample_form": SampleForm(),
        "options_form": OptionsForm(ingress=ingress),
        "delete_form": DeleteForm(ingress=ingress),
    }
    return render(request, "ingress/integration.html", context | given, status=status)
