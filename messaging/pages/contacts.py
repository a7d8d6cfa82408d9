"""Contacts: the list, and one of them to look at, change or delete."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.api.lists import PageQuery, page_of
from accounts.errors import GatewayError, InvalidInput, NotFound
from accounts.members import MemberRequest, Role, may, member_required
from accounts.pages.errors import show_error
from messaging.directory import contact_for, contacts_with_groups, group_key, groups_for
from messaging.models import Contact
from messaging.pages.contact_forms import MOST_GROUPS, ContactForm
from messaging.queries import opted_out
from messaging.search import contacts_matching
from messaging.services.directory import create_contact, delete_contact, update_contact


class ContactsPage(PageQuery):
    """The query string of the list."""

    limit: int = 30
    q: str = ""
    group: str = ""

    @classmethod
    def of(cls, request: MemberRequest) -> ContactsPage:
        text = request.GET.get("q", "").replace("\x00", "").strip()[:100]
        return cls(
            cursor=request.GET.get("cursor") or None, q=text, group=request.GET.get("group", "")
        )


@require_safe
@member_required()
def contacts(request: MemberRequest) -> HttpResponse:
    """The list; its rows alone when htmx asks for them."""
    query = ContactsPage.of(request)
    try:
        page, following = page_of(_listed(request, query), tenant=request.tenant, query=query)
    except InvalidInput:  # a cursor of another list
        return redirect("contacts")
    gone = opted_out(request.tenant, [contact.number for contact in page]) if page else set()
    context: dict[str, Any] = {
        "rows": [(contact, contact.number in gone) for contact in page],
        "following": following,
        "text": query.q,
        "group": query.group,
    }
    if request.headers.get("HX-Request") == "true":
        return render(request, "contacts/_rows.html", context)
    context["groups"] = groups_for(request.tenant).order_by("name")[:MOST_GROUPS]
    return render(request, "contacts/contacts.html", context)


@member_required(Role.OPERATOR)
def new(request: MemberRequest) -> HttpResponse:
    """Add a contact; `number` in the address fills in the number."""
    number = request.GET.get("number", "")
    form = ContactForm(request.POST or None, tenant=request.tenant, number=number)
    if request.method == "POST" and form.is_valid():
        try:
            made = create_contact(tenant=request.tenant, details=form.details())
        except GatewayError as error:
            show_error(form, error)
        else:
            messages.success(request, f"{made} is in your contacts.")
            return redirect("contacts-detail", made.external_id)
    return _form(request, form, None)


@member_required()
def contact(request: MemberRequest, contact_id: str) -> HttpResponse:
    """One contact; operators change it: all that the form has, or nothing."""
    shown = _contact(request, contact_id)
    if request.method != "POST":
        return _form(request, ContactForm(tenant=request.tenant, contact=shown), shown)
    if not may(request.membership, Role.OPERATOR):
        return render(request, "not_allowed.html", {"role": Role.OPERATOR}, status=403)
    form = ContactForm(request.POST, tenant=request.tenant, contact=shown)
    if form.is_valid():
        try:
            update_contact(contact=shown, details=form.details())
        except GatewayError as error:
            show_error(form, error)
        else:
            messages.success(request, "Saved.")
            return redirect("contacts-detail", contact_id)
    return _form(request, form, shown)


@require_POST
@member_required(Role.OPERATOR)
def delete(request: MemberRequest, contact_id: str) -> HttpResponse:
    """Delete a contact, once its name (or its number, without one) is typed."""
    shown = _contact(request, contact_id)
    if request.POST.get("typed", "").strip() != str(shown).strip():
        form = ContactForm(tenant=request.tenant, contact=shown)
        return _form(request, form, shown, refused=f"Type {shown} to delete this contact.")
    delete_contact(contact=shown)
    messages.success(request, f"{shown} is deleted. Texts and opt-outs stay.")
    return redirect("contacts")


@require_safe
@member_required(Role.OPERATOR)
def field_row(request: MemberRequest) -> HttpResponse:
    """One more row for a field."""
    return render(request, "contacts/_field.html", {"key": "", "value": ""})


def _listed(request: MemberRequest, query: ContactsPage) -> QuerySet[Contact]:
    found = contacts_with_groups(request.tenant)
    if query.q:
        found = contacts_matching(found, query.q, country=request.tenant.default_country)
    if query.group:
        found = found.filter(groups=group_key(request.tenant, query.group))
    return found


def _form(
    request: MemberRequest, form: ContactForm, shown: Contact | None, refused: str = ""
) -> HttpResponse:
    is_gone = shown is not None and bool(opted_out(request.tenant, [shown.number]))
    context = {"form": form, "contact": shown, "is_opted_out": is_gone, "refused": refused}
    status = 422 if refused or form.errors else 200
    return render(request, "contacts/contact.html", context, status=status)


def _contact(request: MemberRequest, contact_id: str) -> Contact:
    try:
        return contact_for(request.tenant, contact_id)
    except NotFound as error:
        raise Http404 from error
