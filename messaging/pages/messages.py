"""The list of messages, and what happens on it while somebody looks."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.errors import InvalidInput
from accounts.ids import decode_id
from accounts.members import MemberRequest, member_required
from devices.models import Device
from messaging.models import Export, Message
from messaging.pages.filter_form import FilterForm
from messaging.pages.rows import page_of_rows, rows_changed
from messaging.services.exports import MOST_ROWS
from messaging.states import Status

MOST_NEW = 50
MOST_WATCHED = 100


@require_safe
@member_required()
def messages(request: MemberRequest) -> HttpResponse:
    """The newest messages that go through the URL's filters."""
    form = FilterForm(request.GET, tenant=request.tenant)
    rows, cursor = page_of_rows(request.tenant, form.query()) if not form.errors else ([], None)
    is_empty = not rows and not form.errors and not form.chosen
    context = {
        "form": form,
        "rows": rows,
        "cursor": cursor,
        "formats": [(kind.value, kind.label, f"{MOST_ROWS[kind]:,}") for kind in Export.Format],
        "is_empty": is_empty,
        "has_phone": not is_empty or Device.objects.of(request.tenant).usable().exists(),
        "public_url": settings.PUBLIC_URL,
    }
    return render(request, "messaging/messages.html", context)


@require_safe
@member_required()
def more(request: MemberRequest) -> HttpResponse:
    """The rows below the page that `cursor` ends."""
    form = _valid(request)
    try:
        rows, cursor = page_of_rows(
            request.tenant, form.query(cursor=request.GET.get("cursor", ""))
        )
    except InvalidInput as error:
        raise Http404 from error
    context = {"form": form, "rows": rows, "cursor": cursor}
    return render(request, "messaging/_rows.html", context)


@require_safe
@member_required()
def news(request: MemberRequest) -> HttpResponse:
    """Rows that came since `newest`, and those of `open` (`msg_….status,…`) that changed.

    204, which leaves the page as it is, when there are none.
    """
    form = _valid(request)
    newest = decode_id(Message.ID_PREFIX, request.GET.get("newest", ""))
    rows, _ = page_of_rows(request.tenant, form.query(limit=MOST_NEW + 1))
    fresh = [row for row in rows if newest is not None and row.message.public_id > newest]
    changed = rows_changed(request.tenant, _shown(request.GET.get("open", "")))
    if not fresh and not changed:
        return HttpResponse(status=204)
    are_many = len(fresh) > MOST_NEW
    context = {
        "form": form,
        "fresh": [] if are_many else fresh,
        "changed": changed,
        "are_many": are_many,
        "most": MOST_NEW,
    }
    return render(request, "messaging/_news.html", context)


def _valid(request: MemberRequest) -> FilterForm:
    """The filters of a fragment's URL, which a page of ours has written."""
    form = FilterForm(request.GET, tenant=request.tenant)
    if form.errors:
        raise Http404
    return form


def _shown(text: str) -> dict[str, str]:
    """Public id (hex) -> status of the rows that a page watches; what no page sent is left out."""
    shown = {}
    for item in text.split(",")[:MOST_WATCHED]:
        external_id, _, status = item.partition(".")
        public_id = decode_id(Message.ID_PREFIX, external_id)
        if public_id is not None and status in Status.values:
            shown[public_id.hex] = status
    return shown
