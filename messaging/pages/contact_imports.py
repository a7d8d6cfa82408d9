"""Contacts from a file: choose it, look at what is in it, then store it."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render

from accounts.errors import GatewayError, InvalidInput
from accounts.ids import decode_id
from accounts.members import MemberRequest, Role, member_required
from accounts.pages.errors import show_error
from messaging.directory import groups_named
from messaging.models import ContactImport, Group
from messaging.pages.contact_forms import ImportForm, UploadForm
from messaging.services.contact_imports import (
    MAX_ROWS,
    Row,
    apply_import,
    known_numbers,
    prepare_import,
)

SHOWN_ROWS = 10
SHOWN_REFUSED = 200


@member_required(Role.ADMIN)
def upload(request: MemberRequest) -> HttpResponse:
    """Choose a file."""
    is_sent = request.method == "POST"
    form = UploadForm(request.POST, request.FILES) if is_sent else UploadForm()
    if is_sent and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            pending = prepare_import(
                tenant=request.tenant, actor=request.user, file=file.file, file_name=file.name
            )
        except InvalidInput as error:
            show_error(form, error)
        else:
            return redirect("contacts-import-preview", pending.external_id)
    context = {"form": form, "max_rows": f"{MAX_ROWS:,}"}
    return render(request, "contacts/import.html", context, status=422 if form.errors else 200)


@member_required(Role.ADMIN)
def preview(request: MemberRequest, import_id: str) -> HttpResponse:
    """What was read; a post stores it."""
    pending = _pending(request, import_id)
    form = ImportForm(request.POST or None, tenant=request.tenant)
    if request.method == "POST" and form.is_valid():
        try:
            done = apply_import(
                pending=pending,
                actor=request.user,
                updates=form.cleaned_data["existing"] == "update",
                group=_group(request, form.cleaned_data["group"]),
            )
        except GatewayError as error:
            show_error(form, error)
        else:
            text = f"{done.created} added, {done.updated} updated, {done.kept} left as they were."
            messages.success(request, text)
            return redirect("contacts")
    context = {
        "pending": pending,
        "form": form,
        "sample": [Row(*row) for row in pending.rows[:SHOWN_ROWS]],
        "good": len(pending.rows),
        "known": known_numbers(pending),
        "refused": pending.refused[:SHOWN_REFUSED],
        "refused_more": max(0, len(pending.refused) - SHOWN_REFUSED),
    }
    status = 422 if form.errors else 200
    return render(request, "contacts/import_preview.html", context, status=status)


def _group(request: MemberRequest, group_id: str) -> Group | None:
    return groups_named(request.tenant, [group_id], path="group")[0] if group_id else None


def _pending(request: MemberRequest, import_id: str) -> ContactImport:
    public_id = decode_id(ContactImport.ID_PREFIX, import_id)
    waiting = ContactImport.objects.filter(tenant=request.tenant, created_by=request.user)
    found = waiting.filter(public_id=public_id).first() if public_id else None
    if found is None:
        raise Http404
    return found
