"""The pages about what was sent: the whole log, and one delivery with its tries."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.errors import GatewayError, NotFound
from accounts.members import MemberRequest, Role, member_required
from webhooks.models import Delivery, DeliveryAttempt, Endpoint
from webhooks.pages.forms import host_of, origin_of
from webhooks.pages.log import fresh_log, log_page
from webhooks.pages.views import masks_urls
from webhooks.queries import attempts_of, delivery_for
from webhooks.schedule import MAX_ATTEMPTS
from webhooks.services.replay import replay_delivery


class Try(NamedTuple):
    """An attempt; its headers as pairs, since one may have the name of a method of dict."""

    attempt: DeliveryAttempt
    request_headers: list[tuple[str, str]]
    response_headers: list[tuple[str, str]]

    @classmethod
    def of(cls, attempt: DeliveryAttempt) -> Try:
        asked, answered = attempt.request_headers.items(), attempt.response_headers.items()
        return cls(attempt, list(asked), list(answered))


@require_safe
@member_required()
def deliveries(request: MemberRequest) -> HttpResponse:
    """All that is sent: to endpoints, callbacks, and the URLs of rules and integrations."""
    log = log_page(request, None)
    template = "webhooks/_rows.html" if log.is_continued else "webhooks/deliveries.html"
    return render(request, template, log.context | {"masks": masks_urls(request)})


@require_safe
@member_required()
def fresh(request: MemberRequest) -> HttpResponse:
    """What is new in the whole log."""
    context = fresh_log(request, None) | {"masks": masks_urls(request)}
    return render(request, "webhooks/_fresh.html", context)


@require_safe
@member_required()
def delivery(request: MemberRequest, delivery_id: str) -> HttpResponse:
    """One delivery: what is sent, and each try with what came back."""
    return render(request, "webhooks/delivery.html", _tries(request, delivery_id))


@require_safe
@member_required()
def tries(request: MemberRequest, delivery_id: str) -> HttpResponse:
    """What changes by itself on the page of a delivery that waits."""
    return render(request, "webhooks/_tries.html", _tries(request, delivery_id))


@require_safe
@member_required(Role.OPERATOR)
def test_outcome(request: MemberRequest, delivery_id: str) -> HttpResponse:
    """What became of a test event so far."""
    return render(request, "webhooks/_test.html", _tries(request, delivery_id))


@require_POST
@member_required(Role.OPERATOR)
def replay(request: MemberRequest, delivery_id: str) -> HttpResponse:
    """Send the same bytes again."""
    found = find_delivery(request, delivery_id)
    try:
        replay_delivery(delivery=found)
        messages.success(request, "It is on its way again.")
    except GatewayError as error:
        messages.error(request, error.message)
    return redirect("webhooks-delivery", delivery_id)


def find_delivery(request: MemberRequest, delivery_id: str) -> Delivery:
    """The tenant's delivery; for any other the page of what does not exist."""
    try:
        return delivery_for(request.tenant, delivery_id)
    except NotFound as error:
        raise Http404 from error


def _tries(request: MemberRequest, delivery_id: str) -> dict[str, Any]:
    found = find_delivery(request, delivery_id)
    history = attempts_of(found)
    is_managed = found.endpoint.kind == Endpoint.Kind.ENDPOINT
    return {
        "delivery": found,
        "endpoint": found.endpoint if is_managed and not found.endpoint.deleted_at else None,
        "shown_url": origin_of(found.url) if masks_urls(request) else found.url,
        "pretty": pretty_json(found.event.body),
        "host": host_of(found.url),
        "history": [Try.of(attempt) for attempt in history],
        "last": history[-1] if history else None,
        "is_open": found.status == Delivery.Status.PENDING,
        "now": timezone.now(),
        "most_tries": MAX_ATTEMPTS,
    }


def pretty_json(text: str) -> str:
    """`text` indented for people, or nothing when it is no JSON."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return ""
