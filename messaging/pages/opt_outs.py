"""The numbers that want no more texts."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from accounts.api.lists import PageQuery, page_of
from accounts.errors import InvalidInput
from accounts.members import MemberRequest, Role, may, member_required
from devices.numbers import InvalidNumber, parse_number
from messaging.directory import opt_outs_for
from messaging.models import OptOut
from messaging.pages.contact_forms import NumberForm
from messaging.search import opt_outs_matching
from messaging.services.opt_outs import opt_in, opt_out


class OptOutsPage(PageQuery):
    """The query string of the list."""

    limit: int = 30
    q: str = ""


@member_required()
def opt_outs(request: MemberRequest) -> HttpResponse:
    """The list, and a number more."""
    if request.method != "POST":
        return _page(request, NumberForm())
    if not may(request.membership, Role.OPERATOR):
        return render(request, "not_allowed.html", {"role": Role.OPERATOR}, status=403)
    form = NumberForm(request.POST)
    if form.is_valid():
        try:
            number = parse_number(form.cleaned_data["number"], request.tenant.default_country)
        except InvalidNumber as error:
            form.add_error("number", str(error))
        else:
            is_new = opt_out(tenant=request.tenant, number=number, source=OptOut.Source.DASHBOARD)
            said = "gets no more texts." if is_new else "had opted out before."
            messages.success(request, f"{number} {said}")
            return redirect("contacts-opt-outs")
    return _page(request, form)


@require_POST
@member_required(Role.ADMIN)
def remove(request: MemberRequest) -> HttpResponse:
    """Let a number get texts again, once it is typed."""
    number = request.POST.get("number", "")
    found = opt_outs_for(request.tenant).filter(number=number.replace("\x00", "")).first()
    if found is None:
        raise Http404
    if request.POST.get("typed", "").strip() != found.number:
        return _page(request, NumberForm(), f"Type {found.number} to let it in again.")
    opt_in(tenant=request.tenant, number=found.number, actor=request.user)
    messages.success(request, f"{found.number} can get texts again.")
    return redirect("contacts-opt-outs")


def _page(request: MemberRequest, form: NumberForm, refused: str = "") -> HttpResponse:
    text = request.GET.get("q", "").replace("\x00", "").strip()[:40]
    query = OptOutsPage(cursor=request.GET.get("cursor") or None, q=text)
    found = opt_outs_for(request.tenant)
    if text:
        found = opt_outs_matching(found, text, country=request.tenant.default_country)
    try:
        rows, following = page_of(found, tenant=request.tenant, query=query)
    except InvalidInput:  # a cursor of another list
        return redirect("contacts-opt-outs")
    context = {
        "rows": rows,
        "following": following,
        "form": form,
        "text": text,
        "refused": refused,
    }
    if request.headers.get("HX-Request") == "true":
        return render(request, "contacts/_opt_out_rows.html", context)
    status = 422 if refused or form.errors else 200
    return render(request, "contacts/opt_outs.html", context, status=status)
