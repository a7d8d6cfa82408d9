"""Groups of contacts."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from accounts.api.lists import PageQuery, page_of
from accounts.errors import GatewayError, InvalidInput, NotFound
from accounts.members import MemberRequest, Role, may, member_required
from accounts.pages.errors import show_error
from messaging.directory import group_for, groups_for
from messaging.models import Group
from messaging.pages.contact_forms import GroupForm
from messaging.services.directory import create_group, delete_group, rename_group


class GroupsPage(PageQuery):
    """The query string of the list."""

    limit: int = 30


@member_required()
def groups(request: MemberRequest) -> HttpResponse:
    """The list, and a new one."""
    if request.method != "POST":
        return _page(request, GroupForm())
    if not may(request.membership, Role.OPERATOR):
        return render(request, "not_allowed.html", {"role": Role.OPERATOR}, status=403)
    form = GroupForm(request.POST)
    if form.is_valid():
        try:
            made = create_group(tenant=request.tenant, name=form.cleaned_data["name"])
        except GatewayError as error:
            show_error(form, error)
        else:
            messages.success(request, f"There is a group {made.name} now.")
            return redirect("contacts-groups")
    return _page(request, form)


@member_required(Role.OPERATOR)
def rename(request: MemberRequest, group_id: str) -> HttpResponse:
    """Another name."""
    group = _group(request, group_id)
    form = GroupForm(request.POST or None, initial={"name": group.name})
    if request.method == "POST" and form.is_valid():
        try:
            rename_group(group=group, name=form.cleaned_data["name"])
        except GatewayError as error:
            show_error(form, error)
        else:
            messages.success(request, f"{group.name} is {form.cleaned_data['name']} now.")
            return redirect("contacts-groups")
    return _group_page(request, group, form)


@require_POST
@member_required(Role.OPERATOR)
def delete(request: MemberRequest, group_id: str) -> HttpResponse:
    """Delete a group, once its name is typed."""
    group = _group(request, group_id)
    if request.POST.get("typed", "").strip() != group.name.strip():
        form = GroupForm(initial={"name": group.name})
        return _group_page(request, group, form, f"Type {group.name} to delete this group.")
    delete_group(group=group)
    messages.success(request, f"The group {group.name} is deleted. Its contacts stay.")
    return redirect("contacts-groups")


def _page(request: MemberRequest, form: GroupForm) -> HttpResponse:
    query = GroupsPage(cursor=request.GET.get("cursor") or None)
    try:
        rows, following = page_of(groups_for(request.tenant), tenant=request.tenant, query=query)
    except InvalidInput:  # a cursor of another list
        return redirect("contacts-groups")
    context = {"rows": rows, "following": following, "form": form}
    if request.headers.get("HX-Request") == "true":
        return render(request, "contacts/_group_rows.html", context)
    return render(request, "contacts/groups.html", context, status=422 if form.errors else 200)


def _group_page(
    request: MemberRequest, group: Group, form: GroupForm, refused: str = ""
) -> HttpResponse:
    context = {"group": group, "form": form, "refused": refused}
    status = 422 if refused or form.errors else 200
    return render(request, "contacts/group.html", context, status=status)


def _group(request: MemberRequest, group_id: str) -> Group:
    try:
        return group_for(request.tenant, group_id)
    except NotFound as error:
        raise Http404 from error
