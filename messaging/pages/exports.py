"""Exports of the list: started there, watched and fetched here."""

from __future__ import annotations

from django.contrib import messages as toasts
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.errors import NotFound, RateLimited
from accounts.members import MemberRequest, Role, member_required
from messaging.models import Export
from messaging.pages.filter_form import FilterForm
from messaging.services.exports import (
    delete_export,
    export_for,
    exports_for,
    pieces_of,
    start_export,
)

_TYPES = {
    Export.Format.CSV: "text/csv; charset=utf-8",
    Export.Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@require_http_methods(["GET", "HEAD", "POST"])
@member_required(Role.OPERATOR)
def exports(request: MemberRequest) -> HttpResponse:
    """The exports of the last day; posted, starts one of what the URL's filters let through."""
    if request.method == "POST":
        return _start(request)
    return _show(request, "messaging/exports.html")


@require_safe
@member_required(Role.OPERATOR)
def export_rows(request: MemberRequest) -> HttpResponse:
    """The same without the frame, while one is being written."""
    return _show(request, "messaging/_exports.html")


@require_safe
@member_required(Role.OPERATOR)
def download(request: MemberRequest, export_id: str) -> HttpResponseBase:
    """The file, once it is whole."""
    export = _find(request, export_id)
    if export.status != Export.Status.DONE:
        raise Http404
    made_at = timezone.localtime(export.created_at)
    name = f"messages-{made_at:%Y-%m-%d-%H%M}.{export.format}"
    return StreamingHttpResponse(
        pieces_of(export),
        content_type=_TYPES[Export.Format(export.format)],
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
        },
    )


@require_POST
@member_required(Role.OPERATOR)
def delete(request: MemberRequest, export_id: str) -> HttpResponse:
    """Stop it if it is being written, and delete what there is."""
    delete_export(export=_find(request, export_id), user=request.user)
    toasts.success(request, "The export is deleted.")
    return redirect("messages-exports")


def _start(request: MemberRequest) -> HttpResponse:
    form = FilterForm(request.GET, tenant=request.tenant)
    file_format = request.POST.get("format", "")
    if form.errors or file_format not in Export.Format.values:
        raise Http404
    try:
        start_export(
            tenant=request.tenant,
            user=request.user,
            query=form.query(),
            file_format=Export.Format(file_format),
            summary=form.summary,
        )
    except RateLimited:
        toasts.error(request, "That were many exports in one day. Try again tomorrow.")
    return redirect("messages-exports")


def _show(request: MemberRequest, template: str) -> HttpResponse:
    found = list(exports_for(request.tenant))
    context = {
        "exports": found,
        "are_open": any(export.is_open for export in found),
    }
    return render(request, template, context)


def _find(request: MemberRequest, export_id: str) -> Export:
    try:
        return export_for(request.tenant, export_id)
    except NotFound as error:
        raise Http404 from error
