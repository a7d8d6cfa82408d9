"""The list of messages, and what happens on it while somebody looks."""

from __future__ import annotations

from uuid import UUID

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
MOST_SHOWN = MOST_NEW + 1  # of those below, none can be among the newest that are asked for
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
    """Rows that are not among `shown`, the page's first ones, and those of `open` that changed.

    Both are lists with commas, of `msg_…` and of `msg_….status`. A message that was stored late,
    under an id before others', is new as well. 204, which leaves the page as it is, for nothing.
    """
    form = _valid(request)
    shown = _ids(request.GET.get("shown", ""))
    rows, _ = page_of_rows(request.tenant, form.query(limit=MOST_SHOWN))
    lowest = min(shown, default=None)
    fresh = [
        row
        for row in rows
        if lowest and row.message.public_id > lowest and row.message.public_id not in shown
    ]
    changed = rows_changed(request.tenant, _watched(request.GET.get("open", "")))
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


def _ids(text: str) -> set[UUID]:
    """The public ids of rows; what no page sent is left out."""
    ids = {decode_id(Message.ID_PREFIX, item) for item in text.split(",")[:MOST_SHOWN]}
    return {public_id for public_id in ids if public_id is not None}


def _watched(text: str) -> dict[str, str]:
    """Public id (hex) -> status of the rows that a page watches; what no page sent is left out."""
    watched = {}
    for item in text.split(",")[:MOST_WATCHED]:
        external_id, _, status = item.partition(".")
        public_id = decode_id(Message.ID_PREFIX, external_id)
        if public_id is not None and status in Status.values:
            watched[public_id.hex] = status
    return watched
